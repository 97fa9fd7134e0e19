"""One photo after the other in this process: what a single photo or a small batch needs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

from ..darkroom import Darkroom
from ..jobs.job import Equipment, Job
from ..jobs.outcome import Outcome
from .guard import as_of, with_less_memory
from .pool import LOOK_EVERY_S, Queue, Watch
from .receipt import Receipt, run_with_receipt
from .stop import Stop


class Inside:
    """Runs the jobs of a queue one after the other.

    Args:
        open_room: Opens a darkroom; called again where a job needs another one.
        stop: As in `Pool`.
        watch: Told which photo is begun and when it is over; tiles are told by the darkroom.
    """

    def __init__(
        self, open_room: Callable[[Equipment], Darkroom], stop: Stop, watch: Watch
    ) -> None:
        self._open, self._stop, self._watch = open_room, stop, watch
        self._room: Darkroom | None = None
        self._equipment: Equipment | None = None
        stop.when_now(self._cancel)

    def __call__(self, queue: Queue) -> Iterator[Receipt]:
        """Run all jobs, in order.

        Raises:
            Cancelled: The work was to be left at once; nothing of the photo stays on the disk.
        """
        while not self._stop.asked:
            item = queue.take()
            if isinstance(item, Job):
                self._watch.photo(Path(item.source).name)
                receipt = self._run(item)
                self._watch.finished()
                yield receipt
            elif isinstance(item, Outcome):
                self._watch.finished(None)
                yield Receipt(item)
            elif queue.waiting:
                self._stop.wait(LOOK_EVERY_S)
            else:
                return

    def _run(self, job: Job) -> Receipt:
        attempt = job
        while True:
            receipt = run_with_receipt(attempt, self._room_for(attempt.equipment))
            less = with_less_memory(attempt)
            if receipt.outcome.error != "MemoryError" or less is None:
                return dataclasses.replace(receipt, outcome=as_of(job, receipt.outcome))
            attempt = less

    def _room_for(self, equipment: Equipment) -> Darkroom:
        if self._room is None or self._equipment != equipment:
            self._room, self._equipment = self._open(equipment), equipment
        if self._stop.at_once:
            self._room.cancel()
        return self._room

    def _cancel(self) -> None:
        if self._room is not None:
            self._room.cancel()
