"""A small picture of a large file, as fast as its format allows: JPEG is decoded at an eighth."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

from ..photo import Metadata, Photo
from .bounds import check_size, check_whole
from .read import MAX_PIXELS, read
from .source import check_file, loader_of, refusing

_TOPS = {"uchar": 255.0, "ushort": 65535.0}
_BITS = {"uchar": 8, "ushort": 16, "float": 32}
_GREY = ("b-w", "grey16")


@dataclasses.dataclass(frozen=True)
class Proxy:
    """A small picture, and what the header of its file says.

    Attributes:
        photo: The picture, upright, in the numbers of the file, without alpha and infrared. Its
            metadata has the format, bits, resolution and EXIF block of the file.
        size: (height, width) of the file's picture in pixels, upright.
        channels: Samples per pixel in the file, alpha and infrared counted.
    """

    photo: Photo
    size: tuple[int, int]
    channels: int


def read_proxy(path: str | os.PathLike[str], longest: int, max_pixels: int = MAX_PIXELS) -> Proxy:
    """Read a small version of a photo; every pixel of the file is decoded, or nearly so.

    Args:
        path: As in `read`.
        longest: Longest side of the picture in pixels; a smaller one is not enlarged.
        max_pixels: Larger pictures are refused before they are decoded.
    Raises:
        ReadError: The file is missing, damaged, too large, or not a picture.
    """
    path = Path(path)
    with refusing(path):
        check_file(path)
        _, kind = loader_of(path)
        header = pyvips.Image.new_from_file(str(path), access="sequential")
    check_size(header, path, max_pixels)
    check_whole(header, path, kind)
    with refusing(path):
        if header.format in _TOPS:
            small = pyvips.Image.thumbnail(
                str(path), longest, height=longest, size="down", fail_on="error"
            )
            pixels = _pixels(small)
        else:
            # libvips takes floats for linear light and would change them.
            pixels = read(path, max_pixels=max_pixels).proxy(longest)
    turned = bool(header.get_typeof("orientation") and header.get("orientation") >= 5)
    size = (header.width, header.height) if turned else (header.height, header.width)
    return Proxy(Photo(pixels, metadata=_metadata(header, path, kind, turned)), size, header.bands)


def _pixels(image: pyvips.Image) -> NDArray[np.float32]:
    colors = 1 if image.interpretation in _GREY or image.bands < 3 else 3
    data = image.numpy().reshape(image.height, image.width, -1)[:, :, :colors]
    return np.ascontiguousarray(data.astype(np.float32) / np.float32(_TOPS[image.format]))


def _metadata(header: pyvips.Image, path: Path, kind: str, turned: bool) -> Metadata:
    told = header.get_typeof("resolution-unit") or header.get_typeof("exif-data")
    fields = {"exif-data": header.get("exif-data")} if header.get_typeof("exif-data") else {}
    # libvips counts pixels per millimetre, and says 1 where a file says nothing.
    ppi = (header.xres * 25.4, header.yres * 25.4)
    return Metadata(
        source=str(path),
        format=kind,
        bits=_BITS.get(header.format, 8),
        resolution_ppi=(ppi[::-1] if turned else ppi) if told else None,
        fields=fields,
    )
