"""What became of a job, as plain data. A bad file becomes an outcome and never stops a batch."""

from __future__ import annotations

import dataclasses
import enum
import errno
import time
from collections.abc import Callable, Mapping
from typing import Any

import cv2

from ..errors import Cancelled, UnfadeError
from ..report.history import plain
from .job import Job


class State(enum.StrEnum):
    """How a job ended."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    PLANNED = "planned"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes:
        job: The job.
        state: Done, skipped, failed or planned.
        message: One line that says why it failed or was skipped.
        recipe: Name of the recipe.
        chosen: Why that recipe.
        evidence: Per stage its name and the sentence it left, or in a plan what it expects.
        files: What was written, or in a plan what would be; the target comes first.
        numbers: Measurements by name.
        changed: Stages that changed pixels, and how many.
        seconds: Time it took, or in a plan is expected to take.
        error: Class of the error where it failed, such as `ReadError`.
        models: The networks that were asked, with their checksums.
    """

    job: Job
    state: State
    message: str = ""
    recipe: str = ""
    chosen: str = ""
    evidence: tuple[tuple[str, str], ...] = ()
    files: tuple[str, ...] = ()
    numbers: Mapping[str, float] = dataclasses.field(default_factory=dict)
    changed: Mapping[str, int] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""
    models: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Describe it in what JSON knows; of the job only source and target."""
        table = {f.name: plain(getattr(self, f.name)) for f in dataclasses.fields(self)}
        job = table.pop("job")
        told = {"source": job["source"], "target": job["target"], **table, "state": str(self.state)}
        told["evidence"] = [{"stage": name, "says": says} for name, says in self.evidence]
        return {**told, "seconds": round(self.seconds, 3)}


def attempt(job: Job, work: Callable[[], Outcome]) -> Outcome:
    """Do some work for a job, timed, and turn what goes wrong with it into an outcome.

    Raises:
        Cancelled: The work was told to stop.
    """
    start = time.perf_counter()
    try:
        outcome = work()
    except Cancelled:
        raise
    except (UnfadeError, ValueError, OSError, MemoryError) as error:
        outcome = failed(job, error)
    except cv2.error as error:
        if error.code != OPENCV_NO_MEMORY:
            raise
        outcome = failed(job, MemoryError())
    if outcome.state is State.PLANNED:
        return outcome
    return dataclasses.replace(outcome, seconds=time.perf_counter() - start)


def failed(job: Job, error: BaseException) -> Outcome:
    """The outcome of a job that an error ended."""
    # NumPy raises a child of MemoryError that it does not name in public.
    kind = "MemoryError" if isinstance(error, MemoryError) else type(error).__name__
    return Outcome(job, State.FAILED, one_line(error), error=kind)


def one_line(error: BaseException) -> str:
    """What an error says, in one line; never empty."""
    if isinstance(error, MemoryError):
        return "not enough memory: lower --memory, or close other programs"
    said = " ".join(str(error).split()) or type(error).__name__
    too_long = isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG
    return f"{said}; shorten the name of the photo" if too_long else said


OPENCV_NO_MEMORY = -4
"""`cv::Error::StsNoMem`."""
