"""`unfade inpaint`: fill what a mask marks."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import (
    equipment,
    equipment_options,
    existing,
    existing_options,
    json_option,
    page_option,
    papers,
    papers_options,
)

if TYPE_CHECKING:
    from ..darkroom import Darkroom
    from ..jobs import Job, Outcome

MOST = 0.5
"""Share of a photo from which a mask is more likely a mistake than a photo so damaged."""


@click.command()
@click.argument("source", metavar="IN")
@click.option(
    "--mask",
    required=True,
    type=click.Path(),
    help="Picture of the photo's size: white is filled, black kept; or a folder of masks, as "
    "`unfade detect -o FOLDER` writes them.",
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="File to write.  [NAME.inpainted.EXT]"
)
@page_option
@papers_options
@existing_options
@json_option
@equipment_options
@click.pass_context
def command(
    ctx: click.Context,
    source: str,
    mask: str,
    out: Path | None,
    page: int | None,
    sidecar: bool,
    premis: bool,
    c2pa_cert: str | None,
    c2pa_key: str | None,
    album: str | None,
    overwrite: bool,
    skip_existing: bool,
    as_json: bool,
    engine: str,
    threads: int,
    memory: int | None,
) -> None:
    """Fill what a mask marks from its surroundings; every other pixel keeps its very value."""
    from ..io.read import can_read
    from ..jobs import Job
    from ..verbs import inpaint_recipe
    from .album import album_writer
    from .batch import left_out, run_batch
    from .inputs import find, is_file_target, targets
    from .masks import masks_given

    found = find([source], can_read, out)
    items = [item for item in found if not item.problem]
    masks = masks_given(mask, items, page or 0)
    found += [
        dataclasses.replace(item, problem=f"no mask of it in {mask}", named=True)
        for item, own in zip(items, masks, strict=True)
        if not own
    ]
    tools = equipment(engine, threads, memory)
    wanted = papers(sidecar, premis, c2pa_cert, c2pa_key, album)
    places = targets(items, out, "inpainted", "", is_file_target((source,), out, can_read))
    jobs = [
        Job(
            str(item.path),
            str(place),
            recipe=inpaint_recipe(),
            equipment=tools,
            mask=own,
            page=page or 0,
            existing=existing(overwrite, skip_existing),
            papers=wanted,
        )
        for item, place, own in zip(items, places, masks, strict=True)
        if own
    ]
    tasks = [(job, lambda room, job=job: fill(job, room)) for job in jobs]
    then = album_writer(album)
    ctx.exit(run_batch(tasks, left_out(found), tools, as_json=as_json, then=then))


def fill(job: Job, darkroom: Darkroom) -> Outcome:
    """Fill what the mask marks in one photo, and warn of a mask that marks most of it."""
    from ..jobs import run_job

    outcome = run_job(job, darkroom)
    filled = outcome.numbers.get("changed_pixels", 0.0)
    if not filled or (share := filled / _count_pixels(job.mask)) < MOST:
        return outcome
    warning = (
        f"warning: {share:.1%} of the photo was filled; is {job.mask} inverted (white is filled), "
        "or a photo?"
    )
    return dataclasses.replace(outcome, evidence=(("mask", warning), *outcome.evidence))


def _count_pixels(picture: str) -> int:
    """Pixels of a picture by its header; those of a mask are as many as its photo's."""
    from ..io.read import MAX_PIXELS
    from ..io.source import open_source

    image = open_source(Path(picture), MAX_PIXELS).image
    return int(image.width * image.height)
