"""The grammar of TIFF and EXIF: directories of tags, read and written byte for byte.

After TIFF 6.0 (1992), section 2, and the BigTIFF design of libtiff. Tag values are kept as bytes,
so that what is not understood is carried all the same.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import struct
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import numpy as np
from numpy.typing import ArrayLike

IMAGE_WIDTH, IMAGE_HEIGHT, BITS_PER_SAMPLE, SAMPLES_PER_PIXEL = 256, 257, 258, 277
COMPRESSION, PHOTOMETRIC, ORIENTATION, PREDICTOR, SAMPLE_FORMAT = 259, 262, 274, 317, 339
STRIP_OFFSETS, ROWS_PER_STRIP, STRIP_BYTES, TILE_WIDTH, TILE_HEIGHT = 273, 278, 279, 322, 323
TILE_OFFSETS, TILE_BYTES = 324, 325
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
SOFTWARE, EXTRA_SAMPLES = 305, 338
KIND_OF_PAGE, SUB_DIRECTORIES, XMP, IPTC_RECORDS, ICC_PROFILE = 254, 330, 700, 33723, 34675
PHOTOSHOP = 34377
EXIF_TAGS, GPS_TAGS, INTEROPERABILITY_TAGS = 34665, 34853, 40965
UNDEFINED = 7
"""Type of a field: bytes of which TIFF knows nothing."""

POINTERS = (EXIF_TAGS, GPS_TAGS, INTEROPERABILITY_TAGS)

COMPRESSIONS = {
    1: "none",
    5: "lzw",
    7: "jpeg",
    8: "deflate",
    32773: "packbits",
    32946: "deflate",
    50000: "zstd",
}
PREDICTORS = {1: "none", 2: "horizontal", 3: "float"}

MAX_PAGES = 4096
MAX_SUB_DIRECTORIES = 16
MOST_CLAIMED = 16
"""Times the size of a file that the values of its tags may claim; honest ones do not overlap."""


_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}
_MAX_TAG_BYTES = 2**26
_SHORT_TAG_BYTES = 2**14
"""Of the tags of one directory together, when they are read and when only looked at."""

_SCRATCH_STRIP_BYTES = 2**18


class TagError(ValueError):
    """A directory of tags that does not follow the TIFF grammar, or lies outside the file."""


class OverclaimError(TagError):
    """Directories whose tags together claim far more bytes than the file has."""


@dataclasses.dataclass(frozen=True)
class Tag:
    """One entry of a directory.

    Attributes:
        kind: TIFF field type, 1 to 18.
        count: Number of values of that type.
        value: The values, little-endian whatever the file's order was.
        at: Position of the value in the file it was read from.
        inside: The directory it points to, for EXIF, GPS and interoperability.
    """

    kind: int
    count: int
    value: bytes
    at: int = 0
    inside: Mapping[int, Tag] | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """The values as integers; empty for text, fractions and floats."""
        code = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}.get(self.kind)
        return struct.unpack(f"<{self.count}{code}", self.value) if code else ()


@dataclasses.dataclass(frozen=True)
class Directory:
    """One directory of a TIFF file, a page of it, or the first of an EXIF block.

    Attributes:
        order: `<` or `>`, as `struct` writes it.
        big: Whether the file is a BigTIFF, with offsets of 64 bits.
        tags: Entries by number.
        entries: The same as raw bytes, for a copy within the same file.
        next_at: Position of the offset of the next directory.
        next: That offset; 0 in the last directory.
        at: Where it lies in the file.
    """

    order: str
    big: bool
    tags: Mapping[int, Tag]
    entries: Mapping[int, bytes]
    next_at: int
    next: int = 0
    at: int = 0

    def claim(self, raw: bytes) -> int:
        """Bytes that the value of a raw entry takes, as it says."""
        word = "Q" if self.big else "I"
        kind, count = struct.unpack_from(self.order + "H" + word, raw, 2)
        return int(_SIZES.get(kind, 1) * count)

    def number(self, tag: int, default: int) -> int:
        """The first value of a tag, or the default of the format."""
        numbers = self.tags[tag].numbers if tag in self.tags else ()
        return numbers[0] if numbers else default


def read_directory(file: BinaryIO) -> Directory:
    """Read the first directory of a TIFF file, or of an EXIF block without its mark.

    Raises:
        TagError: It is no TIFF, or what it points to lies outside the file.
    """
    return read_page(file, 0)


def read_page(file: BinaryIO, number: int) -> Directory:
    """Read the directory of a page of a TIFF file, from 0, with all its tags.

    Raises:
        TagError: As in `read_directory`, or there is no such page.
    """
    for found, directory in enumerate(walk_directories(file)):
        if found == number:
            return _directory(file, directory.at, directory.order, directory.big)
    raise TagError(f"there is no page {number + 1}")


def walk_directories(file: BinaryIO) -> Iterator[Directory]:
    """Read the directories of a TIFF file, page by page, with their short tags only.

    Raises:
        TagError: As in `read_directory`, or the pages go round in a ring.
        OverclaimError: Tags of many pages lie over each other, which would take libtiff hours.
    """
    start = _take(file, 0, 8)
    order = {b"II": "<", b"MM": ">"}.get(start[:2])
    if order is None:
        raise TagError("the header is not that of a TIFF")
    big = struct.unpack(order + "H", start[2:4])[0] == 43
    if big:
        (at,) = struct.unpack(order + "Q", _take(file, 8, 8))
    else:
        (at,) = struct.unpack(order + "I", start[4:8])
    seen: set[int] = set()
    left = MOST_CLAIMED * (file.seek(0, os.SEEK_END) + 2**20)
    while at or not seen:
        if at in seen or len(seen) >= MAX_PAGES:
            raise TagError(f"a chain of pages without an end, at page {len(seen)}")
        seen.add(at)
        directory = _directory(file, at, order, big, depth=2, left=_SHORT_TAG_BYTES)
        left -= sum(map(directory.claim, directory.entries.values()))
        if left < 0:
            raise OverclaimError(f"tags of {len(seen)} pages lie over each other")
        yield directory
        at = directory.next


def sub_directories(file: BinaryIO, page: Directory) -> list[Directory]:
    """Read the directories below a page (tag SubIFDs); none where they are damaged."""
    tag = page.tags.get(SUB_DIRECTORIES)
    try:
        return [
            _directory(file, at, page.order, page.big)
            for at in (tag.numbers if tag else ())[:MAX_SUB_DIRECTORIES]
        ]
    except TagError:
        return []


def _directory(
    file: BinaryIO, at: int, order: str, big: bool, depth: int = 0, left: int = _MAX_TAG_BYTES
) -> Directory:
    """Read a directory; tags that together hold more than `left` bytes are left out."""
    length, entry = ("Q", 20) if big else ("H", 12)
    head = struct.calcsize(order + length)
    (count,) = struct.unpack(order + length, _take(file, at, head))
    if count > 4096:
        raise TagError(f"a directory of {count} tags")
    table = _take(file, at + head, count * entry)
    tags: dict[int, Tag] = {}
    entries: dict[int, bytes] = {}
    for index in range(count):
        raw = table[index * entry : (index + 1) * entry]
        (number,) = struct.unpack(order + "H", raw[:2])
        entries[number] = raw
        # One bad tag does not spoil the others, nor the photo.
        with contextlib.suppress(TagError):
            tag = _tag(file, at + head + index * entry, raw, order, big, left)
            left -= len(tag.value)
            if number in POINTERS and depth < 2 and tag.numbers:
                inside = _directory(file, tag.numbers[0], order, big, depth + 1).tags
                tag = dataclasses.replace(tag, inside=inside)
            tags[number] = tag
    next_at = at + head + count * entry
    following = 0
    if depth in (0, 2):
        # An EXIF block may end without the offset of a next directory.
        with contextlib.suppress(TagError):
            word = "Q" if big else "I"
            data = _take(file, next_at, struct.calcsize(order + word))
            (following,) = struct.unpack(order + word, data)
    return Directory(order, big, tags, entries, next_at, following, at)


def _tag(file: BinaryIO, at: int, raw: bytes, order: str, big: bool, most: int) -> Tag:
    room, word = (8, "Q") if big else (4, "I")
    number, kind, count = struct.unpack(order + "HH" + word, raw[: 4 + room])
    size = _SIZES.get(kind, 1) * count
    if size > most:
        raise TagError(f"a tag of {size} bytes")
    if size <= room:
        at = at + len(raw) - room
        value = raw[len(raw) - room :][:size]
    else:
        (at,) = struct.unpack(order + word, raw[len(raw) - room :])
        value = _take(file, at, size)
    if number in (IPTC_RECORDS, PHOTOSHOP):
        # Declared as 32-bit numbers by some, but they are bytes, in one order everywhere.
        return Tag(UNDEFINED, size, value, at)
    return Tag(kind, count, _swapped(value, kind) if order == ">" else value, at)


def _swapped(value: bytes, kind: int) -> bytes:
    """Values of a type in the other byte order."""
    unit = 4 if kind in (5, 10) else _SIZES.get(kind, 1)
    return np.frombuffer(value, f">u{unit}").astype(f"<u{unit}").tobytes()


def _take(file: BinaryIO, at: int, size: int) -> bytes:
    length = file.seek(0, os.SEEK_END)
    data = b""
    if at + size <= length:
        file.seek(at)
        data = file.read(size)
    if len(data) < size:
        raise TagError(f"{size} bytes are expected at byte {at} of a file of {length} bytes")
    return data


def pack_directory(
    tags: Mapping[int, Tag],
    at: int,
    big: bool = False,
    kept: Mapping[int, bytes] | None = None,
    order: str = "<",
) -> bytes:
    """Write a directory that will lie at byte `at`, the last of its file.

    Args:
        tags: New entries.
        at: Where it will lie; a new value of more than its entry holds follows it.
        big: Whether the file is a BigTIFF.
        kept: Raw entries of the same file, taken over as they are.
        order: `<` or `>`, that of the file.
    """
    kept = kept or {}
    number, word, room = ("Q", "Q", 8) if big else ("H", "I", 4)
    numbers = sorted({*tags, *kept})
    head = struct.pack(order + number, len(numbers))
    free = at + len(head) + (4 + 2 * room) * len(numbers) + room
    entries, rest = b"", b""
    for key in numbers:
        if key not in tags:
            entries += kept[key]
            continue
        tag = tags[key]
        kind, count = tag.kind, tag.count
        value = tag.value if order == "<" else _swapped(tag.value, kind)
        if tag.inside is not None or len(value) > room:
            rest += b"\0" * (len(rest) % 2)
            where = free + len(rest)
            if tag.inside is not None:
                kind, count = (18, 1) if big else (4, 1)
                rest += pack_directory(tag.inside, where, big, order=order)
            else:
                rest += value
            value = struct.pack(order + word, where)
        entries += struct.pack(order + "HH" + word, key, kind, count) + value.ljust(room, b"\0")
    return head + entries + bytes(room) + rest


def point_header(file: BinaryIO, at: int, order: str, big: bool) -> None:
    """Make the directory at byte `at` the first of a TIFF file."""
    file.seek(8 if big else 4)
    file.write(struct.pack(order + ("Q" if big else "I"), at))


def shorts(*values: int) -> Tag:
    """A tag of 16-bit numbers."""
    return Tag(3, len(values), struct.pack(f"<{len(values)}H", *values))


def longs(values: ArrayLike) -> Tag:
    """A tag of 64-bit numbers, for a BigTIFF."""
    numbers = np.atleast_1d(np.asarray(values, "<u8"))
    return Tag(16, len(numbers), numbers.tobytes())


def ascii_tag(text: str) -> Tag:
    """A tag of text."""
    data = text.encode() + b"\0"
    return Tag(2, len(data), data)


def scratch_header(shape: tuple[int, int, int], depth: int, colors: int) -> bytes:
    """Make the header of an uncompressed BigTIFF whose rows follow it without a gap.

    Args:
        shape: (height, width, samples).
        depth: Bits per sample: 8, 16 or 32 (float).
        colors: 1 or 3; further samples are unspecified.
    """
    height, width, samples = shape
    row_bytes = width * samples * depth // 8
    rows = max(1, _SCRATCH_STRIP_BYTES // row_bytes)
    tops = np.arange(0, height, rows)
    counts = np.minimum(rows, height - tops) * row_bytes

    tags = {
        IMAGE_WIDTH: longs([width]),
        IMAGE_HEIGHT: longs([height]),
        BITS_PER_SAMPLE: shorts(*[depth] * samples),
        COMPRESSION: shorts(1),
        PHOTOMETRIC: shorts(1 if colors == 1 else 2),
        STRIP_OFFSETS: longs(tops),
        SAMPLES_PER_PIXEL: shorts(samples),
        ROWS_PER_STRIP: longs([rows]),
        STRIP_BYTES: longs(counts),
        SAMPLE_FORMAT: shorts(*[3 if depth == 32 else 1] * samples),
    }
    if samples > colors:
        tags[EXTRA_SAMPLES] = shorts(*[0] * (samples - colors))
    start = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16)
    length = len(start) + len(pack_directory(tags, len(start), big=True))
    tags[STRIP_OFFSETS] = longs(length + tops * row_bytes)
    return start + pack_directory(tags, len(start), big=True)
