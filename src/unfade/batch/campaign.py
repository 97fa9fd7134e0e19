"""A batch from its jobs to their outcomes: claim, look up, do, write down, release."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import os
from collections.abc import Callable, Iterable, Iterator, Sequence

from ..jobs.files import check_target
from ..jobs.job import Job
from ..jobs.outcome import Outcome, State, attempt
from .claims import Claims, Holder
from .fingerprint import recipe_hash
from .ledger import Entry, Ledger, Phase
from .leftovers import outdated, sweep
from .pool import Queue
from .receipt import Receipt
from .resume import Wish, below, ill_named, still_to_do

Execute = Callable[[Queue], Iterator[Receipt]]
"""Runs the jobs of a queue: a `Pool`, or `Inside`."""

Tell = Callable[[int, Holder], None]
"""Called with the number of photos that are left to other runs, and one of these."""

PHASES = {State.DONE: Phase.DONE, State.FAILED: Phase.FAILED, State.SKIPPED: Phase.SKIPPED}


class Loose:
    """A queue of jobs that nobody keeps a ledger of."""

    waiting = False

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = iter(jobs)

    def take(self) -> Job | None:
        """The next job."""
        return next(self._jobs, None)

    def put_back(self, job: Job) -> None:
        """Forget a job that was not begun."""


class Kept:
    """A queue of jobs whose results lie in one folder, with its ledger and claims.

    A photo that another run is at work on is put last, and taken over if that run dies.
    """

    def __init__(
        self, jobs: Sequence[Job], ledger: Ledger, claims: Claims, wish: Wish, tell: Tell
    ) -> None:
        self._ledger, self._claims, self._wish, self._tell = ledger, claims, wish, tell
        self._todo = collections.deque(jobs)
        self._held: collections.deque[Job] = collections.deque()
        self._begun: dict[str, Entry] = {}
        self._told: tuple[int, str] | None = None
        self._holder = Holder("", None)
        told = (job for job in jobs if not ill_named(job))
        ledger.plan((self._name(job), _absolute(job.source)) for job in told)

    @property
    def waiting(self) -> bool:
        """Whether other runs are at work on photos that are ours to do if they fail."""
        return bool(self._todo or self._held)

    def take(self) -> Job | Outcome | None:
        """The next job that is free and to be done, or the outcome of one that is not."""
        for _ in range(len(self._todo)):
            job = self._todo.popleft()
            if refused := ill_named(job):
                return refused
            holder = self._claims.take(self._name(job))
            if holder is None:
                return self._claimed(job)
            self._held.append(job)
            self._holder = holder
        self._todo, self._held = self._held, self._todo
        if self._todo and self._told != (told := (len(self._todo), str(self._holder))):
            self._told = told
            self._tell(len(self._todo), self._holder)
        return None

    def put_back(self, job: Job) -> None:
        """Write down that a job was not begun after all, and release it."""
        name = self._name(job)
        if self._claims.holds(name):
            self._ledger.put(self._begun[name])
        self._release(name)

    def close(self, receipt: Receipt) -> Outcome:
        """Write down what became of a job and release it."""
        outcome = receipt.outcome
        name = self._name(outcome.job)
        if name not in self._begun:
            return outcome
        if self._claims.holds(name):
            self._ledger.put(self._entry(name, receipt))
        elif outcome.state is State.DONE:
            message = "another run took it over, since this one did not move for long"
            outcome = dataclasses.replace(outcome, message=message)
        self._release(name)
        return outcome

    def leave(self) -> None:
        """Release what was begun and not finished.

        It stays running in the ledger, of a run that is over, and so will be done again.
        """
        for name in list(self._begun):
            if self._claims.holds(name):
                sweep(self._wish.out / name)
            self._release(name)

    def _claimed(self, job: Job) -> Job | Outcome:
        name = self._name(job)
        entry = self._ledger.find(name)
        decided = still_to_do(job, entry, self._wish)
        if isinstance(decided, Job):
            decided = _checked(decided)
        old = entry or Entry(name, "")
        if isinstance(decided, Outcome):
            if old.phase in (Phase.PLANNED, Phase.SKIPPED):
                self._ledger.put(_told(old, decided))
            self._claims.release(name)
            return decided
        if old.phase is Phase.RUNNING:
            sweep(job.target)
        self._begun[name] = dataclasses.replace(old, source=_absolute(job.source))
        self._ledger.put(
            dataclasses.replace(
                old,
                source=_absolute(job.source),
                phase=Phase.RUNNING,
                recipe_sha256=recipe_hash(job),
                attempts=old.attempts + 1,
                began=_now(),
                ended="",
                error="",
                message="",
                run=self._claims.run,
            )
        )
        return decided

    def _entry(self, name: str, receipt: Receipt) -> Entry:
        outcome = receipt.outcome
        begun = self._ledger.find(name) or Entry(name, outcome.job.source)
        return dataclasses.replace(
            _told(begun, outcome),
            before=receipt.before,
            after=receipt.after or begun.after,
            models=dict(outcome.models),
            files=self._files(begun, outcome),
            recipe=outcome.recipe,
            ended=_now(),
            seconds=outcome.seconds,
        )

    def _files(self, begun: Entry, outcome: Outcome) -> tuple[str, ...]:
        """What lies in the folder of a photo that was done: as written now, or by us before."""
        if outcome.state is not State.DONE:
            return begun.files
        new = tuple(below(self._wish.out, path) for path in outcome.files)
        before = [name for name in begun.files if name not in new]
        return new + outdated(self._wish.out, begun.target, before)

    def _release(self, name: str) -> None:
        del self._begun[name]
        self._claims.release(name)

    def _name(self, job: Job) -> str:
        return below(self._wish.out, job.target)


def run_campaign(
    jobs: Sequence[Job], execute: Execute, wish: Wish | None, tell: Tell | None = None
) -> Iterator[Outcome]:
    """Run a batch.

    Args:
        jobs: All photos.
        execute: Runs what is to be done.
        wish: The output folder and what is wanted of photos its ledger knows; None keeps none.
        tell: Called when only photos are left that other runs are at work on.
    Yields:
        One outcome per job, in the order they end; fewer where the work was stopped.
    Raises:
        LedgerError: The ledger is damaged or cannot be written.
        Cancelled: The work was to be left at once.
    """
    if wish is None:
        for receipt in execute(Loose(jobs)):
            yield receipt.outcome
        return
    with Claims(wish.out) as claims, Ledger(wish.out) as ledger:
        queue = Kept(jobs, ledger, claims, wish, tell or _say_nothing)
        try:
            for receipt in execute(queue):
                yield queue.close(receipt)
        finally:
            queue.leave()


def _say_nothing(count: int, holder: Holder) -> None:
    pass


def _told(entry: Entry, outcome: Outcome) -> Entry:
    return dataclasses.replace(
        entry, phase=PHASES[outcome.state], error=outcome.error, message=outcome.message
    )


def _absolute(path: str) -> str:
    """The path as a person named it, from the root on; links in it stay."""
    return os.path.abspath(path)  # noqa: PTH100


def _checked(job: Job) -> Job | Outcome:
    """The job, unless its target forbids it."""
    outcome = attempt(job, lambda: check_target(job) or Outcome(job, State.PLANNED))
    return job if outcome.state is State.PLANNED else outcome


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
