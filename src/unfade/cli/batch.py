"""Run jobs for a person: progress, Ctrl-C, a line per photo, a summary, an exit code."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from ..batch.campaign import Execute, run_campaign
from ..batch.claims import Holder
from ..batch.inside import Inside
from ..batch.pool import RENEW, Pool
from ..batch.resume import Wish
from ..batch.share import cores, free_memory, share_out
from ..batch.stop import Stop
from ..darkroom import Darkroom
from ..errors import Cancelled
from ..jobs.job import Equipment, Job
from ..jobs.outcome import Outcome, State
from ..plan import SECONDS_PER_MEGAPIXEL
from .display import Display
from .inputs import Found
from .main import STOPPED

Work = Callable[[Darkroom], Outcome]
Task = tuple[Job, Work]
Afterwards = Callable[[Sequence[Outcome]], None]

MANY = 4
"""Files skipped for the same reason from which they are told in one line."""

ENDED = 143
"""And of one ended by SIGTERM."""


@dataclasses.dataclass(frozen=True)
class Manner:
    """How a batch is done.

    Attributes:
        processes: Their number; 0 chooses.
        threads: Threads of each; 0 divides the cores.
        memory: Budget in bytes of all together; None takes what is usual.
        timeout_s: Seconds a photo may take; 0 lets it.
        wish: The output folder and what is wanted of photos its ledger knows; None keeps none.
        brief: A photo is told of in one line.
    """

    processes: int = 1
    threads: int = 0
    memory: int | None = None
    timeout_s: float = 0.0
    wish: Wish | None = None
    brief: bool = False


def left_out(found: Sequence[Found]) -> list[Outcome]:
    """Outcomes of the files that are no photos: failed where a person named them."""
    return [
        Outcome(
            Job(str(item.path), ""), State.FAILED if item.named else State.SKIPPED, item.problem
        )
        for item in found
        if item.problem
    ]


def run_batch(
    tasks: Sequence[Task],
    others: Sequence[Outcome],
    equipment: Equipment,
    *,
    as_json: bool = False,
    brief: bool = False,
    sums: bool = True,
    then: Afterwards | None = None,
) -> int:
    """Do all tasks, one after the other, and report.

    Args:
        tasks: What to do, with the job it is for.
        others: Outcomes that are known beforehand; they are counted and shown at the end.
        equipment: What the darkroom is opened with.
        as_json: Print one JSON document instead of lines.
        brief: A photo is told of in one line.
        sums: Tell at the end how many photos each stage changed.
        then: Called with all outcomes when they have been told.
    Returns:
        The exit code: 0, 1 if anything failed or there was nothing to do, 130 after Ctrl-C.
    """
    outcomes: list[Outcome] = []
    stopped = False
    with Display(len(tasks), as_json, SECONDS_PER_MEGAPIXEL) as display:
        room = open_room(equipment, display)
        try:
            with stopping(room):
                for job, work in tasks:
                    display.photo(Path(job.source).name)
                    outcome = work(room)
                    outcomes.append(outcome)
                    display.finished()
                    show(outcome, display, brief)
        except (Cancelled, KeyboardInterrupt):
            stopped = True
    outcomes += others
    _report(outcomes, len(tasks), stopped, as_json, sums)
    if then is not None:
        then(outcomes)
    if stopped:
        return STOPPED
    return int(_is_idle(outcomes) or any(o.state is State.FAILED for o in outcomes))


def _is_idle(outcomes: Sequence[Outcome]) -> bool:
    """Whether there was nothing to do: of what was left out as no photo nobody wants a target."""
    return all(o.state is State.SKIPPED and not o.job.target for o in outcomes)


def open_room(equipment: Equipment, display: Display) -> Darkroom:
    """Open the darkroom of a batch."""
    return Darkroom(
        equipment.engine,
        threads=equipment.threads,
        memory=equipment.memory,
        progress=display.tile,
    )


@contextlib.contextmanager
def stopping(darkroom: Darkroom) -> Iterator[None]:
    """Let the first Ctrl-C stop the work at the next tile, and a second one at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        darkroom.cancel()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        print("stopping after this tile; once more to stop at once", file=sys.stderr)  # noqa: T201

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def run_kept(
    jobs: Sequence[Job],
    others: Sequence[Outcome],
    manner: Manner,
    *,
    as_json: bool = False,
    then: Afterwards | None = None,
) -> int:
    """Restore photos in one process or several, with the ledger of their output folder.

    Args:
        jobs: One per photo.
        others: Outcomes that are known beforehand; they are counted and shown at the end.
        manner: How.
        as_json: Print one JSON document instead of lines.
        then: Called with all outcomes when they have been told.
    Returns:
        The exit code, as `run_batch`; 143 after SIGTERM.
    """
    outcomes: list[Outcome] = []
    stop = Stop()
    with Display(len(jobs), as_json, SECONDS_PER_MEGAPIXEL) as display:
        for tools in {job.equipment for job in jobs}:
            open_room(tools, display)  # Refuses what does not do, before any folder is made.
        jobs, execute = workforce(jobs, manner, stop, display)
        with (
            stopping_in_steps(stop) as came,
            contextlib.suppress(Cancelled, KeyboardInterrupt),
        ):
            for outcome in run_campaign(jobs, execute, manner.wish, _tell_waiting):
                outcomes.append(outcome)
                show(outcome, display, manner.brief)
    outcomes += others
    _report(outcomes, len(jobs), stop.asked, as_json)
    if then is not None:
        then(outcomes)
    if stop.asked:
        return ENDED if signal.SIGTERM in came else STOPPED
    return int(_is_idle(outcomes) or any(o.state is State.FAILED for o in outcomes))


def workforce(
    jobs: Sequence[Job], manner: Manner, stop: Stop, display: Display
) -> tuple[list[Job], Execute]:
    """Who does the jobs, and the jobs with each process's share of the machine."""
    share = share_out(
        manner.processes,
        len(jobs),
        manner.threads,
        manner.memory,
        cores=cores(),
        free=free_memory(),
    )
    if share.processes == 1 and not manner.timeout_s and len(jobs) <= RENEW:
        return list(jobs), Inside(lambda tools: open_room(tools, display), stop, display)
    shared = [
        dataclasses.replace(
            job, equipment=Equipment(job.equipment.engine, share.threads, share.memory)
        )
        for job in jobs
    ]
    return shared, Pool(share, stop, display, manner.timeout_s)


def _tell_waiting(count: int, holder: Holder) -> None:
    photos = "one photo" if count == 1 else f"{count} photos"
    print(f"waiting for {photos} that {holder} is at work on", file=sys.stderr)  # noqa: T201


@contextlib.contextmanager
def stopping_in_steps(stop: Stop) -> Iterator[list[int]]:
    """Let the first Ctrl-C finish the photos at work, a second leave them, a third end it all.

    A request to end (SIGTERM) leaves them at once. Gives a list of the signals that come.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def interrupt(number: int, frame: Any) -> None:
        came.append(number)
        if number == signal.SIGTERM or stop.asked:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            stop.now()
        else:
            stop.finish()
            said = "finishing the photos at work; once more to leave them"
            print(said, file=sys.stderr)  # noqa: T201

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield came
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def show(outcome: Outcome, display: Display, brief: bool = False) -> None:
    """Tell what became of a photo; what was skipped is told at the end."""
    name = outcome.job.source
    if outcome.state is State.FAILED:
        display.say(f"{name}: failed: {_why(outcome)}")
    elif outcome.state is State.DONE and brief:
        did = ", ".join(outcome.changed) or "unchanged"
        display.say(f"{name}: {did}  ({outcome.seconds:.1f} s)")
    elif outcome.state is State.PLANNED and brief:
        display.say(f"{name}: {outcome.recipe}; {outcome.message}; {outcome.seconds:.1f} s")
    elif outcome.state is not State.SKIPPED:
        _show_work(outcome, display)


def _show_work(outcome: Outcome, display: Display) -> None:
    about = "about " if outcome.state is State.PLANNED else ""
    target = outcome.files[0] if outcome.files else outcome.job.target
    display.say(f"{outcome.job.source} -> {target}  ({about}{outcome.seconds:.1f} s)")
    if outcome.recipe:
        display.say(f"  recipe {outcome.recipe}: {outcome.chosen}")
    width = max((len(stage) for stage, _ in outcome.evidence), default=0)
    for stage, says in outcome.evidence:
        display.say(f"  {stage:<{width}}  {says}")
    for name, value in outcome.numbers.items():
        whole = float(value).is_integer()
        display.say(f"  {name.replace('_', ' ')} {value:{',.0f' if whole else '.4g'}}")
    for path in outcome.files[1:]:
        display.say(f"  + {path}")


def _report(
    outcomes: Sequence[Outcome], planned: int, stopped: bool, as_json: bool, sums: bool = True
) -> None:
    if as_json:
        _print_json(outcomes, stopped)
    else:
        _print_summary(outcomes, planned, stopped, sums)


def _print_json(outcomes: Sequence[Outcome], stopped: bool) -> None:
    counts = Counter(str(outcome.state) for outcome in outcomes)
    document = {
        "schema": 1,
        "stopped": stopped,
        "counts": {str(state): counts[str(state)] for state in State},
        "outcomes": [outcome.to_dict() for outcome in outcomes],
    }
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def _print_summary(outcomes: Sequence[Outcome], planned: int, stopped: bool, sums: bool) -> None:
    """One line of counts, then what failed and why, then what was left out."""
    if _is_idle(outcomes) and not stopped:
        click.echo("no photos found", err=True)
    if not outcomes and not stopped:
        return
    counts = Counter(str(outcome.state) for outcome in outcomes)
    told = ", ".join(f"{counts[str(state)]} {state}" for state in State if counts[str(state)])
    left = planned - sum(1 for outcome in outcomes if outcome.job.target)
    if stopped:
        told = ", ".join(filter(None, [told, f"{max(left, 0)} not begun or stopped"]))
    seconds = sum(o.seconds for o in outcomes if o.state is State.PLANNED)
    click.echo(told + (f", about {seconds:.0f} s in all" if seconds else ""))
    if sums and (did := _what_was_done(outcomes)):
        click.echo(f"  {did}")
    for outcome in outcomes:
        told_already = len(outcomes) == 1 and outcome.job.target
        if outcome.state is State.FAILED and not told_already:
            click.echo(f"  failed   {outcome.job.source}: {_why(outcome)}")
    skipped = [o for o in outcomes if o.state is State.SKIPPED]
    alike = Counter(outcome.message for outcome in skipped)
    alone = [outcome for outcome in skipped if alike[outcome.message] < MANY]
    for message, count in alike.items():
        if count >= MANY:
            click.echo(f"  skipped  {count} files: {message}")
    for outcome in alone[:20]:
        click.echo(f"  skipped  {outcome.job.source}: {outcome.message}")
    if len(alone) > 20:
        click.echo(f"  skipped  {len(alone) - 20} more")


def _what_was_done(outcomes: Sequence[Outcome]) -> str:
    """How many photos each stage changed, in words; nothing of a single photo."""
    done = [outcome for outcome in outcomes if outcome.state is State.DONE and outcome.recipe]
    if len(done) < 2:
        return ""
    counts = Counter(stage for outcome in done for stage in outcome.changed)
    told = [f"{stage} {count}" for stage, count in counts.most_common()]
    still = sum(1 for outcome in done if not outcome.changed)
    return "photos changed: " + ", ".join([*told, f"unchanged {still}"])


def _why(outcome: Outcome) -> str:
    """The message without the name of the file, which stands before it."""
    return outcome.message.removeprefix(f"{outcome.job.source}: ")
