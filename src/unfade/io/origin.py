"""What became of each pixel, as a picture that shows it and a table that says it.

The file is an indexed PNG of the photo's size: the stored number of a pixel is its `Origin`, its
color is that of the legend, and the legend itself is in the text chunks.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import WriteError
from .png import SIGNATURE
from .whole import whole

PIECE = 2**20


class Entry(NamedTuple):
    """One line of the legend: words, and a color of red, green and blue from 0 to 255."""

    words: str
    color: tuple[int, int, int]


def write_origin(
    origin: NDArray[np.uint8], path: str | os.PathLike[str], legend: Mapping[int, Entry]
) -> None:
    """Write what became of each pixel as an indexed PNG.

    Args:
        origin: (H, W) uint8 of `Origin`.
        path: A PNG file.
        legend: What each number means and how it is shown; every number from 0 on.
    Raises:
        WriteError: The file cannot be written.
        ValueError: A number has no line in the legend.
    """
    path = Path(path)
    if int(origin.max()) >= len(legend):
        raise ValueError(f"origin goes up to {origin.max()}, the legend to {len(legend) - 1}")
    height, width = origin.shape
    try:
        with whole(path) as temporary, temporary.open("wb") as file:
            file.write(SIGNATURE)
            _chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
            for keyword, text in _texts(legend):
                _chunk(file, b"tEXt", keyword.encode() + b"\0" + text.encode("latin-1"))
            _chunk(file, b"PLTE", bytes(v for n in sorted(legend) for v in legend[n].color))
            _write_rows(origin, lambda data: _chunk(file, b"IDAT", data))
            _chunk(file, b"IEND", b"")
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {error.strerror or error}") from error


def _texts(legend: Mapping[int, Entry]) -> list[tuple[str, str]]:
    lines = [
        f"{number} (#{bytes(entry.color).hex()}): {entry.words}"
        for number, entry in sorted(legend.items())
    ]
    return [("Title", "What became of each pixel"), ("Description", "\n".join(lines))]


def _write_rows(origin: NDArray[np.uint8], write: Callable[[bytes], None]) -> None:
    packer = zlib.compressobj(6)
    rows = max(1, PIECE // origin.shape[1])
    for top in range(0, origin.shape[0], rows):
        block = origin[top : top + rows]
        # Each row begins with the number of its filter: 0, none.
        if data := packer.compress(np.pad(block, ((0, 0), (1, 0))).tobytes()):
            write(data)
    write(packer.flush())


def _chunk(file: BinaryIO, name: bytes, body: bytes) -> None:
    crc = zlib.crc32(body, zlib.crc32(name))
    file.write(struct.pack(">I4s", len(body), name) + body + struct.pack(">I", crc))
