"""The pages of a TIFF: each restored as a photo of its own, and laid together again."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

from ..darkroom import Darkroom
from ..errors import ReadError, SigningError, WriteError
from ..io.pages import join_pages
from ..io.whole import whole
from ..io.write import FORMATS
from ..report.deed import now
from ..report.record import write_pages_sidecar
from ..report.sidecar import beside
from .files import all_or_nothing, check_target
from .job import INPUTS, Existing, Job
from .outcome import Outcome, State
from .page import restore_page


def restore_pages(job: Job, pages: tuple[int, ...], darkroom: Darkroom) -> Outcome:
    """Restore every page as a photo of its own and lay them together."""
    target = Path(job.target)
    _check_pages(job, len(pages))
    papers = dataclasses.replace(job.papers, when=job.papers.when or now())
    parts = [
        dataclasses.replace(
            job,
            page=page,
            target=str(beside(target, f"page-{page}{target.suffix}")),
            mask=dict(job.page_masks).get(page, ""),
            papers=papers,
        )
        for page in pages
    ]
    with all_or_nothing() as written:
        outcomes = []
        for part in parts:
            check_target(part)
            outcomes.append(restore_page(part, darkroom))
            written += map(Path, outcomes[-1].files)
        files = [Path(part.target) for part in parts]
        with whole(target, job.existing is Existing.OVERWRITE) as temporary:
            join_pages(files, temporary)
            if papers.sidecar:
                written.append(write_pages_sidecar(target, temporary, files))
        for path in files:
            path.unlink()
    return Outcome(
        job,
        State.DONE,
        recipe=", ".join(dict.fromkeys(outcome.recipe for outcome in outcomes)),
        chosen="; ".join(f"page {n}: {o.chosen}" for n, o in zip(pages, outcomes, strict=True)),
        evidence=tuple(
            (stage, f"page {page}: {says}")
            for page, outcome in zip(pages, outcomes, strict=True)
            for stage, says in outcome.evidence
        ),
        files=(str(target), *(str(path) for path in written if path.exists())),
        numbers={
            f"page_{page}_{name}": value
            for page, outcome in zip(pages, outcomes, strict=True)
            for name, value in outcome.numbers.items()
        },
        changed=sum((Counter(outcome.changed) for outcome in outcomes), Counter()),
        models={name: digest for o in outcomes for name, digest in o.models.items()},
    )


def _check_pages(job: Job, count: int) -> None:
    """Refuse what fits one page only.

    Raises:
        WriteError: The target cannot hold several pages.
        SigningError: Papers that are about one photo.
        ReadError: A mask, reference or infrared file belongs to one page.
    """
    kind = job.format or FORMATS.get(Path(job.target).suffix.lower(), "")
    if kind != "tiff":
        raise WriteError(
            f"{job.target}: {job.source} has {count} pages, and {kind} holds one; write a TIFF, or "
            "take one of them with --page"
        )
    if job.papers.premis or job.papers.certificate:
        raise SigningError(
            f"{job.source}: PREMIS and signatures are about one photo, and it has {count} pages; "
            "take them one by one with --page"
        )
    for name in INPUTS:
        if getattr(job, name):
            raise ReadError(
                f"{getattr(job, name)}: a {name} belongs to one photo, and {job.source} has "
                f"{count} pages; choose one of them with --page"
            )
