"""What is still to be done: a photo is done again only if something about it changed."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import ReadError
from ..jobs.files import check_name, companions
from ..jobs.job import Existing, Job
from ..jobs.outcome import Outcome, State, failed
from ..jobs.parts import parts
from ..report.entries import has_entry
from .fingerprint import Stamp, is_same, recipe_hash
from .ledger import FILE, FOLDER, Entry, Ledger, Phase

PASSING = frozenset({"WriteError", "OSError", "MemoryError", "LedgerError", ""})
"""Errors that are not the photo's own, such as a full disk: always tried again."""


class Known(NamedTuple):
    """A result that a ledger knows: the absolute path of its source, its own, and that source."""

    source: str
    place: Path
    before: Stamp | None


KILLED = frozenset({"TimeoutError", "ProcessDied"})
"""Errors of photos whose process was killed, and may have left files."""


@dataclasses.dataclass(frozen=True)
class Wish:
    """What is wanted of photos that the ledger knows.

    Attributes:
        out: The output folder.
        retry_failed: Try photos again that failed, though nothing changed.
        checksums: Of the networks that are there now, by name.
    """

    out: Path
    retry_failed: bool = False
    checksums: Callable[[], Mapping[str, str]] = dict


def known_targets(out: Path | None) -> list[Known]:
    """The results of a folder, and what they were made of.

    Raises:
        LedgerError: The ledger of the folder cannot be read.
    """
    if out is None or not (out / FOLDER / FILE).is_file():
        return []
    with Ledger(out, create=False) as ledger:
        return [Known(e.source, out / e.target, e.before) for e in ledger.entries()]


def ahead(jobs: Sequence[Job], wish: Wish | None) -> list[Job | Outcome]:
    """Decide of each job whether it is to be done, before any is begun; writes nothing.

    Raises:
        LedgerError: The ledger of the folder cannot be read.
    """
    if wish is None or not (wish.out / FOLDER / FILE).is_file():
        return list(jobs)
    with Ledger(wish.out, create=False) as ledger:
        return [
            ill_named(job) or still_to_do(job, ledger.find(below(wish.out, job.target)), wish)
            for job in jobs
        ]


def ill_named(job: Job) -> Outcome | None:
    """The outcome of a photo that a ledger cannot hold, since a name is no text; else None."""
    try:
        check_name(job.source)
        check_name(os.path.abspath(job.source))  # noqa: PTH100
        check_name(job.target)
    except ReadError as error:
        return failed(job, error)
    return None


def below(out: Path, path: str) -> str:
    """A path as the ledger of a folder writes it."""
    return Path(os.path.relpath(path, out)).as_posix()


def still_to_do(job: Job, entry: Entry | None, wish: Wish) -> Job | Outcome:
    """Decide whether a photo is to be done.

    Args:
        job: What is asked.
        entry: What the ledger knows of its target.
        wish: What is wanted of photos known.
    Returns:
        The job to run, which may replace a result of ours; or the outcome of doing nothing.
    """
    if entry is None or entry.phase in (Phase.PLANNED, Phase.SKIPPED):
        return job
    killed = entry.phase is Phase.FAILED and entry.error in KILLED
    if entry.phase is Phase.RUNNING or killed:
        # Whoever was at it died; a result that is there is its own, perhaps not yet recorded.
        return _replacing(job)
    if entry.phase is Phase.FAILED:
        return _after_failure(job, entry, wish)
    return _after_success(job, entry, wish)


def _after_failure(job: Job, entry: Entry, wish: Wish) -> Job | Outcome:
    new = (
        entry.error in PASSING
        or entry.before is None
        or entry.recipe_sha256 != recipe_hash(job)
        or not is_same(job.source, entry.before)
    )
    if new or wish.retry_failed:
        # What an earlier success left may be replaced, as after a success.
        ours = entry.after is not None and is_same(job.target, entry.after)
        return _renewing(job, entry, wish) if ours else job
    return Outcome(
        job,
        State.FAILED,
        f"{entry.message} (as before; --retry-failed tries it again)",
        error=entry.error,
    )


def _after_success(job: Job, entry: Entry, wish: Wish) -> Job | Outcome:
    target = Path(job.target)
    if job.existing is Existing.OVERWRITE:
        return job
    if not target.exists():
        return _renewing(job, entry, wish)
    if entry.after is None or not is_same(target, entry.after):
        return _refused(job, f"{target} was changed after unfade wrote it")
    same_source = entry.before is not None and is_same(job.source, entry.before)
    if not same_source and os.path.abspath(job.source) != entry.source:  # noqa: PTH100
        return _refused(job, f"{target} is the result of another photo, {entry.source}")
    why = changes(job, entry, wish, same_source)
    if not why:
        return Outcome(job, State.SKIPPED, "done already, and nothing changed since")
    if job.existing is Existing.SKIP:
        return Outcome(job, State.SKIPPED, f"{target} exists (but {why})")
    return _renewing(job, entry, wish)


def changes(job: Job, entry: Entry, wish: Wish, same_source: bool) -> str:
    """What changed since a photo was done, in words; empty if nothing did."""
    now = wish.checksums()
    told = {
        "the photo changed": not same_source,
        "another recipe or other options": entry.recipe_sha256 != recipe_hash(job),
        "other weights": any(now.get(name) != sha for name, sha in entry.models.items()),
        "its pictures in the album are missing": _is_unshown(job),
        "a file wanted beside it is missing": not all(
            name in entry.files and (wish.out / name).exists() for name in _wanted(job, entry, wish)
        ),
    }
    return ", ".join(words for words, true in told.items() if true)


def _is_unshown(job: Job) -> bool:
    album = job.papers.album
    return bool(album) and not all(
        has_entry(Path(album), Path(part.target), Path(part.source)) for part in parts(job)
    )


def _wanted(job: Job, entry: Entry, wish: Wish) -> list[str]:
    """What a job leaves in the folder, as the ledger writes it; of the steps, what it left."""
    steps = [name for name in entry.files if job.keep_steps and ".step-" in name]
    return [below(wish.out, str(path)) for path in (Path(job.target), *companions(job))] + steps


def _renewing(job: Job, entry: Entry, wish: Wish) -> Job | Outcome:
    """Replace what the entry lists; what is wanted besides must not be there already."""
    ours = {os.path.abspath(wish.out / name) for name in entry.files}  # noqa: PTH100
    for path in companions(job):
        if path.exists() and os.path.abspath(path) not in ours:  # noqa: PTH100
            return _refused(job, f"{path} exists, and unfade did not write it here")
    return _replacing(job)


def _replacing(job: Job) -> Job:
    return dataclasses.replace(job, existing=Existing.OVERWRITE)


def _refused(job: Job, why: str) -> Outcome:
    if job.existing is Existing.SKIP:
        return Outcome(job, State.SKIPPED, f"{job.target} exists ({why})")
    return Outcome(
        job,
        State.FAILED,
        f"{why}; --overwrite replaces it, --skip-existing keeps it",
        error="WriteError",
    )
