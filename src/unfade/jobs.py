"""One way in: a `Job` says what to do with one file, `run_job` does it, an `Outcome` tells.

Both are plain data, so that they can be queued, pickled and logged. A bad file becomes an outcome
and never stops a batch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import errno
import functools
import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .choose import Changes, recipe_for
from .darkroom import DEFAULT_MEMORY, Darkroom
from .derivatives import parse_derivative, write_derivative
from .errors import Cancelled, ReadError, SigningError, UnfadeError, WriteError
from .io.origin import Entry, write_origin
from .io.pages import join_pages
from .io.read import count_pages, read, read_mask, with_infrared
from .io.write import FORMATS, copy, put_back, whole, why_loss, write, write_plane
from .metrics import psnr, ssim
from .photo import Photo
from .pipeline import run
from .profile import to_srgb
from .recipe import Recipe, Stage
from .report.album import write_entry
from .report.deed import Deed, file_facts, now
from .report.history import plain
from .report.papers import Papers, finisher
from .report.pictures import LOOKS
from .report.premis import premis_path
from .report.record import Output, sidecar_path, write_pages_sidecar
from .report.sidecar import beside, report_path, write_report
from .report.xmp import provenance_packet


class State(enum.StrEnum):
    """How a job ended."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    PLANNED = "planned"


class Existing(enum.StrEnum):
    """What to do where the target is there already."""

    REFUSE = "refuse"
    SKIP = "skip"
    OVERWRITE = "overwrite"


@dataclasses.dataclass(frozen=True)
class Equipment:
    """What a darkroom is opened with; see `Darkroom`."""

    engine: str = "auto"
    threads: int = 0
    memory: int = DEFAULT_MEMORY


@dataclasses.dataclass(frozen=True)
class Job:
    """One photo to restore: all that must be known, as plain data.

    Attributes:
        source: File to read.
        target: File to write, never the source itself.
        recipe: What to do; None measures the photo and chooses.
        changes: What is wanted different from that recipe.
        equipment: Engine, threads and memory.
        mask: Picture of the damage, white is damaged; empty looks for it.
        page_masks: The same for pages of a TIFF that are restored together: their numbers, from 1,
            and pictures.
        reference: Undamaged picture of the same size to measure against; empty measures nothing.
        infrared: Picture of the scanner's infrared plane, of the same size; empty takes that of
            the source, if it has one.
        page: Page of a TIFF to take alone, from 1; 0 takes every page that is a photo.
        format: File format of the target, empty goes by its suffix.
        bits: Bits per sample of the target, 0 as in the source.
        quality: 1 to 100 for JPEG, WebP, HEIF and AVIF; 0 as in the source.
        existing: What to do where the target is there already.
        save_mask: Write the damage mask as `target.mask.png`.
        save_origin: Write what became of each pixel as `target.origin.png`.
        keep_steps: Write the photo after every stage that changed it, `target.step-2-inpaint.tif`.
        report: Write `target.report.html`, a page that shows what was done.
        papers: Sidecar, PREMIS and signature of the target.
        also: Companions of the target, as `derivatives.parse_derivative` reads them.
        keep_times: Give the target and its companions the modification time of the source.
    """

    source: str
    target: str
    recipe: Recipe | None = None
    changes: Changes = dataclasses.field(default_factory=Changes)
    equipment: Equipment = Equipment()
    mask: str = ""
    page_masks: tuple[tuple[int, str], ...] = ()
    reference: str = ""
    infrared: str = ""
    page: int = 0
    format: str = ""
    bits: int = 0
    quality: int = 0
    existing: Existing = Existing.REFUSE
    save_mask: bool = False
    save_origin: bool = False
    keep_steps: bool = False
    report: bool = False
    papers: Papers = dataclasses.field(default_factory=Papers)
    also: tuple[str, ...] = ()
    keep_times: bool = False


MOST_MARKED = 0.5
"""Share of a photo from which a mask is more likely a mistake than a photo so damaged."""

INPUTS = ("mask", "reference", "infrared")
"""Fields of a job that name further files it reads."""

NOT_OF_THE_TARGET = frozenset(
    {"source", "target", "recipe", "changes", "equipment", "existing", "papers", *INPUTS}
    | {"page_masks", "save_mask", "save_origin", "keep_steps", "report", "also", "keep_times"}
)
"""Fields of a job that its sidecar tells elsewhere, or that leave the target as it is."""


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


@functools.lru_cache(maxsize=1)
def open_darkroom(equipment: Equipment) -> Darkroom:
    """The darkroom of this process; opened anew where the equipment differs from the last."""
    return Darkroom(equipment.engine, threads=equipment.threads, memory=equipment.memory)


def _restore(job: Job, darkroom: Darkroom) -> Outcome:
    if skipped := check_target(job):
        return skipped
    pages = count_pages(job.source) if job.page == 0 else (job.page,)
    return _restore_page(job, darkroom) if len(pages) == 1 else _restore_pages(job, pages, darkroom)


def _restore_pages(job: Job, pages: tuple[int, ...], darkroom: Darkroom) -> Outcome:
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
            outcomes.append(_restore_page(part, darkroom))
            written += map(Path, outcomes[-1].files)
        files = [Path(part.target) for part in parts]
        with whole(target) as temporary:
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


def _restore_page(job: Job, darkroom: Darkroom) -> Outcome:
    times = _times(job)
    before = open_photo(job, darkroom)
    with darkroom.during("choose"):
        recipe, chosen = recipe_for(before, darkroom, job.recipe, job.changes)
        models = darkroom.models_used()
    loss = _loss(job, before)
    if recipe.only_damage and loss:
        raise WriteError(f"{job.target}: nothing but damage may change, but {loss}")
    Path(job.target).parent.mkdir(parents=True, exist_ok=True)
    with all_or_nothing((Path(job.target), *companions(job))) as written:
        after = run(before, recipe, darkroom, _keeper(job, written) if job.keep_steps else None)
        numbers = {**_measure(job, before, after), **_counts(before, after, proven=not loss)}
        deed = _deed(job, recipe, chosen, numbers)
        if job.save_mask:
            written.append(_write_mask(job, after))
        if job.save_origin:
            written.append(_write_origin(job, after))
        if job.report:
            written.append(write_report(before, after, Path(job.target), deed.about))
        untouched = is_untouched(job, after)
        written += _write_also(job, after, None if untouched else deed)
        if job.papers.album:
            write_entry(Path(job.papers.album), before, after, deed, Path(job.target))
        _deliver(job, before, after, deed, untouched, darkroom, written)
        written.insert(0, Path(job.target))
        _check_times(job, times)
        if job.keep_times:
            _keep_times(job)
    return Outcome(
        job,
        State.DONE,
        "nothing to do: copied byte for byte" if untouched else "",
        recipe=recipe.name,
        chosen=chosen,
        evidence=(
            *reading(before),
            *_doubting(job, before),
            *((s.stage, str(s.notes.get("evidence", ""))) for s in after.history),
        ),
        files=tuple(map(str, written)),
        numbers=numbers,
        changed={s.stage: s.changed_pixels for s in after.history if s.changed_pixels},
        models=models_of(after, models),
    )


def _format(job: Job, photo: Photo) -> str:
    """The format to write: as asked, or by the suffix, or that of the source."""
    return job.format or FORMATS.get(Path(job.target).suffix.lower(), photo.metadata.format)


def reading(photo: Photo) -> Iterator[tuple[str, str]]:
    """What became of the colors while the file was read, where they could not stay."""
    if converted := photo.metadata.encoding.get("converted"):
        yield "read", str(converted)


def _doubting(job: Job, photo: Photo) -> Iterator[tuple[str, str]]:
    """A warning, where a mask that is given marks most of the photo."""
    if job.mask and photo.damage is not None:
        share = np.count_nonzero(photo.damage) / photo.damage.size
        if share >= MOST_MARKED:
            yield (
                "mask",
                f"warning: {share:.1%} of the photo is marked; is {job.mask} inverted (white is "
                "damaged), or a photo?",
            )


def _loss(job: Job, photo: Photo) -> str:
    """Why the target cannot hold the very pixels of the source; empty where it can."""
    return why_loss(
        photo,
        job.target,
        format=_format(job, photo),
        bits=job.bits or None,
        quality=job.quality or None,
    )


def _counts(before: Photo, after: Photo, proven: bool) -> dict[str, float]:
    """Changed pixels and, where they are read back and compared, untouched ones."""
    height, width = after.size
    changed = 0 if after.origin is None else int(np.count_nonzero(after.origin))
    counts = {"changed_pixels": float(changed)}
    if proven and before.pixels.shape == after.pixels.shape:
        counts["untouched_pixels_verified"] = float(height * width - changed)
    return counts


def models_of(photo: Photo, asked: Mapping[str, str]) -> dict[str, str]:
    """The networks that the history of a photo names, and those asked before, with checksums."""
    told = dict(asked)
    for step in photo.history:
        told.update(step.models)
    return told


def check_target(job: Job) -> Outcome | None:
    """Refuse to touch what is read or, unless asked to, a file that is there.

    Raises:
        WriteError: The target or what comes with it is an input, or is there already.
    """
    places = (Path(job.target), *companions(job))
    for place, (kind, path) in itertools.product(places, _inputs(job).items()):
        if _is_same_file(place, Path(path)):
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


def _inputs(job: Job) -> dict[str, str]:
    """The files that a job reads, by what they are."""
    named = {name: getattr(job, name) for name in ("source", *INPUTS)}
    pages = {f"mask of page {page}": path for page, path in job.page_masks}
    return {name: path for name, path in (named | pages).items() if path}


def _is_same_file(one: Path, other: Path) -> bool:
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    return one.exists() and other.exists() and one.samefile(other)


def is_untouched(job: Job, photo: Photo) -> bool:
    """Whether no pixel changed and the file is wanted as it is."""
    changed = photo.origin is not None and bool(photo.origin.any())
    asked = job.format or job.bits or job.quality
    suffixes = [Path(path).suffix.lower() for path in (job.source, job.target)]
    same_kind = len({FORMATS.get(suffix, suffix) for suffix in suffixes}) == 1
    one_of_many = photo.metadata.encoding.get("pages", 1) > 1
    return not changed and not asked and same_kind and not one_of_many


def open_photo(job: Job, darkroom: Darkroom) -> Photo:
    """Read the photo of a job, with the infrared plane and the mask that are given.

    Raises:
        ReadError: One of the files cannot be read, or is of another size.
    """
    photo = read(job.source, page=job.page, allocate=darkroom.empty, strips=darkroom.strips)
    if job.infrared:
        photo = with_infrared(photo, job.infrared, allocate=darkroom.empty, strips=darkroom.strips)
    if not job.mask:
        return photo
    mask = read_mask(job.mask, photo.size, allocate=darkroom.empty, strips=darkroom.strips)
    return dataclasses.replace(photo, damage=mask)


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


def _keeper(job: Job, written: list[Path]) -> Callable[[Stage, Photo], None]:
    target = Path(job.target)

    def keep(stage: Stage, photo: Photo) -> None:
        if photo.history[-1].changed_pixels:
            path = beside(target, f"step-{len(photo.history)}-{stage.name}{target.suffix}")
            if path.exists() and job.existing is not Existing.OVERWRITE:
                raise WriteError(f"{path} exists; use --overwrite, or move it away")
            write(photo, path, format=_format(job, photo))
            written.append(path)

    return keep


def _times(job: Job) -> dict[str, tuple[int, int]]:
    """Size and time of what a job reads, by path; what is missing is left out."""
    times = {}
    for path in _inputs(job).values():
        with contextlib.suppress(OSError):
            told = Path(path).stat()
            times[path] = told.st_size, told.st_mtime_ns
    return times


def _check_times(job: Job, before: Mapping[str, tuple[int, int]]) -> None:
    """Refuse to go on where a file was changed since; one that is gone was read whole.

    Raises:
        OSError: It was changed.
    """
    for path, times in _times(job).items():
        if times != before.get(path):
            raise OSError(
                f"{path}: was changed while it was worked on; run again when it is at rest"
            )


def _deed(job: Job, recipe: Recipe, chosen: str, numbers: Mapping[str, float]) -> Deed:
    further = {name: getattr(job, name) for name in INPUTS if getattr(job, name)}
    options = {
        field.name: getattr(job, field.name)
        for field in dataclasses.fields(job)
        if field.name not in NOT_OF_THE_TARGET and getattr(job, field.name) != field.default
    }
    return Deed(
        when=job.papers.when or now(),
        recipe=recipe,
        chosen=job.papers.chosen or chosen,
        inputs={n: file_facts(p) for n, p in {"photo": job.source, **further}.items()},
        numbers=numbers,
        options=options,
        equipment=plain(job.equipment),
    )


def _deliver(
    job: Job,
    before: Photo,
    photo: Photo,
    deed: Deed,
    untouched: bool,
    darkroom: Darkroom,
    written: list[Path],
) -> None:
    """Write the target with its papers; a photo in which nothing changed is copied."""
    target = Path(job.target)
    kind = _format(job, photo)
    packet = None if untouched else provenance_packet(photo, deed, kind)
    output = Output(target, kind, copied=untouched, embedded=packet is not None)
    finish = finisher(photo, deed, job.papers, output, written)
    if untouched:
        copy(job.source, target, finish)
        return
    write(
        photo,
        target,
        format=kind,
        bits=job.bits or None,
        quality=job.quality or None,
        xmp=packet,
        strips=darkroom.strips,
        finish=finish,
        before=before,
    )


def _write_also(job: Job, photo: Photo, deed: Deed | None) -> Iterator[Path]:
    """Write the companions; their XMP tells the deed, which is None where nothing was done."""
    for text in job.also:
        yield write_derivative(photo, Path(job.target), parse_derivative(text), deed)


def _keep_times(job: Job) -> None:
    """Photo managers sort by the time of a file where its tags say nothing."""
    told = Path(job.source).stat()
    target = Path(job.target)
    for path in (target, *(parse_derivative(text).path(target) for text in job.also)):
        os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))


def _write_mask(job: Job, photo: Photo) -> Path:
    path = beside(Path(job.target), "mask.png")
    damage = np.zeros(photo.size, np.float32) if photo.damage is None else photo.damage
    write_plane(damage, path)
    return path


def _write_origin(job: Job, photo: Photo) -> Path:
    path = beside(Path(job.target), "origin.png")
    origin = np.zeros(photo.size, np.uint8) if photo.origin is None else photo.origin
    write_origin(origin, path, {mark: Entry(*look) for mark, look in LOOKS.items()})
    return path


def _measure(job: Job, before: Photo, after: Photo) -> dict[str, float]:
    """PSNR in decibels and SSIM, before and after, where there is a reference.

    Raises:
        ReadError: The reference is of another size or kind.
    """
    if not job.reference:
        return {}
    truth, old, new = (
        to_srgb(photo.pixels, photo.metadata.profile)
        for photo in (read(job.reference), before, after)
    )
    if not truth.shape == old.shape == new.shape:
        raise ReadError(
            f"{job.reference}: the reference must be {new.shape} like the photo, got {truth.shape}"
        )
    return {
        "psnr_before_db": psnr(old, truth),
        "psnr_after_db": psnr(new, truth),
        "ssim_before": ssim(old, truth),
        "ssim_after": ssim(new, truth),
    }
