"""IPTC captions and keywords: the same records, bare in a TIFF and in an envelope in a JPEG.

A TIFF keeps the records (IIM) in a tag of their own, filled up to whole words of four bytes. A
JPEG keeps them as one of Photoshop's resources, behind a mark. IPTC-NAA Information Interchange
Model 4.2; Adobe Photoshop File Formats Specification, "Image Resource Blocks".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

MARK = b"Photoshop 3.0\0"
SIGN = b"8BIM"
RECORDS = 0x0404
"""Number of the resource that holds the records."""


def bare_iptc(block: bytes) -> bytes:
    """The records of a block from a JPEG or a TIFF, as a TIFF keeps them; b"" if it has none."""
    records = block
    if block.startswith(MARK):
        found = (body for number, body in _resources(block[len(MARK) :]) if number == RECORDS)
        records = next(found, b"")
    return records + bytes(-len(records) % 4)


def enveloped_iptc(block: bytes) -> bytes:
    """The same as a JPEG keeps them; a block from a JPEG comes back as it is."""
    if block.startswith(MARK) or not block:
        return block
    head = struct.pack(">4sHHI", SIGN, RECORDS, 0, len(block))
    return MARK + head + block + bytes(len(block) % 2)


def _resources(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and body of each resource, up to the first that is not whole."""
    while len(data) >= 12 and data.startswith(SIGN):
        number, name = struct.unpack_from(">HB", data, 4)
        place = 6 + 1 + name + (1 + name) % 2
        if len(data) < place + 4:
            return
        (size,) = struct.unpack_from(">I", data, place)
        body = data[place + 4 : place + 4 + size]
        if len(body) < size:
            return
        yield number, body
        data = data[place + 4 + size + size % 2 :]
