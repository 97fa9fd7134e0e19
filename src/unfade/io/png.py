"""The chunks of a PNG file: read them, and put a photo's own in place of a saver's.

After the PNG specification (third edition, W3C 2025), sections 5 and 14. A chunk about the picture
as it was coded belongs to the new coding; what is said about the photo goes on byte for byte.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from .exif import EXIF_MARK

SIGNATURE = b"\x89PNG\r\n\x1a\n"
XMP_KEYWORD = b"XML:com.adobe.xmp\0"
MOST_BYTES = 2**26
"""Of all chunks that are kept in memory."""

COLOR = (b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"mDCV", b"cLLI")
CODING = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_SAMPLES = (b"sBIT", b"bKGD")
_LEFT_OUT = (b"hIST", b"sPLT", b"acTL", b"fcTL", b"fdAT", b"caBX")
"""About a palette, further frames, and claims about the bytes as they were."""

_KNOWN = (*COLOR, *_SAMPLES, b"pHYs", b"tIME", b"eXIf", b"tEXt", b"zTXt", b"iTXt")


class Chunk(NamedTuple):
    """A chunk's name and content."""

    name: bytes
    body: bytes


def read_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Yield the chunks of a PNG; of the picture's data only the names, and all after them too."""
    file.seek(len(SIGNATURE))
    left = MOST_BYTES
    while len(start := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", start)
        if name == b"IDAT" or length > left:
            file.seek(length + 4, os.SEEK_CUR)
            yield Chunk(name, b"")
            continue
        left -= length
        body = file.read(length)
        file.seek(4, os.SEEK_CUR)
        yield Chunk(name, body)


def packed_png_bytes(path: Path) -> int:
    """Bytes of all samples as the header of a PNG states them, before deflate."""
    with path.open("rb") as file:
        start = file.read(26).ljust(26, b"\0")
    width, height, depth, color = struct.unpack(">IIBB", start[16:])
    return int(width * height * depth * {2: 3, 4: 2, 6: 4}.get(color, 1) // 8)


def kept_chunks(path: Path) -> tuple[Chunk, ...]:
    """The header of a photo's file, and its chunks that are not about its coding, in order."""
    with path.open("rb") as file:
        return tuple(chunk for chunk in read_chunks(file) if _is_kept(chunk))


def _is_kept(chunk: Chunk) -> bool:
    if chunk.name == b"IHDR" or chunk.name in _KNOWN:
        return True
    # The fourth letter says whether a program that does not know a chunk may copy it.
    return chunk.name not in (*CODING, *_LEFT_OUT) and chunk.name[3:].islower()


def png_resolution(chunks: tuple[Chunk, ...]) -> tuple[float, float] | None:
    """Pixels per inch as a `pHYs` chunk states them, or None."""
    for chunk in chunks:
        if chunk.name == b"pHYs" and len(chunk.body) == 9:
            x, y, unit = struct.unpack(">IIB", chunk.body)
            return (round(x * 0.0254, 3), round(y * 0.0254, 3)) if unit == 1 and x and y else None
    return None


def resolved_chunks(
    chunks: tuple[Chunk, ...], resolution_ppi: tuple[float, float]
) -> tuple[Chunk, ...]:
    """State another resolution, in whole pixels per meter."""
    x, y = (min(max(round(ppi / 0.0254), 1), 2**31 - 1) for ppi in resolution_ppi)
    return tuple(_with([*chunks], Chunk(b"pHYs", struct.pack(">IIB", x, y, 1)), b""))


def finish_png(
    path: Path,
    own: tuple[Chunk, ...] | None,
    exif: bytes,
    xmp: bytes | None,
    new_profile: bool,
    silent: bool,
) -> None:
    """Put a photo's chunks into a PNG that a saver wrote, in place of the saver's own.

    Args:
        path: The file, changed in place.
        own: Chunks of the photo's own file, or None where it was no PNG.
        exif: Block with its mark.
        xmp: Packet that takes the place of the photo's own; None keeps that.
        new_profile: Whether the saver's profile counts, not the photo's own.
        silent: Whether nobody knows the resolution, so that the saver's is made up.
    """
    with path.open("rb") as file:
        made = list(read_chunks(file))
    left = (*CODING, b"pHYs") if silent and own is None else CODING
    chunks = made if own is None else _own(own, made, new_profile)
    chunks = [chunk for chunk in chunks if chunk.name not in left]
    chunks = _with(chunks, Chunk(b"eXIf", exif.removeprefix(EXIF_MARK)), b"")
    if xmp is not None:
        body = XMP_KEYWORD + b"\0\0\0\0" + xmp
        chunks = _with(chunks, Chunk(b"iTXt", body), XMP_KEYWORD)
    part = path.with_name(path.name + ".png")
    try:
        with path.open("rb") as coded, part.open("xb") as file:
            file.write(SIGNATURE)
            _copy(coded, file, chunks)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _own(own: tuple[Chunk, ...], made: list[Chunk], new_profile: bool) -> list[Chunk]:
    same_samples = own[0].body[8:10] == made[0].body[8:10]
    left = [*(() if same_samples else _SAMPLES), *(COLOR if new_profile else ())]
    has_own = any(chunk.name == b"iCCP" for chunk in own) and not new_profile
    profile = [chunk for chunk in made if chunk.name == b"iCCP" and not has_own]
    return profile + [chunk for chunk in own if chunk.name not in left]


def _with(chunks: list[Chunk], new: Chunk, start: bytes) -> list[Chunk]:
    """Put a chunk in the place of that of its kind, or at the end."""
    at = [i for i, c in enumerate(chunks) if c.name == new.name and c.body.startswith(start)]
    if not at:
        return [*chunks, new]
    return [new if i == at[0] else c for i, c in enumerate(chunks) if i not in at[1:]]


def _copy(coded: BinaryIO, file: BinaryIO, chunks: list[Chunk]) -> None:
    """Copy what codes the picture, with the other chunks behind the header."""
    coded.seek(len(SIGNATURE))
    while len(start := coded.read(8)) == 8:
        length, name = struct.unpack(">I4s", start)
        if name not in CODING:
            coded.seek(length + 4, os.SEEK_CUR)
            continue
        file.write(start)
        _copy_bytes(coded, file, length + 4)
        if name == b"IHDR":
            for chunk in chunks:
                crc = zlib.crc32(chunk.body, zlib.crc32(chunk.name))
                file.write(struct.pack(">I4s", len(chunk.body), chunk.name))
                file.write(chunk.body + struct.pack(">I", crc))


def _copy_bytes(source: BinaryIO, file: BinaryIO, length: int) -> None:
    while length > 0 and (data := source.read(min(length, 2**20))):
        length -= file.write(data)
