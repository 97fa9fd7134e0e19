"""EXIF blocks: what a file says about its photo, changed without moving what is not understood.

An EXIF block has the grammar of a TIFF. Maker notes hold offsets into it, so a tag is changed in
place, or the first directory is written anew behind everything else.
"""

from __future__ import annotations

import importlib.metadata
import io
import struct
from collections.abc import Mapping

from .tiff import (
    EXIF_TAGS,
    IMAGE_HEIGHT,
    IMAGE_WIDTH,
    ORIENTATION,
    POINTERS,
    RESOLUTION_UNIT,
    SOFTWARE,
    X_RESOLUTION,
    Y_RESOLUTION,
    Directory,
    Tag,
    TagError,
    ascii_tag,
    pack_directory,
    read_directory,
    shorts,
)

EXIF_MARK = b"Exif\0\0"
MAX_EXIF = 60_000
EXIF_WIDTH, EXIF_HEIGHT = 40962, 40963

# Where and how pixels are stored, and blocks that libvips carries by itself: not for the EXIF.
_STRUCTURE = frozenset(
    {*range(254, 260), 262, *range(263, 267), 273, 274, *range(277, 285), *range(290, 294), 296}
    | {301, *range(317, 326), 330, *range(332, 335), *range(338, 342), 347, *range(512, 522)}
    | {529, 530, 531, 532, 700, 33723, 34377, 34675, 37724}
)


def exif_from_tags(tags: Mapping[int, Tag]) -> bytes | None:
    """Make an EXIF block of what a TIFF's tags say about the photo, or None if they say nothing."""
    told = _told(tags)
    return EXIF_MARK + b"II*\0" + struct.pack("<I", 8) + pack_directory(told, 8) if told else None


def tags_from_exif(block: bytes) -> dict[int, Tag]:
    """Read what an EXIF block says about the photo; empty if it is damaged."""
    try:
        return _told(read_directory(io.BytesIO(block.removeprefix(EXIF_MARK))).tags)
    except TagError:
        return {}


def _told(tags: Mapping[int, Tag]) -> dict[int, Tag]:
    return {
        number: tag
        for number, tag in tags.items()
        if number not in _STRUCTURE and (number not in POINTERS or tag.inside is not None)
    }


def upright_exif(block: bytes) -> bytes:
    """Set the orientation in an EXIF block to 1 and drop its thumbnail, in place.

    Nothing else moves, so that a maker note keeps its offsets. The thumbnail shows the photo
    neither turned nor restored. A damaged block comes back as it is.
    """
    mark = EXIF_MARK if block.startswith(EXIF_MARK) else b""
    body = bytearray(block[len(mark) :])
    try:
        directory = read_directory(io.BytesIO(bytes(body)))
    except TagError:
        return block
    tag = directory.tags.get(ORIENTATION)
    if tag is not None and tag.kind == 3:
        struct.pack_into(directory.order + "H", body, tag.at, 1)
    if len(body) >= directory.next_at + 4:
        struct.pack_into(directory.order + "I", body, directory.next_at, 0)
    return mark + bytes(body)


def signed_exif(
    block: bytes,
    size: tuple[int, int],
    resolution_ppi: tuple[float, float] | None,
    new_resolution: bool = False,
) -> bytes:
    """Add this library to the Software tag, and set the tags of the picture's size where there.

    The resolution is added where the block does not state one. All else keeps its place and its
    bytes.

    Args:
        block: As in the photo's file; empty makes a new one.
        size: (height, width) of the picture that is written.
        resolution_ppi: Pixels per inch, horizontal and vertical, or None if not known.
        new_resolution: Whether it takes the place of the one that the block states.
    Returns:
        The block with its mark; a damaged one comes back as it is.
    """
    tags = {SOFTWARE: ascii_tag(signature(block)), **resolution_tags(resolution_ppi)}
    if not block:
        return EXIF_MARK + b"II*\0" + struct.pack("<I", 8) + pack_directory(tags, 8)
    body = bytearray(block.removeprefix(EXIF_MARK))
    try:
        directory = read_directory(io.BytesIO(bytes(body)))
    except TagError:
        return block
    _set_size(body, directory, size)
    if X_RESOLUTION in directory.tags and not new_resolution:
        tags = {SOFTWARE: tags[SOFTWARE]}
    if any(_differ(directory.tags.get(number), tag) for number, tag in tags.items()):
        body += b"\0" * (len(body) % 2)
        order, at = directory.order, len(body)
        body += pack_directory(tags, at, kept=directory.entries, order=order)
        struct.pack_into(order + "I", body, 4, at)
    return EXIF_MARK + bytes(body)


def _differ(one: Tag | None, other: Tag) -> bool:
    return one is None or one.value.rstrip(b"\0 ") != other.value.rstrip(b"\0 ")


def resolution_tags(ppi: tuple[float, float] | None) -> dict[int, Tag]:
    """Tags that state a resolution; none where it is not known or not to be stated."""
    if ppi is None or not all(0 < round(side * 1000) < 2**32 for side in ppi):
        return {}
    x, y = (Tag(5, 1, struct.pack("<II", round(side * 1000), 1000)) for side in ppi)
    return {X_RESOLUTION: x, Y_RESOLUTION: y, RESOLUTION_UNIT: shorts(2)}


def _set_size(body: bytearray, directory: Directory, size: tuple[int, int]) -> None:
    inside = directory.tags[EXIF_TAGS].inside if EXIF_TAGS in directory.tags else None
    for tags, pair in (
        (directory.tags, (IMAGE_HEIGHT, IMAGE_WIDTH)),
        (inside or {}, (EXIF_HEIGHT, EXIF_WIDTH)),
    ):
        for number, side in zip(pair, size, strict=True):
            tag = tags.get(number)
            if tag is not None and tag.count == 1 and (tag.kind == 4 or side < 65536):
                code = {3: "H", 4: "I"}.get(tag.kind)
                if code:
                    struct.pack_into(directory.order + code, body, tag.at, side)


def short_exif(block: bytes) -> bytes:
    """An EXIF block that fits the 64 KiB of a JPEG segment: longest tags left out if it must be.

    libvips would otherwise leave out the whole block. TIFF has no such limit.
    """
    tags = tags_from_exif(block)
    while len(block) > MAX_EXIF and tags:
        del tags[max(tags, key=lambda number: _weight(tags[number]))]
        block = exif_from_tags(tags) or EXIF_MARK
    return block


def _weight(tag: Tag) -> int:
    return len(tag.value) + sum(map(_weight, (tag.inside or {}).values()))


def signature(exif: bytes) -> str:
    """What the Software tag shall say: who wrote the file before, and this library."""
    before = text_of(tags_from_exif(exif), SOFTWARE)
    ours = software()
    return before if ours in before else "; ".join(filter(None, [before, ours]))


def text_of(tags: Mapping[int, Tag], number: int) -> str:
    """The text of a tag without its padding; empty where there is none."""
    tag = tags.get(number)
    return tag.value.rstrip(b"\0 ").decode("utf-8", "replace") if tag else ""


def software() -> str:
    """Name and version of this library, as installed."""
    try:
        return f"unfade {importlib.metadata.version('unfade')}"
    except importlib.metadata.PackageNotFoundError:
        return "unfade"
