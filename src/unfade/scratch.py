"""Scratch files as arrays: what was read of them need not stay in memory."""

from __future__ import annotations

import mmap
from typing import Any

from numpy.typing import NDArray


def release(*arrays: NDArray[Any]) -> None:
    """Drop the pages of arrays that live in a scratch file from memory; the files keep them.

    Nothing happens to an array in memory, and nothing where the system cannot do it.
    """
    if not hasattr(mmap, "MADV_DONTNEED"):
        return
    for array in arrays:
        owner: Any = array
        while owner is not None and not isinstance(owner, mmap.mmap):
            owner = getattr(owner, "base", None)
        if owner is not None:
            owner.madvise(mmap.MADV_DONTNEED)
