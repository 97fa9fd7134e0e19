"""A job done, with proof: stamps of the file that went in and of the one that came out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ..darkroom import Darkroom
from ..jobs import Job, Outcome, State, all_or_nothing, attempt, companions, run_job
from .fingerprint import Stamp, stamp


@dataclasses.dataclass(frozen=True)
class Receipt:
    """What became of a job; plain data.

    Attributes:
        outcome: As `run_job` gave it.
        before: Stamp of the source; None where it could not be read.
        after: Stamp of the result; None unless it was done.
    """

    outcome: Outcome
    before: Stamp | None = None
    after: Stamp | None = None


def run_with_receipt(job: Job, darkroom: Darkroom | None = None) -> Receipt:
    """Run a job, and take it back where its source was changed meanwhile; what was there returns.

    Raises:
        Cancelled: As in `run_job`.
    """
    before = _stamp(job.source)
    outcome = attempt(job, lambda: _run(job, darkroom, before))
    return Receipt(outcome, before, _stamp(job.target) if outcome.state is State.DONE else None)


def _run(job: Job, darkroom: Darkroom | None, before: Stamp | None) -> Outcome:
    with all_or_nothing((Path(job.target), *companions(job))) as written:
        outcome = run_job(job, darkroom)
        if outcome.state is State.DONE:
            written += map(Path, outcome.files)
            _check_still(job.source, before)
    return outcome


def _stamp(path: str) -> Stamp | None:
    try:
        return stamp(path)
    except OSError:
        # Missing, vanished or locked: reading it as a photo will say which.
        return None


def _check_still(path: str, before: Stamp | None) -> None:
    """Raise an OSError where a file is another one than it was."""
    try:
        now = Path(path).stat()
    except OSError:
        return  # It vanished after it was read whole: the result stands.
    if before is None or (now.st_size, now.st_mtime_ns) != (before.size, before.mtime_ns):
        raise OSError(f"{path}: was changed while it was worked on; run again when it is at rest")
