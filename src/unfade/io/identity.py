"""Which file a path leads to, whatever it is called."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

Identity = str | tuple[int, int]
"""A name with all links followed, or the number of a disk and that of a file on it."""


def identities(path: Path) -> set[Identity]:
    """What tells a file from all others; two paths lead to the same one if they share any.

    Args:
        path: A file, there or not: one that is not has a name only.
    """
    found: set[Identity] = {os.path.realpath(path)}
    with contextlib.suppress(OSError):
        told = path.stat()
        found.add((told.st_dev, told.st_ino))
    return found
