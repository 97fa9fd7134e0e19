"""The pages of a TIFF: each restored as a photo of its own, and laid together again."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..darkroom import Darkroom
from ..errors import ReadError, SigningError, WriteError
from ..io.pages import join_pages
from ..io.whole import whole
from ..io.write import FORMATS
from ..report.deed import now
from ..report.entries import drop_entry, drop_pages, entry_key
from ..report.record import write_pages_sidecar
from .files import all_or_nothing, check_times, hidden_folder, keep_times, replaceable, times
from .job import INPUTS, Existing, Job
from .outcome import Outcome, State
from .page import restore_page


def restore_pages(job: Job, parts: Sequence[Job], darkroom: Darkroom) -> Outcome:
    """Restore every page as a photo of its own and lay them together.

    Args:
        job: The job.
        parts: As `parts` makes them of it.
        darkroom: Where.
    """
    _check_pages(job, len(parts))
    pages = [part.page for part in parts]
    papers = dataclasses.replace(job.papers, when=job.papers.when or now())
    started, outcomes, target = times(job), [], Path(job.target)
    with (
        _listed_whole(job),
        all_or_nothing(replaceable(job)) as written,
        hidden_folder(target) as folder,
    ):
        files = [folder / f"{page}{target.suffix}" for page in pages]
        for part, file in zip(parts, files, strict=True):
            part = dataclasses.replace(part, papers=papers)
            outcomes.append(restore_page(part, darkroom, file))
            written += (p for p in map(Path, outcomes[-1].files) if p.parent != folder)
        _join(job, files, written)
        check_times(job, started)
        if job.keep_times:
            keep_times(job.source, (target,))
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
        files=tuple(map(str, written)),
        numbers={
            f"page_{page}_{name}": value
            for page, outcome in zip(pages, outcomes, strict=True)
            for name, value in outcome.numbers.items()
        },
        changed=sum((Counter(outcome.changed) for outcome in outcomes), Counter()),
        models={name: digest for o in outcomes for name, digest in o.models.items()},
    )


def _join(job: Job, files: Sequence[Path], written: list[Path]) -> None:
    """Lay pages together in the target, with one sidecar for all."""
    target, replace = Path(job.target), job.existing is Existing.OVERWRITE
    with whole(target, replace) as temporary:
        join_pages(files, temporary)
        if job.papers.sidecar:
            written.append(write_pages_sidecar(target, temporary, files, replace))
    written.insert(0, target)


@contextlib.contextmanager
def _listed_whole(job: Job) -> Iterator[None]:
    """Keep pages out of the album where not all could be done, and their failure where they are."""
    album, target, source = Path(job.papers.album), Path(job.target), Path(job.source)
    try:
        yield
    except BaseException:
        if job.papers.album:
            drop_pages(album, target, source)
        raise
    if job.papers.album:
        drop_entry(album, entry_key(album, target, source))


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
