"""The chunks of a WebP file, as far as libvips leaves something to do.

After the WebP container specification (RFC 9649, section 2).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from .exif import EXIF_MARK


def is_lossless_webp(path: Path) -> bool:
    """Whether the (first) picture of a WebP file is stored without loss."""
    with path.open("rb") as file:
        file.seek(12)
        while len(start := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", start)
            if name in (b"VP8 ", b"VP8L"):
                return bool(name == b"VP8L")
            # A frame of an animation wraps its picture after a header of 16 bytes.
            file.seek(16 if name == b"ANMF" else size + size % 2, os.SEEK_CUR)
    return False


def finish_webp(path: Path, exif: bytes) -> None:
    """Put a photo's own EXIF block in the place of the one that libvips made of it.

    Args:
        path: The file, changed in place; it has an EXIF chunk.
        exif: Block with its mark.
    """
    block = exif.removeprefix(EXIF_MARK)
    part = path.with_name(path.name + ".webp")
    try:
        with path.open("rb") as coded, part.open("xb") as file:
            file.write(coded.read(12))
            while len(start := coded.read(8)) == 8:
                name, size = struct.unpack("<4sI", start)
                if name == b"EXIF":
                    coded.seek(size + size % 2, os.SEEK_CUR)
                    file.write(struct.pack("<4sI", name, len(block)) + block)
                    file.write(b"\0" * (len(block) % 2))
                else:
                    file.write(start)
                    file.write(coded.read(size + size % 2))
            length = file.tell()
            file.seek(4)
            file.write(struct.pack("<I", length - 8))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
