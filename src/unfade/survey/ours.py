"""Which files are tables and sheets of ours: no others are replaced without being asked."""

from __future__ import annotations

import mmap
from pathlib import Path

TABLE = b"\xef\xbb\xbfpath,problem,file_bytes,"
"""How a table of a survey begins, with the mark by which Excel knows UTF-8."""

CREATOR = "unfade contact sheet"

PACKET = (
    '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    f' xmp:CreatorTool="{CREATOR}"/>'
    '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
).encode()
"""XMP that a contact sheet carries, stored as it is in every format that we write."""

MARK = f'CreatorTool="{CREATOR}"'.encode()


def is_table(path: Path) -> bool:
    """Whether a file is a table that `unfade survey` wrote; not one that cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(TABLE)) == TABLE
    except OSError:
        return False


def is_sheet(path: Path) -> bool:
    """Whether a file is a contact sheet of `unfade survey` or `unfade age`; not an unread one."""
    try:
        if path.stat().st_size == 0:
            return False
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return data.find(MARK) >= 0
    except OSError:
        return False
