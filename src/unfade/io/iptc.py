"""IPTC captions and keywords, and Photoshop's resources, among which a JPEG keeps them.

A TIFF keeps the records (IIM) in a tag of their own, filled up to whole words of four bytes. A
JPEG keeps them as one of Photoshop's resources, behind a mark; a TIFF has the other resources in
another tag, without it. IPTC-NAA Information Interchange
Model 4.2; Adobe Photoshop File Formats Specification, "Image Resource Blocks".
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from typing import NamedTuple

MARK = b"Photoshop 3.0\0"
SIGN = b"8BIM"
SIGNS = (SIGN, b"PHUT", b"DCSR", b"AgHg", b"MeSa")
"""How resources begin: Photoshop's, and those of programs that signed for themselves."""

RECORDS = 0x0404
"""Number of the resource that holds the records."""

RESOLUTION_INFO = 0x03ED
THUMBNAILS = (0x0409, 0x040C)
"""Numbers of those that show the picture small: of Photoshop 4, and of all later ones."""


class Resource(NamedTuple):
    """One of Photoshop's resources: its number, its body, and the bytes of both together."""

    number: int
    body: bytes
    whole: bytes


def bare_iptc(block: bytes) -> bytes:
    """The records of a block from a JPEG or a TIFF, as a TIFF keeps them; b"" if it has none."""
    records = block
    if block.startswith(MARK):
        found = (r.body for r in _resources(block[len(MARK) :]) if r.number == RECORDS)
        records = next(found, b"")
    return records + bytes(-len(records) % 4)


def enveloped_iptc(block: bytes) -> bytes:
    """The same as a JPEG keeps them; a block from a JPEG comes back as it is."""
    if block.startswith(MARK) or not block:
        return block
    head = struct.pack(">4sHHI", SIGN, RECORDS, 0, len(block))
    return MARK + head + block + bytes(len(block) % 2)


def without_resources(block: bytes, numbers: Collection[int]) -> bytes:
    """Photoshop's resources, behind their mark or bare, less those of some numbers.

    What follows a resource that is not whole stays as it is, unless that one is left out.
    """
    mark = MARK if block.startswith(MARK) else b""
    resources = list(_resources(block[len(mark) :]))
    rest = block[len(mark) + sum(len(resource.whole) for resource in resources) :]
    if rest[:4] in SIGNS and rest[4:6] in (struct.pack(">H", number) for number in numbers):
        rest = b""
    return mark + b"".join(r.whole for r in resources if r.number not in numbers) + rest


def _resources(data: bytes) -> Iterator[Resource]:
    """The resources up to the first that is not whole."""
    while len(data) >= 12 and data.startswith(SIGNS):
        number, name = struct.unpack_from(">HB", data, 4)
        place = 6 + 1 + name + (1 + name) % 2
        if len(data) < place + 4:
            return
        (size,) = struct.unpack_from(">I", data, place)
        body = data[place + 4 : place + 4 + size]
        if len(body) < size:
            return
        end = place + 4 + size + size % 2
        yield Resource(number, body, data[:end])
        data = data[end:]
