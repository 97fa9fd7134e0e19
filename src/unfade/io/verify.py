"""Untouched means untouched: what was written is read back and compared with what was read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

from ..errors import WriteError
from ..photo import Metadata, Photo
from .alpha import is_associated
from .read import Strips
from .rows import fetch
from .source import Source, open_source

Plane = NDArray[np.float32]


def why_not_exact(before: Metadata, format: str, bits: int, lossless_webp: bool) -> str:
    """Say why a file cannot hold the integers of a photo; empty where it can.

    Args:
        before: Of the photo as it was read.
        format: Of the file to write.
        bits: Bits per sample of the file to write.
        lossless_webp: Whether a WebP would be written without loss.
    """
    if "converted" in before.encoding:
        return f"its colors were converted on reading ({before.encoding['converted']})"
    if format not in ("tiff", "png") and not (format == "webp" and lossless_webp):
        return f"{format} stores every pixel anew, with loss; write a TIFF or PNG"
    if format != "tiff" and is_associated(before):
        return f"its colors are multiplied by its alpha, and {format} has them divided by it"
    if bits != before.bits:
        return f"it has {before.bits} bits per sample and the file would have {bits}"
    return ""


def check_untouched(path: Path, named: Path, before: Photo, after: Photo, strips: Strips) -> int:
    """Read a written photo back and compare its untouched pixels with those it was made from.

    Alpha and infrared, where the file has them, must be the same everywhere.

    Args:
        path: The file, lossless and of the same depth.
        named: The name it shall get, for the error.
        before: The photo as it was read.
        after: What was written; of the same size, its `origin` says what is untouched.
        strips: Walks over the rows.
    Returns:
        The number of untouched pixels, all found to be equal.
    Raises:
        WriteError: An untouched pixel is not the one that was read.
    """
    source = open_source(path, 2**62)
    region = pyvips.Region.new(source.image)
    count = 0

    def compare(strip: slice) -> None:
        nonlocal count
        stored = fetch(source, region, strip)
        origin = None if after.origin is None else after.origin[strip]
        untouched = np.ones(stored.shape[:2], bool) if origin is None else origin == 0
        count += int(np.count_nonzero(untouched))
        wrong = untouched & _differs(source, stored[:, :, : source.colors], before.pixels[strip])
        for number, name in enumerate(source.planes, source.colors):
            plane = before.alpha if name == "alpha" else before.infrared
            if plane is not None:
                wrong |= _differs(source, stored[:, :, number : number + 1], plane[strip, :, None])
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise WriteError(
                f"{named}: {np.count_nonzero(wrong)} untouched pixels were not stored as they were "
                f"read, the first at row {strip.start + row}, column {column}; nothing was "
                "written. Check the disk and the memory of this machine"
            )

    strips(compare, before.size)
    return count


def _differs(source: Source, stored: NDArray[np.generic], expected: Plane) -> NDArray[np.bool_]:
    if source.top != 1:
        whole = np.rint(expected * np.float32(source.top)).astype(stored.dtype)
    else:
        whole = expected
    differs: NDArray[np.bool_] = (stored != whole).any(axis=2)
    return differs
