"""Being asked to stop: first finish what is begun, then at once."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Stop:
    """Two flags that a signal handler sets and the work looks at."""

    def __init__(self) -> None:
        self._finish = threading.Event()
        self._now = threading.Event()
        self._listeners: list[Callable[[], None]] = []

    @property
    def asked(self) -> bool:
        """Whether no further photo is to be begun."""
        return self._finish.is_set()

    @property
    def at_once(self) -> bool:
        """Whether photos at work are to be left."""
        return self._now.is_set()

    def finish(self) -> None:
        """Begin no further photo."""
        self._finish.set()

    def now(self) -> None:
        """Leave the photos at work, too."""
        self._finish.set()
        self._now.set()
        for listener in self._listeners:
            listener()

    def when_now(self, listener: Callable[[], None]) -> None:
        """Call this when the work is to be left; it must be safe in a signal handler."""
        self._listeners.append(listener)

    def wait(self, seconds: float) -> None:
        """Do nothing for a while, unless asked to stop meanwhile."""
        self._finish.wait(seconds)
