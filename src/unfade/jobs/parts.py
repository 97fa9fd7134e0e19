"""The pages of a TIFF that are restored together, each as a job of its own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ..errors import ReadError
from ..io.read import count_pages
from ..report.sidecar import page_of
from .job import Job


def parts(job: Job) -> tuple[Job, ...]:
    """A job for each page that is restored; the job itself where it is of one photo.

    The target of a page is only what its companions are called after: the page itself is laid
    together with the others in the target of the job. A source that cannot be read counts as one
    photo; reading it will say why.
    """
    pages = _pages(job)
    if len(pages) == 1:
        return (job,)
    target, masks = Path(job.target), dict(job.page_masks)
    return tuple(
        dataclasses.replace(
            job, page=page, target=str(page_of(target, page)), mask=masks.get(page, "")
        )
        for page in pages
    )


def _pages(job: Job) -> tuple[int, ...]:
    try:
        return (job.page,) if job.page else count_pages(job.source)
    except ReadError:
        return (0,)
