"""The files of a job: what it reads is never written, what it writes comes whole or not at all."""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from ..derivatives import parse_derivative
from ..errors import ReadError, WriteError
from ..io.identity import identities
from ..io.whole import put_back, short, whole, why
from ..report.premis import premis_path
from ..report.record import sidecar_path
from ..report.sidecar import beside, report_path
from .job import INPUTS, Existing, Job
from .outcome import Outcome, State
from .parts import parts


def check_target(job: Job) -> Outcome | None:
    """Refuse to touch what is read or, unless asked to, a file that is there.

    Raises:
        ReadError: As `check_name`.
        WriteError: The target or what comes with it is an input, or is there already.
    """
    check_name(job.source)
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


def check_name(path: str) -> None:
    """Refuse a name that is no text, as names in Latin-1 of old disks are: none can tell of it.

    Raises:
        ReadError: The name, or that of a folder on its way, cannot be written in UTF-8.
    """
    folder, name = os.path.split(path)
    for what, part in (("file", name), ("folder", folder)):
        try:
            part.encode()
        except UnicodeEncodeError as error:
            raise ReadError(f"{path}: the name is not valid text; rename the {what}") from error


def companions(job: Job) -> tuple[Path, ...]:
    """What a job writes beside its target, as far as that is known before it is done.

    Of a TIFF of several pages each page has its own, and all have one sidecar. Only the names of
    the steps are not known; see `_keeper`.
    """
    target, papers = Path(job.target), job.papers
    wanted = {sidecar_path(target): papers.sidecar, premis_path(target): papers.premis}
    # A source is looked into only where it matters how many pages it has.
    pages = parts(job) if _of_each(job) else ()
    each = (path for part in pages for path in _of_each(part))
    return (*each, *(path for path, wish in wanted.items() if wish))


def _of_each(job: Job) -> tuple[Path, ...]:
    """What is written beside each page."""
    target = Path(job.target)
    wanted = {
        beside(target, "mask.png"): job.save_mask,
        beside(target, "origin.png"): job.save_origin,
        report_path(target): job.report,
    }
    return (*(path for path, wish in wanted.items() if wish), *smaller_places(job))


def smaller_places(job: Job) -> tuple[Path, ...]:
    """Where the smaller pictures of a job lie."""
    return tuple(parse_derivative(text).path(Path(job.target)) for text in job.also)


def replaceable(job: Job) -> Iterator[Path]:
    """What a job may replace: its target, what comes with it, and steps that were kept before."""
    yield from (Path(job.target), *companions(job))
    for part in parts(job) if job.keep_steps else ():
        target = Path(part.target)
        yield from target.parent.glob(f"{glob.escape(target.name)}.step-*")


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


@contextlib.contextmanager
def hidden_folder(target: Path) -> Iterator[Path]:
    """A folder beside a target for what is not to be seen; it goes with all that is in it.

    `batch.leftovers` knows it by its name where a process was killed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    start = f".{short(target.name)}."
    with tempfile.TemporaryDirectory(
        prefix=start, dir=target.parent, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def write_apart(path: Path, replace: bool, save: Callable[[Path], object]) -> Path:
    """Write a file in a hidden folder, from where it comes to its place whole.

    Args:
        path: Its place.
        replace: Whether it may take the place of a file that is there.
        save: Writes it to where it is told to, under the same name.
    Raises:
        WriteError: It cannot be written, or a file is there that is not to be replaced.
    """
    made = path
    try:
        with hidden_folder(path) as folder, whole(path, replace) as temporary:
            made = folder / path.name
            save(made)
            made.replace(temporary)
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {why(error)}") from error
    except WriteError as error:
        raise WriteError(str(error).replace(str(made), str(path))) from error
    return path


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


def keep_times(source: str, paths: Iterable[Path]) -> None:
    """Photo managers sort by the time of a file where its tags say nothing."""
    told = Path(source).stat()
    for path in paths:
        os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
