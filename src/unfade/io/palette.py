"""Class maps as palette PNG: each pixel keeps its number, and a viewer shows its color."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import WriteError
from .whole import whole

Color = tuple[int, int, int]


def write_palette(
    codes: NDArray[Any], colors: Sequence[Color], path: str | os.PathLike[str]
) -> None:
    """Write a map of numbers as an indexed PNG.

    Args:
        codes: (H, W) whole numbers from 0 to `len(colors) - 1`.
        colors: Red, green and blue, 0 to 255, of each number; at most 256.
        path: A PNG file.
    Raises:
        ValueError: The map has another shape or numbers without a color.
        WriteError: It cannot be written.
    References:
        W3C, Portable Network Graphics (PNG) Specification (Third Edition), 2025, 11.2.
    """
    target = Path(path)
    if codes.ndim != 2 or 0 in codes.shape:
        raise ValueError(f"a class map must be (H, W), got {codes.shape}")
    if codes.min() < 0 or codes.max() >= len(colors) or len(colors) > 256:
        raise ValueError(
            f"a class map of {len(colors)} colors holds 0 to {len(colors) - 1}, "
            f"got {codes.min()} to {codes.max()}"
        )
    height, width = codes.shape
    rows = np.zeros((height, width + 1), np.uint8)  # Each row begins with its filter: none.
    rows[:, 1:] = codes
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    palette = bytes(value for color in colors for value in color)
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(name, body)
        for name, body in (
            (b"IHDR", header),
            (b"PLTE", palette),
            (b"IDAT", zlib.compress(rows.tobytes(), 6)),
            (b"IEND", b""),
        )
    )
    try:
        with whole(target) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {error.strerror or error}") from error


def _chunk(name: bytes, body: bytes) -> bytes:
    check = zlib.crc32(body, zlib.crc32(name))
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", check)
