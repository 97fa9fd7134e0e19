"""XMP packets: what they repeat of a file's tags, brought up to date.

Only values are exchanged, as attributes or as elements. Every other byte of the packet stays, and
one that is not in UTF-8 stays as a whole. ISO 16684-1:2019, section 7, and part 2, 8.3 and 8.4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

SPACES = {"tiff": b"http://ns.adobe.com/tiff/1.0/", "exif": b"http://ns.adobe.com/exif/1.0/"}


def updated_xmp(
    packet: bytes, size: tuple[int, int], resolution_ppi: tuple[float, float] | None = None
) -> bytes:
    """Say in a packet that a picture is upright, and how large it is, where it says so at all.

    Args:
        packet: As in a file.
        size: (height, width) of the picture that is written.
        resolution_ppi: Pixels per inch, horizontal and vertical, if that is another than it was.
    """
    height, width = map(str, size)
    told = {"tiff:Orientation": "1", "tiff:ImageWidth": width, "tiff:ImageLength": height}
    told |= {"exif:PixelXDimension": width, "exif:PixelYDimension": height}
    if resolution_ppi is not None:
        numbers = zip("XY", resolution_ppi, strict=True)
        told |= {f"tiff:{axis}Resolution": f"{round(ppi * 1000)}/1000" for axis, ppi in numbers}
        told["tiff:ResolutionUnit"] = "2"
    return _with_values(packet, told)


def _with_values(packet: bytes, values: Mapping[str, str]) -> bytes:
    for name, value in values.items():
        space, local = name.split(":")
        for prefix in _prefixes(packet, SPACES[space]):
            key = re.escape(prefix + b":" + local.encode())
            for shape in (rb'(\s%s\s*=\s*["\'])[^"\'<]*', rb"(<%s(?:\s[^>]*)?(?<!/)>)[^<]*"):
                packet = re.sub(shape % key, rb"\g<1>" + value.encode(), packet)
    return packet


def _prefixes(packet: bytes, space: bytes) -> set[bytes]:
    """What stands for a name space in a packet; `tiff` for that of TIFF, as a rule."""
    return set(re.findall(rb'xmlns:([\w.-]+)\s*=\s*["\']%s["\']' % re.escape(space), packet))
