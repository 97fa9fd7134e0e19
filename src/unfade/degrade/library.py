"""What a library of artefact shapes holds, as one checksum: another content, other damage."""

from __future__ import annotations

import hashlib
from pathlib import Path


def library_checksum(folder: str | Path) -> str:
    """SHA-256 over names and contents of what is read of a library, wherever it lies.

    Args:
        folder: As of `draw_aging`; empty is none.
    Returns:
        Hexadecimal; empty without a library.
    """
    if not str(folder):
        return ""
    root = Path(folder)
    shapes = root / "synthetic" if (root / "synthetic").is_dir() else root
    files = {*shapes.glob("*/*.*"), root / "real" / "polygons.jsonl.gz"}
    digest = hashlib.sha256()
    for file in sorted(file for file in files if file.is_file()):
        name = file.relative_to(root).as_posix().encode("utf-8", "surrogateescape")
        digest.update(name + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
