"""One way in: a `Job` says what to do with one file, `run_job` does it, an `Outcome` tells."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator

from ..darkroom import Darkroom
from .files import check_target
from .job import Equipment, Job
from .outcome import Outcome, attempt
from .page import restore_page
from .pages import restore_pages
from .parts import parts


def run_jobs(
    jobs: Iterable[Job],
    mapper: Callable[..., Iterable[Outcome]] = map,
    darkroom: Darkroom | None = None,
) -> Iterator[Outcome]:
    """Run many jobs.

    Args:
        jobs: The jobs.
        mapper: `map`, or the `map` of a process pool; anything that is called like it.
        darkroom: Used for all jobs where the mapper stays in this process; by default each
            process opens its own from the job's equipment.
    """
    work = run_job if darkroom is None else functools.partial(run_job, darkroom=darkroom)
    yield from mapper(work, jobs)


def run_job(job: Job, darkroom: Darkroom | None = None) -> Outcome:
    """Read, restore and write one photo.

    Returns:
        The outcome; whatever is wrong with the file, the recipe or the disk is in it. Unless it is
        done, nothing new stays on the disk.
    Raises:
        Cancelled: The darkroom was told to stop.
    """
    return attempt(job, lambda: _restore(job, darkroom or open_darkroom(job.equipment)))


@functools.lru_cache(maxsize=1)
def open_darkroom(equipment: Equipment) -> Darkroom:
    """The darkroom of this process; opened anew where the equipment differs from the last."""
    return Darkroom(equipment.engine, threads=equipment.threads, memory=equipment.memory)


def _restore(job: Job, darkroom: Darkroom) -> Outcome:
    if skipped := check_target(job):
        return skipped
    pages = parts(job)
    return restore_page(job, darkroom) if len(pages) == 1 else restore_pages(job, pages, darkroom)
