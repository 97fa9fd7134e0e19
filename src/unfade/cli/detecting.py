"""What `unfade detect` does with one photo: mask, overlay and statistics, for each of its pages."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .masks import companion, split_mask

if TYPE_CHECKING:
    from ..darkroom import Darkroom
    from ..jobs.job import Job
    from ..jobs.outcome import Outcome
    from ..photo import Mask, Photo

Evidence = tuple[tuple[str, str], ...]

RED, YELLOW = (1.0, 0.18, 0.33), (1.0, 0.75, 0.1)
JPEG_SIDE = 65_500
"""Pixels of the longer side that libjpeg can write."""

OVERLAY_SIDE = 8_192
"""Longer side of the overlay of a photo that no JPEG holds; it is only for looking at."""


def detect_job(job: Job, darkroom: Darkroom) -> Outcome:
    """Find the damage of one photo, as its recipe and changes say, and write what was found."""
    from ..jobs.outcome import attempt

    return attempt(job, lambda: _detect(job, darkroom))


def _detect(job: Job, darkroom: Darkroom) -> Outcome:
    from ..jobs.files import all_or_nothing
    from ..jobs.outcome import Outcome, State

    parts = _parts(job)
    todo = [(part, places) for part in parts if (places := _missing(part))]
    if not todo:
        return Outcome(job, State.SKIPPED, f"{parts[0].target} exists, and what belongs to it")
    evidence: Evidence = ()
    numbers: dict[str, float] = {}
    with all_or_nothing(place for _, places in todo for place in places) as written:
        for part, places in todo:
            says, counts = _examine(part, places, darkroom, written)
            of = f"page {part.page}: " if len(parts) > 1 else ""
            tag = f"page_{part.page}_" if len(parts) > 1 else ""
            evidence += tuple((stage, of + words) for stage, words in says)
            numbers |= {tag + name: value for name, value in counts.items()}
    files = tuple(map(str, written))
    return Outcome(job, State.DONE, evidence=evidence, files=files, numbers=numbers)


def _parts(job: Job) -> list[Job]:
    """A job for each page of a TIFF, with its own name; the job itself where there is one."""
    from ..io.read import count_pages

    pages = (job.page,) if job.page else count_pages(job.source)
    if len(pages) == 1:
        return [job]
    target = Path(job.target)
    stem, number = split_mask(target)
    return [
        dataclasses.replace(
            job, page=page, target=str(target.with_name(f"{stem}.page-{page}.mask{number}.png"))
        )
        for page in pages
    ]


def _places(job: Job) -> tuple[Path, Path, Path]:
    """Mask, overlay and statistics, named alike."""
    mask = Path(job.target)
    return mask, companion(mask, "overlay", ".jpg"), companion(mask, "damage", ".json")


def _missing(job: Job) -> list[Path]:
    """What is to be written: all of it, or with --skip-existing what is not there.

    Raises:
        WriteError: As `check_target`.
    """
    from ..jobs.files import check_target

    return [
        place
        for place in _places(job)
        if check_target(dataclasses.replace(job, target=str(place))) is None
    ]


def _examine(
    job: Job,
    places: Collection[Path],
    darkroom: Darkroom,
    written: list[Path],
) -> tuple[Evidence, Mapping[str, float]]:
    """Find the damage of one page and write what is wanted of its three files."""
    from ..io.read import read
    from ..io.write import write, write_plane
    from ..stages.damage import unmarked
    from ..verbs import examine

    photo = read(job.source, page=job.page, allocate=darkroom.empty, strips=darkroom.strips)
    found = examine(photo, darkroom, job.recipe, job.changes)
    mask = found.damage
    assert mask is not None
    told = statistics(found, mask)
    paged = {**told, "page": job.page} if job.page else told
    target, overlay, data = _places(job)
    writers: dict[Path, Callable[[Path], object]] = {
        target: lambda path: write_plane(mask, path),
        overlay: lambda path: write(_that_fits(overlay_photo(found, mask, darkroom)), path),
        data: lambda path: _write_json(path, paged),
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    for place in places:
        writers[place](place)
        written.append(place)
    notes = found.history[-1].notes
    says = [f"{told['marks']} marks on {told['damaged_share']:.2%} of the photo"]
    says += unmarked(notes.get("too_large", 0), notes.get("beyond", ""))
    evidence = tuple((s.stage, str(s.notes.get("evidence", ""))) for s in found.history[:-1])
    numbers = {"marks": float(told["marks"]), "damaged_share": told["damaged_share"]}
    return (*evidence, ("damage", "; ".join(says))), numbers


def statistics(photo: Photo, mask: Mask) -> dict[str, Any]:
    """Describe a mask: how many marks, what share of the photo, their areas and kinds.

    And what share is under a veil, which is no part of the mask.
    """
    import numpy as np

    from ..photo import Origin
    from ..stages.damage import mark_statistics

    height, width = photo.size
    veiled = 0 if photo.origin is None else np.count_nonzero(photo.origin == Origin.TONE)
    return {
        "schema": 1,
        # From the root on, for it tells this photo's mask from that of another of its name.
        "source": os.path.abspath(photo.metadata.source),  # noqa: PTH100
        "size": {"height": height, "width": width},
        "sensitivity": photo.history[-1].settings["sensitivity"],
        **mark_statistics(mask, photo.kinds),
        "veiled_share": veiled / mask.size,
    }


def overlay_photo(photo: Photo, mask: Mask, darkroom: Darkroom) -> Photo:
    """Lay a mask in red over a photo, and yellow over what was toned; the rest is as it is.

    In 8 bits.
    """
    import numpy as np

    from ..photo import Metadata, Origin, Photo

    pixels = darkroom.empty((*photo.size, 3))
    red, yellow = (np.asarray(color, np.float32) for color in (RED, YELLOW))

    def lay(rows: slice) -> None:
        pixels[rows] = photo.pixels[rows]
        if photo.origin is not None:
            veiled = np.float32(0.4) * (photo.origin[rows] == Origin.TONE)[:, :, None]
            pixels[rows] += veiled * (yellow - pixels[rows])
        pixels[rows] += np.float32(0.75) * mask[rows][:, :, None] * (red - pixels[rows])

    darkroom.strips(lay, photo.size)
    profile = photo.metadata.fields.get("icc-profile-data")
    fields = {"icc-profile-data": profile} if profile and photo.pixels.shape[2] == 3 else {}
    return Photo(pixels, metadata=Metadata(fields=fields))


def _that_fits(overlay: Photo) -> Photo:
    """The overlay, smaller where a JPEG could not hold it."""
    from ..photo import Photo

    if max(overlay.size) <= JPEG_SIDE:
        return overlay
    return Photo(overlay.proxy(OVERLAY_SIDE), metadata=overlay.metadata)


def _write_json(path: Path, told: dict[str, Any]) -> None:
    import json

    from ..report.sidecar import write_text

    write_text(path, json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
