"""The files of a job: what it reads is never written, what it writes comes whole or not at all."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..derivatives import parse_derivative
from ..errors import WriteError
from ..io.identity import identities
from ..io.whole import put_back
from ..report.premis import premis_path
from ..report.record import sidecar_path
from ..report.sidecar import beside, report_path
from .job import INPUTS, Existing, Job
from .outcome import Outcome, State


def check_target(job: Job) -> Outcome | None:
    """Refuse to touch what is read or, unless asked to, a file that is there.

    Raises:
        WriteError: The target or what comes with it is an input, or is there already.
    """
    places = (Path(job.target), *companions(job))
    for place, (kind, path) in itertools.product(places, inputs(job).items()):
        if identities(place) & identities(Path(path)):
            what = "original" if kind == "source" else f"{kind} that was given"
            raise WriteError(f"{place} is the {what}, which is never overwritten; choose another")
    there = next((place for place in places if place.exists()), None)
    if there is None or job.existing is Existing.OVERWRITE:
        return None
    if there is not places[0]:
        raise WriteError(f"{there} exists; use --overwrite, or move it away")
    if job.existing is Existing.SKIP:
        return Outcome(job, State.SKIPPED, f"{there} exists")
    raise WriteError(f"{there} exists; use --overwrite or --skip-existing")


def companions(job: Job) -> tuple[Path, ...]:
    """What a job writes beside its target, as far as that is known before it is done.

    Only the names of the steps are not; see `_keeper`.
    """
    target, papers = Path(job.target), job.papers
    wanted = {
        beside(target, "mask.png"): job.save_mask,
        beside(target, "origin.png"): job.save_origin,
        report_path(target): job.report,
        sidecar_path(target): papers.sidecar,
        premis_path(target): papers.premis,
    }
    also = (parse_derivative(text).path(target) for text in job.also)
    return (*(path for path, wish in wanted.items() if wish), *also)


def inputs(job: Job) -> dict[str, str]:
    """The files that a job reads, by what they are."""
    named = {name: getattr(job, name) for name in ("source", *INPUTS)}
    pages = {f"mask of page {page}": path for page, path in job.page_masks}
    return {name: path for name, path in (named | pages).items() if path}


@contextlib.contextmanager
def all_or_nothing(places: Iterable[Path] = ()) -> Iterator[list[Path]]:
    """Collect the files that are written; where the work breaks off they are taken back.

    Args:
        places: Where files may be replaced; what was there before comes back.
    """
    written: list[Path] = []
    with contextlib.ExitStack() as kept:
        for place in places:
            kept.enter_context(put_back(place))
        try:
            yield written
        except BaseException:
            for path in written:
                path.unlink(missing_ok=True)
            raise


def times(job: Job) -> dict[str, tuple[int, int]]:
    """Size and time of what a job reads, by path; what is missing is left out."""
    told = {}
    for path in inputs(job).values():
        with contextlib.suppress(OSError):
            state = Path(path).stat()
            told[path] = state.st_size, state.st_mtime_ns
    return told


def check_times(job: Job, before: Mapping[str, tuple[int, int]]) -> None:
    """Refuse to go on where a file was changed since; one that is gone was read whole.

    Raises:
        OSError: It was changed.
    """
    for path, told in times(job).items():
        if told != before.get(path):
            raise OSError(
                f"{path}: was changed while it was worked on; run again when it is at rest"
            )


def keep_times(job: Job) -> None:
    """Photo managers sort by the time of a file where its tags say nothing."""
    told = Path(job.source).stat()
    target = Path(job.target)
    for path in (target, *(parse_derivative(text).path(target) for text in job.also)):
        os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
