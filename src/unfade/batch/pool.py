"""Several processes at once, each with its darkroom; none of them can take the batch along.

`concurrent.futures` gives a pool up when one of its processes is killed, and cannot end a job
that takes too long, so this one holds its processes itself.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import multiprocessing
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

from ..jobs.job import Job
from ..jobs.outcome import Outcome, State
from .guard import as_of, with_less_memory
from .leftovers import sweep
from .receipt import Receipt
from .share import Share
from .stop import Stop
from .worker import Begun, Progress, environment_of_children, work

STARTUP_S = 120.0
"""How long a process may take to begin its first job."""

LOOK_EVERY_S = 0.5
"""How often to see whether a photo takes too long, a claim is free, or a stop is wanted."""


RENEW = 150
"""Photos after which a process makes place for a fresh one, which holds no memory in pieces."""

AT_ONCE = 100
"""Outcomes without work that are handed on in one go."""


class Queue(Protocol):
    """Where jobs come from."""

    @property
    def waiting(self) -> bool:
        """Whether there may be more later, though there is nothing now."""
        ...

    def take(self) -> Job | Outcome | None:
        """The next job, or the outcome of one that needs no work; None if there is none now."""
        ...

    def put_back(self, job: Job) -> None:
        """Give a job back that was taken and not begun."""
        ...


class Watch(Protocol):
    """Who is told how it goes; `lane` is the number of the process, from 0."""

    def photo(self, name: str, lane: int = 0) -> None:
        """A photo was begun."""
        ...

    def tile(self, stage: str, done: int, total: int, lane: int = 0) -> None:
        """Tiles of a stage are done."""
        ...

    def finished(self, lane: int | None = 0) -> None:
        """A photo is over; None where no process worked on it."""
        ...


@dataclasses.dataclass
class _Hand:
    """One process, and what it is at."""

    lane: int
    process: BaseProcess
    pipe: Connection
    asked: Job | None = None
    job: Job | None = None
    since: float = 0.0
    begun: bool = False
    done: int = 0


class Pool:
    """Runs the jobs of a queue in several processes.

    Args:
        share: Number of processes, and the threads of each.
        stop: Looked at between and, where it is to be at once, during photos.
        watch: Told how it goes.
        timeout_s: Seconds a photo may take; 0 lets it.
    """

    def __init__(self, share: Share, stop: Stop, watch: Watch, timeout_s: float = 0.0) -> None:
        self._share, self._stop, self._watch = share, stop, watch
        self._timeout_s = timeout_s
        self._hands: list[_Hand] = []
        self._ready: collections.deque[Job] = collections.deque()

    def __call__(self, queue: Queue) -> Iterator[Receipt]:
        """Run all jobs; yields receipts as they come, in no order.

        Where the work is left at once, the photos at work yield nothing, and nothing of them
        stays on the disk.
        """
        try:
            more = True
            while more or self._busy() or (self._ready and not self._stop.asked):
                more, receipts = self._fill(queue)
                yield from receipts
                self._hand_out()
                if more and not receipts and not self._busy():
                    self._stop.wait(LOOK_EVERY_S)
                yield from self._collect()
                if self._stop.at_once:
                    return
        finally:
            self._close()
            for job in self._ready:
                queue.put_back(job)

    def _busy(self) -> list[_Hand]:
        return [hand for hand in self._hands if hand.job is not None]

    def _fill(self, queue: Queue) -> tuple[bool, list[Receipt]]:
        """Take as many jobs as there are processes, ahead of time; tells whether more may come.

        Claiming a photo and writing it down waits for the disk; so no process has to.
        """
        receipts: list[Receipt] = []
        while len(self._ready) < self._share.processes and not self._stop.asked:
            item = queue.take()
            if item is None:
                return queue.waiting, receipts
            if isinstance(item, Outcome):
                self._watch.finished(None)
                receipts.append(Receipt(item))
                if len(receipts) >= AT_ONCE:
                    break
            else:
                self._ready.append(item)
                self._hand_out()
        return not self._stop.asked, receipts

    def _hand_out(self) -> None:
        """Give every idle process a job of those that are ready."""
        while self._ready and not self._stop.asked and len(self._busy()) < self._share.processes:
            job = self._ready.popleft()
            self._give(self._idle(), job, job)

    def _idle(self) -> _Hand:
        for hand in self._hands:
            if hand.job is None:
                return hand
        taken = {hand.lane for hand in self._hands}
        lane = next(n for n in range(self._share.processes) if n not in taken)
        self._hands.append(self._hire(lane))
        return self._hands[-1]

    def _hire(self, lane: int) -> _Hand:
        # Spawned on every system: a copy of a process with running threads may lock up.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=work, args=(theirs, self._share.threads), name=f"unfade-{lane}", daemon=True
        )
        with environment_of_children(self._share.threads):
            process.start()
        theirs.close()
        return _Hand(lane, process, ours)

    def _give(self, hand: _Hand, asked: Job, job: Job) -> None:
        hand.asked, hand.job, hand.since, hand.begun = asked, job, time.monotonic(), False
        self._watch.photo(Path(job.source).name, hand.lane)
        # Where it is dead, `_collect` finds out and sees to the job.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            hand.pipe.send(job)

    def _collect(self) -> Iterator[Receipt]:
        busy = self._busy()
        ready = wait([hand.pipe for hand in busy], LOOK_EVERY_S) if busy else []
        for hand in busy:
            if hand.pipe in ready:
                yield from self._hear(hand)
            elif self._overdue(hand):
                yield self._too_long(hand)

    def _hear(self, hand: _Hand) -> Iterator[Receipt]:
        try:
            said: Any = hand.pipe.recv()
        except (EOFError, OSError):
            yield from self._died(hand)
            return
        if isinstance(said, Begun):
            hand.begun, hand.since = True, time.monotonic()
        elif isinstance(said, Progress):
            self._watch.tile(said.stage, said.done, said.total, hand.lane)
        else:
            yield from self._came(hand, said)

    def _came(self, hand: _Hand, receipt: Receipt) -> Iterator[Receipt]:
        assert hand.job is not None and hand.asked is not None
        if receipt.outcome.error == "MemoryError" and (less := with_less_memory(hand.job)):
            self._give(hand, hand.asked, less)
            return
        asked = hand.asked
        hand.asked = hand.job = None
        hand.done += 1
        if hand.done < RENEW:
            self._watch.finished(hand.lane)
        else:
            self._dismiss(hand)
        # Before the receipt is written down, so that the process need not wait for it.
        self._hand_out()
        yield dataclasses.replace(receipt, outcome=as_of(asked, receipt.outcome))

    def _died(self, hand: _Hand) -> Iterator[Receipt]:
        """Hire another one, and see whether the job was too large for the memory."""
        assert hand.job is not None and hand.asked is not None
        job, asked = hand.job, hand.asked
        hand.process.join()
        code = hand.process.exitcode or 0
        sweep(job.target)
        # The kernel kills with signal 9 whom it takes the memory from.
        less = with_less_memory(job) if code == -9 else None
        if less is not None:
            new = self._hire(hand.lane)
            self._hands[self._hands.index(hand)] = new
            self._give(new, asked, less)
            return
        self._dismiss(hand)
        yield Receipt(Outcome(asked, State.FAILED, _epitaph(code), error="ProcessDied"))

    def _overdue(self, hand: _Hand) -> bool:
        limit = self._timeout_s if hand.begun else STARTUP_S
        return bool(limit) and time.monotonic() - hand.since > limit

    def _too_long(self, hand: _Hand) -> Receipt:
        assert hand.job is not None and hand.asked is not None
        job = hand.asked
        seconds = time.monotonic() - hand.since
        self._kill(hand)
        said = f"not done after {seconds:.0f} s; raise --timeout, or leave it out"
        return Receipt(Outcome(job, State.FAILED, said, seconds=seconds, error="TimeoutError"))

    def _kill(self, hand: _Hand) -> None:
        hand.process.kill()
        hand.process.join()
        if hand.job is not None:
            sweep(hand.job.target)
        self._dismiss(hand)

    def _dismiss(self, hand: _Hand) -> None:
        hand.pipe.close()
        self._hands.remove(hand)
        self._watch.finished(hand.lane)

    def _close(self) -> None:
        for hand in self._busy():
            self._kill(hand)
        for hand in self._hands:
            hand.pipe.close()
        for hand in self._hands:
            hand.process.join(5)
            hand.process.kill()


def _epitaph(code: int) -> str:
    if code == -9:
        return (
            "the process at work was killed again and again, probably for want of memory: "
            "lower --jobs or --memory"
        )
    if code < 0:
        name = signal.Signals(-code).name
        return f"the process at work crashed ({name}): the file may be damaged; please report it"
    return f"the process at work ended (exit code {code}); see what it printed, and report it"
