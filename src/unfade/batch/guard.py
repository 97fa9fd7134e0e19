"""A photo that does not fit into memory is tried again with smaller tiles and scratch files."""

from __future__ import annotations

import dataclasses

from ..jobs.job import Existing, Job
from ..jobs.outcome import Outcome, State

SMALLER = 4
LEAST = 64 * 2**20
"""What a darkroom needs at least."""


def with_less_memory(job: Job) -> Job | None:
    """The same job with a quarter of the budget; None if it had hardly any.

    The result does not depend on the budget. What lies at the target now is the first attempt's.
    """
    memory = job.equipment.memory // SMALLER
    if memory < LEAST:
        return None
    return dataclasses.replace(
        job,
        equipment=dataclasses.replace(job.equipment, memory=memory),
        existing=Existing.OVERWRITE,
    )


def as_of(job: Job, outcome: Outcome) -> Outcome:
    """The outcome of a job from that of an attempt with less memory, which is told."""
    less = outcome.job.equipment.memory
    if less == job.equipment.memory:
        return outcome
    message = outcome.message
    if outcome.state is State.DONE:
        told = f"ran out of memory with {_mib(job.equipment.memory)}, done with {_mib(less)}"
        message = f"{message}; {told}" if message else told
    return dataclasses.replace(outcome, job=job, message=message)


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
