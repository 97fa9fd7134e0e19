"""`unfade watch`: restore what a scanner puts into a folder, as it comes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import restore
from .options import equipment
from .several import manner

if TYPE_CHECKING:
    from ..batch.stop import Stop
    from ..jobs.job import Job
    from ..jobs.outcome import Outcome
    from .batch import Afterwards, Manner
    from .inputs import Found

NOT_HERE = frozenset({"inputs", "out", "dry_run", "as_json", "mask"})
"""Options of `restore` that say nothing here; all others are taken over."""

OWN = [
    click.Argument(["folder"], type=click.Path(path_type=Path), metavar="DIR"),
    click.Option(
        ["-o", "--out"],
        required=True,
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of the results; DIR is mirrored in it.",
    ),
    click.Option(
        ["--settle"],
        type=click.FloatRange(min=0),
        default=5.0,
        metavar="SECONDS",
        help="Take a file when it has not changed for so long.  [5]",
    ),
    click.Option(
        ["--interval"],
        type=click.FloatRange(min=0.05),
        default=2.0,
        metavar="SECONDS",
        help="Look into DIR this often.  [2]",
    ),
    click.Option(["--once"], is_flag=True, help="Do what is there and at rest, then end."),
]


def watch(
    folder: Path, out: Path, settle: float, interval: float, once: bool, **options: Any
) -> None:
    """Restore what appears in DIR, as soon as it is written whole, until Ctrl-C.

    Takes the options of `unfade restore` but --mask, --dry-run and --json. What the ledger of the
    output folder knows is not done again, so that it can be ended and begun at any time. Bad files
    are told once, and again when they change. Exit code: 0, or 1 if a photo failed.
    """
    from ..batch.stop import Stop
    from ..io.read import can_read
    from .album import album_writer
    from .batch import stopping_in_steps

    if not folder.is_dir() and once:
        raise click.ClickException(f"{folder}: expected a folder to watch")
    options["mask"] = None
    # A mistake in the options is told now, not when the first photo comes.
    restore.make_jobs((str(folder),), [], out, options)
    equipment(options["engine"], options["threads"], options["memory"])
    how, then = manner(options, out, False), album_writer(options["album"], options["overwrite"])
    stop = Stop()
    if not once:
        click.echo(f"watching {folder}; Ctrl-C ends it", err=True)
    find_photos = functools.partial(_photos, folder, out, can_read)

    def make_jobs(found: Sequence[Found]) -> list[Job]:
        return restore.make_jobs((str(folder),), found, out, options)

    with stopping_in_steps(stop):
        failed = _watch(find_photos, make_jobs, how, stop, then, settle, interval, once)
    click.get_current_context().exit(int(failed))


command = click.Command(
    "watch",
    callback=watch,
    params=[*OWN, *(p for p in restore.command.params if p.name not in NOT_HERE)],
    help=watch.__doc__,
)


def _photos(folder: Path, out: Path, is_photo: Callable[[Path], bool]) -> list[Found]:
    """All photos that are there now; none while the folder cannot be reached."""
    from .inputs import find

    if not folder.is_dir():
        return []
    return [item for item in find((str(folder),), is_photo, out) if not item.problem]


def _watch(
    find_photos: Callable[[], list[Found]],
    make_jobs: Callable[[Sequence[Found]], list[Job]],
    how: Manner,
    stop: Stop,
    then: Afterwards | None,
    settle: float,
    interval: float,
    once: bool,
) -> bool:
    """Do what comes until asked to stop; tells whether a photo failed.

    Jobs are made of all photos, for names and rolls, but only when there is something to do.
    """
    from ..batch.arrivals import Arrivals
    from ..errors import UnfadeError

    arrivals, failed, told = Arrivals(settle), False, ""
    if once and settle > 0:
        arrivals.look([item.path for item in find_photos()])
        stop.wait(settle)
    while not stop.asked:
        ready: set[Path] = set()
        try:
            found = find_photos()
            ready = set(arrivals.look([item.path for item in found]))
            jobs = make_jobs(found) if ready else []
            failed |= _do([job for job in jobs if Path(job.source) in ready], how, stop, then)
            told = "" if ready else told
        except (UnfadeError, OSError) as error:
            if once:
                raise
            # A network drive that went away comes back.
            told = _tell_once(error, told)
            arrivals.forget(ready)
        if once:
            return failed
        stop.wait(interval)
    return failed


def _tell_once(error: Exception, told: str) -> str:
    """Say what went wrong, unless that was the last that was said."""
    said = " ".join(str(error).split())
    if said != told:
        click.echo(f"unfade: {said}", err=True)
    return said


def _do(jobs: Sequence[Job], how: Manner, stop: Stop, then: Afterwards | None) -> bool:
    """Do jobs and tell of each, but not of those that need nothing; tells whether one failed."""
    from ..batch.campaign import run_campaign
    from ..errors import Cancelled
    from ..jobs.outcome import State
    from ..plan import SECONDS_PER_MEGAPIXEL
    from .batch import show, workforce
    from .display import Display

    outcomes: list[Outcome] = []
    if not jobs:
        return False
    with Display(len(jobs), weights=SECONDS_PER_MEGAPIXEL) as display:
        jobs, execute = workforce(jobs, how, stop, display)
        try:
            for outcome in run_campaign(jobs, execute, how.wish):
                outcomes.append(outcome)
                if outcome.state is not State.SKIPPED:
                    show(outcome, display, how.brief)
        except Cancelled:
            pass
    if then is not None and outcomes:
        then(outcomes)
    return any(outcome.state is State.FAILED for outcome in outcomes)
