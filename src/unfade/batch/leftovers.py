"""Files that nobody wants any more: half written, or about a result that is gone."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from ..io.whole import short

TELLING = r"(origin|report|step-\d+-\w+)\.\w+|unfade\.json|premis\.xml"
"""Endings of what tells of one result and of no other."""

BESIDE = rf"(\.page-\d+(\.\w+)?)?(\.((mask|infrared|web|full|(web-)?\d+px)\.\w+|{TELLING}|c2pa))?"
"""Endings of what is written beside a result or a page; they follow its whole name."""

RANDOM = r"\.[0-9a-z_]{8}(\.part(\.\w+)*)?"
"""What `io.whole` and `jobs.files` add to a name until the file is whole, or the folder gone."""


def outdated(folder: Path, result: str, names: Sequence[str]) -> tuple[str, ...]:
    """Remove papers that tell of a result that was replaced.

    Args:
        folder: Of the results.
        result: The result, below the folder.
        names: What lay beside the old result and was not written anew, below the folder.
    Returns:
        The names of what stays: masks, which a person may have corrected, and pictures.
    """
    papers = re.compile(rf"{re.escape(result)}\.(.*\.)?({TELLING})")
    told = [name for name in names if papers.fullmatch(name)]
    for name in told:
        (folder / name).unlink(missing_ok=True)
    return tuple(name for name in names if name not in told and (folder / name).exists())


def sweep(target: str | Path) -> list[Path]:
    """Remove what was left half written for a result, hidden files and folders beside it.

    Only to be called by who holds the claim on it: another process's files look the same.

    Returns:
        What was removed.
    """
    target = Path(target)
    begun = "|".join(re.escape(name) for name in (target.name[:100], short(target.name)))
    pattern = re.compile(rf"\.({begun}|{re.escape(target.name)}{BESIDE}){RANDOM}")
    if not target.parent.is_dir():
        return []
    found = [path for path in target.parent.iterdir() if pattern.fullmatch(path.name)]
    for path in found:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return found
