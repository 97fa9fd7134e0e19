"""Rows of an opened photo as they are stored; where they break off, how many there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from ..errors import ReadError
from .foreign import unread_compression
from .libvips import reason
from .source import Source, load, loader_of

_DTYPES = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32}


def fetch(source: Source, region: Any, rows: slice) -> NDArray[Any]:
    """Decode some rows: (rows, W, samples) as stored, integers or floats within 0 to 1.

    Args:
        source: The opened photo.
        region: `pyvips.Region` of its image; rows are asked for from top to bottom.
        rows: Which, as the file has them, not turned upright.
    Raises:
        ReadError: The data breaks off, has no decoder here, or floats are not within 0 to 1.
    """
    image, height = source.image, rows.stop - rows.start
    try:
        data = region.fetch(0, rows.start, image.width, height)
    except pyvips.Error as error:
        raise _undecoded(source, rows.start, error) from error
    block = np.frombuffer(data, _DTYPES[image.format]).reshape(height, image.width, image.bands)
    if image.format == "float":
        _check_floats(block, source.path)
    return block


def _check_floats(block: NDArray[np.float32], path: Path) -> None:
    low, high = float(block.min()), float(block.max())
    if not (low >= 0 and high <= 1):
        found = "values that are not numbers" if np.isnan(low) else f"{low:g} to {high:g}"
        raise ReadError(
            f"{path}: expected floats within 0 to 1, got {found}; scale it, or save it as 16 bit"
        )


def _undecoded(source: Source, row: int, error: pyvips.Error) -> ReadError:
    """Say why rows are missing: nobody here can decode them, or the file is damaged."""
    found = unread_compression(str(error), source.directory)
    if found:
        plain = "uncompressed or with LZW or Deflate"
        return ReadError(
            f"{source.path}: expected a compression that the libvips here can read, got {found}; "
            f"save it {plain if source.kind == 'tiff' else 'as JPEG or TIFF'}"
        )
    return _cut_short(source, row, error)


def _cut_short(source: Source, row: int, error: pyvips.Error) -> ReadError:
    """Say how much of a damaged picture can be decoded, down to a hundredth of its height."""
    height = source.image.height
    step = max(1, height // 100)
    try:
        loader, _ = loader_of(source.path)
        image, _held = load(loader, source.path, source.directory, source.page, source.below)
        region = pyvips.Region.new(image)
        for row in range(0, height, step):
            region.fetch(0, row, image.width, min(step, height - row))
    except (pyvips.Error, OSError):
        pass
    return ReadError(
        f"{source.path}: expected {height} rows, got {row} before the data broke off "
        f"({reason(error)}); copy or scan it again"
    )
