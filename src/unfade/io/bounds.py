"""What is refused before it is decoded: pictures that would fill the memory, or claim to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import ReadError
from .libvips import said
from .png import packed_png_bytes

JPEG_PIXELS_PER_BYTE = 1024
DEFLATE_RATIO = 1032
"""Bytes that a byte of deflate can hold at most, by the format: 258 in two bits."""

MAX_SIDE = 250_000
"""Pixels of the longer side; libvips holds many rows at once: 4 GiB where they have 8 million."""

MAX_WHOLE_PIXELS = 2**28
"""Of a picture whose decoder holds it in memory; at 8 bytes a pixel at worst these are 2 GiB."""

WHOLE = (("progressive JPEG", "jpeg-multiscan"), ("interlaced PNG", "interlaced"))
"""What must be decoded as a whole, besides all WebP, HEIF and AVIF, and what libvips says then."""


def check_size(image: Any, path: Path, max_pixels: int) -> None:
    """Refuse a picture of more pixels than are wanted.

    Raises:
        ReadError: It has more.
    """
    pixels = image.width * image.height
    if pixels > max_pixels:
        raise ReadError(
            f"{path}: expected at most {max_pixels:,} pixels, got {image.width:,} x "
            f"{image.height:,} = {pixels:,}; cut it into parts, or, if you trust the file, read it "
            "from Python with read(path, max_pixels=...)"
        )


def check_whole(image: Any, path: Path, kind: str) -> None:
    """Refuse what would fill the memory: a decoder that needs the whole picture there at once.

    A JPEG that ends early is filled with grey by its decoder, so one that is far too short for
    what its header claims is refused, too: a block of 64 pixels takes a bit at least.

    Raises:
        ReadError: It would, or it cannot be whole.
    """
    pixels = image.width * image.height
    if max(image.width, image.height) > MAX_SIDE:
        raise ReadError(
            f"{path}: expected at most {MAX_SIDE:,} pixels a side, got {image.width:,} x "
            f"{image.height:,}; cut it into parts"
        )
    if kind == "jpeg" and pixels > JPEG_PIXELS_PER_BYTE * path.stat().st_size:
        raise ReadError(
            f"{path}: expected a whole picture, got {path.stat().st_size} bytes for the "
            f"{image.width:,} x {image.height:,} pixels that it claims; copy or scan it again"
        )
    if kind == "png" and packed_png_bytes(path) > DEFLATE_RATIO * path.stat().st_size:
        raise ReadError(
            f"{path}: expected a whole picture, got {path.stat().st_size} bytes for the "
            f"{image.width:,} x {image.height:,} pixels that it claims; copy or scan it again"
        )
    how = next((name for name, field in WHOLE if said(image, field)), kind)
    if how not in ("jpeg", "png", "tiff") and pixels > MAX_WHOLE_PIXELS:
        raise ReadError(
            f"{path}: expected at most {MAX_WHOLE_PIXELS:,} pixels in a file that must be decoded "
            f"as a whole ({how}), got {pixels:,}; save it as a TIFF"
        )
