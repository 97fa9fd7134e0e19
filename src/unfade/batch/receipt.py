"""A job done, with proof: stamps of the file that went in and of the one that came out."""

from __future__ import annotations

import dataclasses

from ..darkroom import Darkroom
from ..jobs.job import Job
from ..jobs.outcome import Outcome, State
from ..jobs.run import run_job
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
    """Run a job, with stamps of what went in and of what came out.

    Raises:
        Cancelled: As in `run_job`.
    """
    before = _stamp(job.source)
    outcome = run_job(job, darkroom)
    return Receipt(outcome, before, _stamp(job.target) if outcome.state is State.DONE else None)


def _stamp(path: str) -> Stamp | None:
    try:
        return stamp(path)
    except OSError:
        # Missing, vanished or locked: reading it as a photo will say which.
        return None
