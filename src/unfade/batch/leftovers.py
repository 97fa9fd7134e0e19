"""Files that a process killed in the middle of writing leaves behind, and how they go."""

from __future__ import annotations

import re
from pathlib import Path

BESIDE = (
    r"(\.((mask|origin|report|infrared|web|full|(web-)?\d+px|step-\d+-\w+)\.\w+"
    r"|unfade\.json|premis\.xml|c2pa))?"
)
"""Endings of what is written beside a result; they follow its whole name."""

RANDOM = r"\.[0-9a-z_]{8}(\.part(\.\w+)*)?"
"""What `io.write` and `report.sidecar` add to a name until the file is whole."""


def sweep(target: str | Path) -> list[Path]:
    """Remove what was left half written for a result, hidden files beside it.

    Only to be called by who holds the claim on it: another process's files look the same.

    Returns:
        What was removed.
    """
    target = Path(target)
    pattern = re.compile(
        rf"\.({re.escape(target.name[:100])}|{re.escape(target.name)}{BESIDE}){RANDOM}"
    )
    if not target.parent.is_dir():
        return []
    found = [path for path in target.parent.iterdir() if pattern.fullmatch(path.name)]
    for path in found:
        path.unlink(missing_ok=True)
    return found
