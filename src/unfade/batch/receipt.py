"""A job done, with proof: stamps of the file that went in and of the one that came out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ..darkroom import Darkroom
from ..jobs import Job, Outcome, State, run_job
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
    """Run a job, and take it back where its source was changed meanwhile.

    Raises:
        Cancelled: As in `run_job`.
    """
    before = _stamp(job.source)
    outcome = run_job(job, darkroom)
    if outcome.state is not State.DONE:
        return Receipt(outcome, before)
    if before is None or not _still(job.source, before):
        for path in outcome.files:
            Path(path).unlink(missing_ok=True)
        message = f"{job.source}: was changed while it was worked on; run again when it is at rest"
        failed = dataclasses.replace(outcome, state=State.FAILED, message=message, files=())
        return Receipt(dataclasses.replace(failed, error="OSError"))
    return Receipt(outcome, before, _stamp(job.target))


def _stamp(path: str) -> Stamp | None:
    try:
        return stamp(path)
    except OSError:
        # Missing, vanished or locked: reading it as a photo will say which.
        return None


def _still(path: str, before: Stamp) -> bool:
    try:
        now = Path(path).stat()
    except OSError:
        return True  # It vanished after it was read whole: the result stands.
    return (now.st_size, now.st_mtime_ns) == (before.size, before.mtime_ns)
