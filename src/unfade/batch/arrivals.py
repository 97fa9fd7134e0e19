"""Files that have come to rest: a scanner writes for a long time, and a copy over a network too."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class _State:
    size: int
    mtime_ns: int
    since: float
    taken: bool = False


class Arrivals:
    """Tells which files of a folder are whole, by looking again and again.

    Polling works on every file system, network drives too, where nobody tells of changes.

    Args:
        settle_s: Seconds for which size and time of a file must have stood still.
        clock: Seconds that only go forward.
    """

    def __init__(self, settle_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._settle_s, self._clock = settle_s, clock
        self._known: dict[Path, _State] = {}

    def look(self, paths: Iterable[Path]) -> list[Path]:
        """Give the files that have come to rest and were not given before as they are now.

        Args:
            paths: All files that are there now; what is missing is forgotten.
        """
        now = self._clock()
        known: dict[Path, _State] = {}
        for path in paths:
            try:
                told = path.stat()
            except OSError:
                continue  # Gone between the listing and the look, or locked by who writes it.
            before = self._known.get(path)
            if before and (before.size, before.mtime_ns) == (told.st_size, told.st_mtime_ns):
                known[path] = before
            else:
                known[path] = _State(told.st_size, told.st_mtime_ns, now)
        self._known = known
        rested = [
            path
            for path, state in known.items()
            # An empty file is one that somebody has just begun to write.
            if not state.taken and state.size and now - state.since >= self._settle_s
        ]
        for path in rested:
            known[path] = dataclasses.replace(known[path], taken=True)
        return rested

    def forget(self, paths: Iterable[Path]) -> None:
        """Give files again, since nothing could be done with them."""
        for path in paths:
            self._known.pop(path, None)
