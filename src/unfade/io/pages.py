"""The pages of a TIFF file: which are photos, which is infrared, and pages laid together.

A page that is a thumbnail (reduced picture) or a mask of another is not a photo. SilverFast's HDRi
files keep the scanner's infrared plane as a second page, or in a directory below the first.
"""

from __future__ import annotations

import dataclasses
import os
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .iptc import THUMBNAILS, without_resources
from .tiff import (
    BITS_PER_SAMPLE,
    EXTRA_SAMPLES,
    IMAGE_HEIGHT,
    IMAGE_WIDTH,
    KIND_OF_PAGE,
    PHOTOSHOP,
    POINTERS,
    SAMPLES_PER_PIXEL,
    STRIP_BYTES,
    STRIP_OFFSETS,
    SUB_DIRECTORIES,
    TILE_BYTES,
    TILE_OFFSETS,
    UNDEFINED,
    Directory,
    OverclaimError,
    Tag,
    TagError,
    longs,
    pack_directory,
    point_header,
    read_directory,
    read_page,
    shorts,
    sub_directories,
    walk_directories,
)

REDUCED, MASK = 1, 4
"""Bits of NewSubfileType; TIFF 6.0, section 8."""

LARGEST_CLASSIC = 2**32 - 2**20
"""Bytes that 32-bit offsets reach, less some room for directories."""

RESOLUTION = (282, 283, 296)
COLOR_TAGS = (301, 318, 319, 34675)
"""Transfer function, white point, primaries and ICC profile."""

_CODING = frozenset(
    {*range(256, 260), 262, *range(263, 267), 273, 274, *range(277, 282), 284, *range(290, 294)}
    | {317, 320, *range(322, 326), 330, *range(332, 335), *range(338, 343), 347}
    | {*range(512, 522), *range(529, 533), 37724}
)
"""Tags of how pixels are stored, and Photoshop's layers, which show them unrestored."""

_PLACES = (STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES, SUB_DIRECTORIES)
"""Tags that say where in the file something lies."""


@dataclasses.dataclass(frozen=True)
class Page:
    """What one directory holds, without its tags.

    Attributes:
        number: Which page it is, from 0; for a directory below a page which of those.
        size: (height, width) in pixels.
        samples: Samples per pixel.
        bits: Bits per sample.
        kind: Bits of NewSubfileType.
    """

    number: int
    size: tuple[int, int]
    samples: int
    bits: int
    kind: int

    @property
    def is_photo(self) -> bool:
        """Whether it is a picture of its own."""
        return not self.kind & (REDUCED | MASK)

    def is_infrared_of(self, photo: Page) -> bool:
        """Whether it fits a color photo as the plane that a scanner saw in infrared."""
        same = (self.size, self.bits) == (photo.size, photo.bits)
        return same and self.samples == 1 and photo.samples == 3 and self.is_photo


def _page(directory: Directory, number: int) -> Page:
    size = directory.number(IMAGE_HEIGHT, 0), directory.number(IMAGE_WIDTH, 0)
    samples, bits = directory.number(SAMPLES_PER_PIXEL, 1), directory.number(BITS_PER_SAMPLE, 1)
    return Page(number, size, samples, bits, directory.number(KIND_OF_PAGE, 0))


def pages_of(file: BinaryIO) -> list[Page]:
    """List the pages of a TIFF; those behind a damaged one are left out.

    Raises:
        TagError: Not even the first can be read.
    """
    pages: list[Page] = []
    try:
        for number, directory in enumerate(walk_directories(file)):
            pages.append(_page(directory, number))
    except TagError as error:
        if not pages or isinstance(error, OverclaimError):
            raise
    return pages


def count_directories(file: BinaryIO) -> int:
    """The number of pages of a TIFF, photos or not."""
    return len(pages_of(file))


def photo_pages(file: BinaryIO) -> list[int]:
    """Numbers of the pages that are photos: neither thumbnail, mask nor infrared plane."""
    pages = pages_of(file)
    if _is_pair(pages):
        return [0]
    return [page.number for page in pages if page.is_photo] or [0]


def _is_pair(pages: Sequence[Page]) -> bool:
    """Whether a file is one color photo and its infrared plane, thumbnails aside."""
    photos = [page for page in pages if page.is_photo]
    return len(photos) == 2 and photos[0].number == 0 and photos[1].is_infrared_of(photos[0])


def infrared_place(file: BinaryIO, number: int) -> tuple[str, int] | None:
    """Find the infrared plane of a page: (`page` or `below`, its number), or None."""
    pages = pages_of(file)
    if number == 0 and _is_pair(pages):
        return "page", [page.number for page in pages if page.is_photo][1]
    lower = sub_directories(file, read_page(file, number))
    below = [_page(directory, k) for k, directory in enumerate(lower)]
    fitting = [page.number for page in below if page.is_infrared_of(pages[number])]
    return ("below", fitting[0]) if len(fitting) == 1 else None


def kept_tags(directory: Directory) -> dict[int, Tag]:
    """The tags of a page that are not about how its pixels are stored, and show no thumbnail."""
    tags = {
        number: tag
        for number, tag in directory.tags.items()
        if number not in _CODING and (number not in POINTERS or tag.inside is not None)
    }
    return without_photoshop(tags, THUMBNAILS)


def without_photoshop(tags: Mapping[int, Tag], numbers: Collection[int]) -> dict[int, Tag]:
    """Tags less some of Photoshop's resources."""
    left = dict(tags)
    block = without_resources(left.pop(PHOTOSHOP).value, numbers) if PHOTOSHOP in left else b""
    return left | ({PHOTOSHOP: Tag(UNDEFINED, len(block), block)} if block else {})


def finish_tiff(
    path: Path, tags: Mapping[int, Tag], extra_samples: tuple[int, ...], left_out: Iterable[int]
) -> None:
    """Add to a TIFF that libvips wrote what libvips cannot write.

    A second directory is put at the end, with the old entries, the photo's tags and the kinds of
    its extra samples, and the header is pointed to it.

    Args:
        path: The file, changed in place.
        tags: The photo's own; they take the place of those that libvips wrote.
        extra_samples: Kinds of the planes after the colors: 0 unspecified, 1 and 2 alpha.
        left_out: Tags that libvips wrote and nobody said.
    """
    added = dict(tags)
    if extra_samples:
        added[EXTRA_SAMPLES] = shorts(*extra_samples)
    with path.open("r+b") as file:
        old = read_directory(file)
        left = set(left_out) - set(added)
        kept = {number: raw for number, raw in old.entries.items() if number not in left}
        at = file.seek(0, os.SEEK_END)
        at += file.write(b"\0" * (at % 2))
        file.write(pack_directory(added, at, old.big, kept, old.order))
        point_header(file, at, old.order, old.big)


def join_pages(
    parts: Sequence[Path], target: Path, below: Sequence[Path] = (), big: bool | None = None
) -> None:
    """Lay the first pages of TIFF files together in one file, without touching their pixels.

    Args:
        parts: A file for each page, in order; all of one byte order.
        target: The file to make.
        below: Files whose first pages are put into directories below the first page.
        big: Whether it is a BigTIFF; by default only where 4 GiB do not hold it.
    """
    if big is None:
        total = sum(part.stat().st_size for part in (*parts, *below))
        big = total > LARGEST_CLASSIC
    with target.open("wb") as file:
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0) if big else b"II*\0\0\0\0\0")
        lower = [_append(file, part, big)[0] for part in below]
        link = 8 if big else 4
        for index, part in enumerate(parts):
            at, following = _append(file, part, big, lower if index == 0 else ())
            file.seek(link)
            file.write(struct.pack("<Q" if big else "<I", at))
            link = following


def _append(file: BinaryIO, part: Path, big: bool, lower: Sequence[int] = ()) -> tuple[int, int]:
    """Copy the first page of a file to the end of another, with the sub-images it has.

    Args:
        file: Where to.
        part: The file with the page.
        big: Whether `file` is a BigTIFF.
        lower: Where further directories below the page already lie in `file`.
    Returns:
        Where its directory lies, and where in it the offset of the next is to be written.
    """
    with part.open("rb") as source:
        page = read_directory(source)
        own = [
            _append_directory(file, source, below, big)[0]
            for below in sub_directories(source, page)
            if STRIP_OFFSETS in below.tags or TILE_OFFSETS in below.tags
        ]
        return _append_directory(file, source, page, big, [*own, *lower])


def _append_directory(
    file: BinaryIO, source: BinaryIO, directory: Directory, big: bool, lower: Sequence[int] = ()
) -> tuple[int, int]:
    """Copy a directory with its strips or tiles; what lay below it is only what `lower` says."""
    tags = {number: tag for number, tag in directory.tags.items() if number not in _PLACES}
    tiled = TILE_OFFSETS in directory.tags
    offsets, counts = (TILE_OFFSETS, TILE_BYTES) if tiled else (STRIP_OFFSETS, STRIP_BYTES)
    sizes = directory.tags[counts].numbers
    tags[offsets] = _offsets(
        _copy_pieces(source, file, directory.tags[offsets].numbers, sizes), big
    )
    tags[counts] = _offsets(sizes, big)
    if lower:
        tags[SUB_DIRECTORIES] = _offsets(lower, big)
    at = file.seek(0, os.SEEK_END)
    at += file.write(b"\0" * (at % 2))
    file.write(pack_directory(tags, at, big))
    return at, at + (8 + 20 * len(tags) if big else 2 + 12 * len(tags))


def _offsets(values: Sequence[int], big: bool) -> Tag:
    if big:
        return longs(values)
    return Tag(4, len(values), np.asarray(values, "<u4").tobytes())


def _copy_pieces(
    source: BinaryIO, file: BinaryIO, places: Sequence[int], sizes: Sequence[int]
) -> list[int]:
    """Copy strips or tiles to the end of a file; where each of them came to lie."""
    copied = []
    at = file.seek(0, os.SEEK_END)
    for place, size in zip(places, sizes, strict=True):
        pad = at % 2
        source.seek(place)
        file.write(b"\0" * pad)
        copied.append(at + pad)
        at += pad + file.write(source.read(size))
    return copied
