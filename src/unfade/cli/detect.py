"""`unfade detect`: where is the damage?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import (
    equipment,
    equipment_options,
    existing,
    existing_options,
    json_option,
    photos,
)

if TYPE_CHECKING:
    from ..darkroom import Darkroom
    from ..jobs import Job, Outcome
    from ..photo import Mask, Photo

RED, YELLOW = (1.0, 0.18, 0.33), (1.0, 0.75, 0.1)


@click.command()
@photos
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the results; by default they go beside each source.",
)
@click.option(
    "--sensitivity",
    type=click.FloatRange(0, 1),
    default=0.5,
    help="0 marks only what is certain, 1 also what is faint.  [0.5]",
)
@existing_options
@json_option
@equipment_options
@click.pass_context
def command(
    ctx: click.Context,
    inputs: tuple[str, ...],
    out: Path | None,
    sensitivity: float,
    overwrite: bool,
    skip_existing: bool,
    as_json: bool,
    engine: str,
    threads: int,
    memory: int | None,
) -> None:
    """Find dust, hair, scratches, stains and creases; change nothing.

    Writes NAME.mask.png (white is damaged; it can be edited and given to `restore --mask`),
    NAME.overlay.jpg (marked in red; yellow is what lies under a stain, tape or a light leak, which
    are lifted and not filled) and NAME.damage.json (how much, how many, how large).
    """
    from ..io.read import can_read
    from ..jobs import Job
    from .batch import left_out, run_batch
    from .inputs import find, targets

    found = find(inputs, can_read, out)
    items = [item for item in found if not item.problem]
    tools = equipment(engine, threads, memory)
    there = existing(overwrite, skip_existing)
    places = targets(items, out, "mask", ".png")
    jobs = [
        Job(str(item.path), str(_mask_name(place, out)), equipment=tools, existing=there)
        for item, place in zip(items, places, strict=True)
    ]
    tasks = [(job, lambda room, job=job: detect_job(job, room, sensitivity)) for job in jobs]
    ctx.exit(run_batch(tasks, left_out(found), tools, as_json=as_json))


def detect_job(job: Job, darkroom: Darkroom, sensitivity: float) -> Outcome:
    """Find the damage of one photo and write what was found."""
    from ..jobs import attempt

    return attempt(job, lambda: _detect(job, darkroom, sensitivity))


def _mask_name(place: Path, out: Path | None) -> Path:
    return place if out is None else place.with_name(f"{place.stem}.mask.png")


def _detect(job: Job, darkroom: Darkroom, sensitivity: float) -> Outcome:
    from ..io.read import read
    from ..io.write import write, write_plane
    from ..jobs import Outcome, State, all_or_nothing, check_target
    from ..verbs import examine

    if skipped := check_target(job):
        return skipped
    photo = read(job.source, allocate=darkroom.empty, strips=darkroom.strips)
    found = examine(photo, sensitivity, darkroom)
    mask = found.damage
    assert mask is not None
    target = Path(job.target)
    stem = target.name.removesuffix(".mask.png")
    overlay, data = target.with_name(f"{stem}.overlay.jpg"), target.with_name(f"{stem}.damage.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    told = statistics(found, mask, sensitivity)
    with all_or_nothing() as written:
        write(overlay_photo(found, mask, darkroom), overlay)
        written.append(overlay)
        _write_json(data, told)
        written.append(data)
        write_plane(mask, target)
        written.insert(0, target)
    says = f"{told['marks']} marks on {told['damaged_share']:.2%} of the photo"
    numbers = {"marks": float(told["marks"]), "damaged_share": told["damaged_share"]}
    files = tuple(map(str, written))
    evidence = tuple((s.stage, str(s.notes.get("evidence", ""))) for s in found.history[:-1])
    evidence += (("damage", says),)
    return Outcome(job, State.DONE, evidence=evidence, files=files, numbers=numbers)


def statistics(photo: Photo, mask: Mask, sensitivity: float) -> dict[str, Any]:
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
        "source": photo.metadata.source,
        "size": {"height": height, "width": width},
        "sensitivity": sensitivity,
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


def _write_json(path: Path, told: dict[str, Any]) -> None:
    import json

    from ..report.sidecar import write_text

    write_text(path, json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
