"""The segments of a JPEG file: read them, and put a photo's own in place of a saver's.

Marker segments after ITU-T T.81, B.1.1. What a segment says about the picture as it was coded
(size, tables, Adobe's color transform) belongs to the new coding; all else is the photo's.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .exif import EXIF_MARK
from .iptc import MARK, RESOLUTION_INFO, THUMBNAILS, without_resources

JFIF, APP1, APP2, APP13, ADOBE, COMMENT, SCAN = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE, 0xDA
XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
ICC_MARK = b"ICC_PROFILE\0"
MOST_BYTES = 65533
"""Of one segment, after its length."""

MOST_KEPT = 2**26
"""Of all segments together that are carried over; no camera or scanner comes near it."""

_LEFT_OUT = ((0xE0, b"JFXX\0"), (0xE2, b"MPF\0"), (0xEB, b"JP"))
"""A thumbnail, other pictures behind this one, and claims about the bytes as they were."""

# ITU-T T.81, table K.1; its order does not matter here, only the sum of the scaled table does.
_LUMA_TABLE = np.fromstring(
    """
    16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55
    14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62
    18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92
    49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99
    """,
    dtype=np.int64,
    sep=" ",
)

# The same, table K.2: 17 18 24 47 99 ... with all that follows 99.
_CHROMA_TABLE = np.array(
    [17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 66, 56, 66, *[99] * 51], dtype=np.int64
)


class Segment(NamedTuple):
    """A marker and what follows its length."""

    marker: int
    body: bytes


def read_segments(file: BinaryIO) -> Iterator[Segment]:
    """Yield the segments between the start of a JPEG and its first scan, leaving the file there.

    A file that breaks off, or that goes on with something else, ends them.
    """
    file.seek(2)
    while True:
        at = file.tell()
        start = file.read(4)
        while len(start) == 4 and start[:2] == b"\xff\xff":
            # Any number of fill bytes may precede a marker.
            start = start[1:] + file.read(1)
        length = struct.unpack(">H", start[2:])[0] if len(start) == 4 else 0
        if length < 2 or start[0] != 0xFF or start[1] == SCAN:
            file.seek(at)
            return
        yield Segment(start[1], file.read(length - 2))


def kept_segments(path: Path) -> tuple[Segment, ...]:
    """The segments of a photo's file that are not about its coding, in their order."""
    kept, left = [], MOST_KEPT
    with path.open("rb") as file:
        for segment in read_segments(file):
            if _is_kept(segment) and len(segment.body) <= left:
                kept.append(segment)
                left -= len(segment.body) + 4
    return tuple(_without_resources(kept, THUMBNAILS))


def _without_resources(segments: list[Segment], numbers: Collection[int]) -> list[Segment]:
    """Leave out some of Photoshop's resources, such as thumbnails, which show it unrestored.

    They are one block, however many segments it is spread over.
    """
    pieces = [s for s in segments if s.marker == APP13 and s.body.startswith(MARK)]
    block = b"".join(segment.body[len(MARK) :] for segment in pieces)
    cleaned = without_resources(block, numbers)
    if cleaned == block:
        return segments
    room = MOST_BYTES - len(MARK)
    parts = [cleaned[at : at + room] for at in range(0, len(cleaned), room)]
    first = segments.index(pieces[0])
    others = [segment for segment in segments if segment not in pieces]
    others[first:first] = [Segment(APP13, MARK + part) for part in parts]
    return others


def _is_kept(segment: Segment) -> bool:
    if segment.marker == COMMENT:
        return True
    if segment.marker == ADOBE and segment.body.startswith(b"Adobe"):
        return False
    left_out = any(segment.marker == m and segment.body.startswith(s) for m, s in _LEFT_OUT)
    return 0xE0 <= segment.marker <= 0xEF and not left_out


def finish_jpeg(
    path: Path,
    own: tuple[Segment, ...] | None,
    exif: bytes,
    xmp: bytes | None,
    profile: bytes | None,
    silent: bool,
) -> None:
    """Put a photo's segments into a JPEG that a saver wrote, in place of the saver's own.

    Args:
        path: The file, changed in place.
        own: Segments of the photo's own file, or None where it was no JPEG: the saver's then.
        exif: Block with its mark.
        xmp: Packet, or None for none.
        profile: ICC profile, or None for none.
        silent: Whether nobody knows the resolution, so that the saver's is made up.
    """
    part = path.with_name(path.name + ".jpeg")
    try:
        with path.open("rb") as coded, part.open("xb") as file:
            made = list(read_segments(coded))
            if own is None:
                own = tuple(_with_density(s, 0, 1, 1) if silent else s for s in made if _is_kept(s))
            file.write(b"\xff\xd8")
            _write(file, _merged(own, exif, xmp, profile))
            _write(file, [segment for segment in made if not _is_kept(segment)])
            shutil.copyfileobj(coded, file, 2**20)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def jfif_resolution(segments: tuple[Segment, ...]) -> tuple[float, float] | None:
    """Pixels per inch as a JFIF segment states them, or None; JFIF 1.02."""
    for segment in segments:
        if segment.marker == JFIF and segment.body[:5] == b"JFIF\0" and len(segment.body) >= 12:
            unit, x, y = struct.unpack_from(">BHH", segment.body, 7)
            scale = {1: 1.0, 2: 2.54}.get(unit)
            return (x * scale, y * scale) if scale and x and y else None
    return None


def resolved_segments(
    segments: tuple[Segment, ...], resolution_ppi: tuple[float, float]
) -> tuple[Segment, ...]:
    """State another resolution where JFIF does, in whole pixels per inch; Photoshop's goes."""
    x, y = (min(max(round(ppi), 1), 65535) for ppi in resolution_ppi)
    kept = _without_resources(list(segments), [RESOLUTION_INFO])
    return tuple(_with_density(segment, 1, x, y) for segment in kept)


def _with_density(segment: Segment, unit: int, x: int, y: int) -> Segment:
    """A JFIF segment that states this; without unit it is the shape of a pixel; others as are."""
    if segment.marker != JFIF or segment.body[:5] != b"JFIF\0" or len(segment.body) < 12:
        return segment
    body = bytearray(segment.body)
    struct.pack_into(">BHH", body, 7, unit, x, y)
    return Segment(JFIF, bytes(body))


def _merged(
    own: tuple[Segment, ...], exif: bytes, xmp: bytes | None, profile: bytes | None
) -> list[Segment]:
    """The photo's segments with its blocks as they are now, each where it stood or in front."""
    blocks = {
        EXIF_MARK: [Segment(APP1, exif)] if len(exif) <= MOST_BYTES else [],
        XMP_MARK: [Segment(APP1, XMP_MARK + xmp)] if xmp else [],
        ICC_MARK: _profile_segments(profile) if profile else [],
    }
    merged: list[Segment] = []
    for segment in own:
        mark = next((mark for mark in blocks if segment.body.startswith(mark)), None)
        if mark is None or segment.marker not in (APP1, APP2):
            merged.append(segment)
        else:
            merged += blocks[mark]
            blocks[mark] = []
    # JFIF wants to be the first.
    first = 1 if merged and merged[0].marker == JFIF else 0
    merged[first:first] = [segment for pieces in blocks.values() for segment in pieces]
    return merged


def _profile_segments(profile: bytes) -> list[Segment]:
    """ICC.1, annex B.4: pieces with their number and count."""
    room = MOST_BYTES - len(ICC_MARK) - 2
    pieces = [profile[at : at + room] for at in range(0, len(profile), room)]
    return [
        Segment(APP2, ICC_MARK + bytes([number, len(pieces)]) + piece)
        for number, piece in enumerate(pieces, 1)
    ]


def _write(file: BinaryIO, segments: list[Segment]) -> None:
    for segment in segments:
        file.write(struct.pack(">BBH", 0xFF, segment.marker, len(segment.body) + 2))
        file.write(segment.body)


def jpeg_quality(path: Path) -> int | None:
    """Estimate the quality of a JPEG on the scale of the IJG from its quantisation tables.

    Returns:
        1 to 100, the better of luminance and chrominance; None if no table comes before the
        picture.
    """
    found: dict[int, int] = {}
    with path.open("rb") as file:
        for segment in read_segments(file):
            if segment.marker == 0xDB:
                found |= _tables(segment.body)
    qualities = [
        _nearest_quality(found[number], table)
        for number, table in enumerate((_LUMA_TABLE, _CHROMA_TABLE))
        if number in found
    ]
    return max(qualities, default=None)


def _tables(body: bytes) -> dict[int, int]:
    """Sums of the quantisation tables in a segment, by number."""
    sums, at = {}, 0
    while at < len(body):
        width, number = 1 + (body[at] >> 4), body[at] & 15
        if len(body) >= at + 1 + 64 * width:
            numbers = np.frombuffer(body, ">u2" if width == 2 else "u1", 64, at + 1)
            sums[number] = int(numbers.sum())
        at += 1 + 64 * width
    return sums


def _nearest_quality(total: int, base: NDArray[np.int64]) -> int:
    qualities = np.arange(1, 101)
    scale = np.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    tables = np.clip((base[:, None] * scale + 50) // 100, 1, 255)
    return int(qualities[np.abs(tables.sum(axis=0) - total).argmin()])
