"""One photo: read, restored, measured and written with all that comes beside it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from ..choose import recipe_for
from ..darkroom import Darkroom
from ..derivatives import Derivative, parse_derivative, write_derivative
from ..errors import ReadError, WriteError
from ..io.origin import Entry, write_origin
from ..io.read import read, read_mask, with_infrared
from ..io.write import FORMATS, copy, why_loss, write, write_plane
from ..metrics import psnr, ssim
from ..photo import Photo
from ..pipeline import run
from ..profile import to_srgb
from ..recipe import Recipe, Stage
from ..report.album import write_entry
from ..report.deed import Deed, file_facts, now
from ..report.history import plain
from ..report.papers import finisher
from ..report.pictures import LOOKS
from ..report.record import Output
from ..report.sidecar import beside, write_report
from ..report.xmp import provenance_packet
from .files import (
    all_or_nothing,
    check_times,
    keep_times,
    replaceable,
    smaller_places,
    times,
    write_apart,
)
from .job import INPUTS, NOT_OF_THE_TARGET, Existing, Job
from .outcome import Outcome, State

MOST_MARKED = 0.5
"""Share of a photo from which a mask is more likely a mistake than a photo so damaged."""


def restore_page(job: Job, darkroom: Darkroom, part: Path | None = None) -> Outcome:
    """Restore the one photo of a job, and write it with its papers.

    Args:
        job: The job.
        darkroom: Where.
        part: Of a page that will be laid together with others: where it waits for them, with its
            sidecar beside it. What is replaced then is the caller's to keep.
    Raises:
        UnfadeError: One of the files cannot be read or written; nothing new stays on the disk.
        OSError: The disk refused, or a file was changed while it was worked on.
    """
    started = times(job)
    before = open_photo(job, darkroom)
    with darkroom.during("choose"):
        recipe, chosen = recipe_for(before, darkroom, job.recipe, job.changes)
        models = darkroom.models_used()
    loss = _loss(job, before)
    if recipe.only_damage and loss:
        raise WriteError(f"{job.target}: nothing but damage may change, but {loss}")
    Path(job.target).parent.mkdir(parents=True, exist_ok=True)
    place = part or Path(job.target)
    with all_or_nothing(() if part else replaceable(job)) as written:
        after = run(before, recipe, darkroom, _keeper(job, written) if job.keep_steps else None)
        numbers = {**_measure(job, before, after), **_counts(before, after, proven=not loss)}
        deed = _deed(job, recipe, chosen, numbers)
        if job.save_mask:
            written.append(_write_mask(job, after))
        if job.save_origin:
            written.append(_write_origin(job, after))
        if job.report:
            written.append(_write_report(job, before, after, deed))
        untouched = is_untouched(job, after)
        written += _write_also(job, after, None if untouched else deed)
        if job.papers.album:
            write_entry(Path(job.papers.album), before, after, deed, Path(job.target))
        _deliver(job, before, after, deed, untouched, darkroom, written, place)
        written.insert(0, place)
        check_times(job, started)
        if job.keep_times:
            keep_times(job.source, (place, *smaller_places(job)))
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


def _keeper(job: Job, written: list[Path]) -> Callable[[Stage, Photo], None]:
    target = Path(job.target)

    def keep(stage: Stage, photo: Photo) -> None:
        if photo.history[-1].changed_pixels:
            path = beside(target, f"step-{len(photo.history)}-{stage.name}{target.suffix}")
            if path.exists() and not _may_replace(job):
                raise WriteError(f"{path} exists; use --overwrite, or move it away")
            write(photo, path, format=_format(job, photo), replace=_may_replace(job))
            written.append(path)

    return keep


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
    place: Path,
) -> None:
    """Write the photo to its place, with its papers; one in which nothing changed is copied."""
    replace = _may_replace(job)
    kind = _format(job, photo)
    packet = None if untouched else provenance_packet(photo, deed, kind)
    output = Output(Path(job.target), kind, copied=untouched, embedded=packet is not None)
    finish = finisher(photo, deed, job.papers, output, written, place, replace)
    if untouched:
        copy(job.source, place, finish, replace)
        return
    write(
        photo,
        place,
        format=kind,
        bits=job.bits or None,
        quality=job.quality or None,
        xmp=packet,
        strips=darkroom.strips,
        finish=finish,
        before=before,
        replace=replace,
    )


def _write_also(job: Job, photo: Photo, deed: Deed | None) -> Iterator[Path]:
    """Write the companions; their XMP tells the deed, which is None where nothing was done."""
    target = Path(job.target)
    for text in job.also:
        wanted = parse_derivative(text)
        save = functools.partial(_save_smaller, photo, target.name, wanted, deed)
        yield write_apart(wanted.path(target), _may_replace(job), save)


def _save_smaller(
    photo: Photo, name: str, wanted: Derivative, deed: Deed | None, path: Path
) -> None:
    write_derivative(photo, path.with_name(name), wanted, deed)


def _write_mask(job: Job, photo: Photo) -> Path:
    path = beside(Path(job.target), "mask.png")
    damage = np.zeros(photo.size, np.float32) if photo.damage is None else photo.damage
    return write_apart(path, _may_replace(job), lambda place: write_plane(damage, place))


def _write_origin(job: Job, photo: Photo) -> Path:
    path = beside(Path(job.target), "origin.png")
    origin = np.zeros(photo.size, np.uint8) if photo.origin is None else photo.origin
    legend: dict[int, Entry] = {mark: Entry(*look) for mark, look in LOOKS.items()}
    return write_apart(path, _may_replace(job), lambda place: write_origin(origin, place, legend))


def _write_report(job: Job, before: Photo, after: Photo, deed: Deed) -> Path:
    return write_report(before, after, Path(job.target), deed.about, _may_replace(job))


def _may_replace(job: Job) -> bool:
    """Whether a file that another process wrote meanwhile may be replaced, too."""
    return job.existing is Existing.OVERWRITE


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
