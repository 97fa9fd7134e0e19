"""`unfade inpaint`: fill what a mask marks."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

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
    rough_option,
)


@click.command()
@click.argument("source", metavar="IN")
@click.option(
    "--mask",
    required=True,
    type=click.Path(),
    help="Picture of the photo's size: white is filled, black kept; or a folder of masks, as "
    "`unfade detect -o FOLDER` writes them.",
)
@rough_option
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
    rough: bool,
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
    from ..jobs.job import Job
    from ..jobs.run import run_job
    from ..verbs import inpaint_recipe
    from .album import album_writer
    from .batch import left_out, run_batch
    from .inputs import find, is_file_target, targets
    from .masks import masks_given, without_wrong_masks

    then = album_writer(album, overwrite)
    found = find([source], can_read, out)
    items = [item for item in found if not item.problem]
    masks = masks_given(mask, items, page or 0)
    found += [
        dataclasses.replace(item, problem=f"no mask of it in {mask}", named=True)
        for item, own in zip(items, masks, strict=True)
        if not any(own)
    ]
    tools = equipment(engine, threads, memory)
    wanted = papers(sidecar, premis, c2pa_cert, c2pa_key, album)
    places = targets(items, out, "inpainted", "", is_file_target((source,), out, can_read))
    jobs = [
        Job(
            str(item.path),
            str(place),
            recipe=inpaint_recipe(rough),
            equipment=tools,
            mask=own.whole,
            page_masks=own.pages,
            page=page or 0,
            existing=existing(overwrite, skip_existing),
            papers=wanted,
        )
        for item, place, own in zip(items, places, masks, strict=True)
        if any(own)
    ]
    jobs, refused = without_wrong_masks(jobs)
    tasks = [(job, functools.partial(run_job, job)) for job in jobs]
    others = [*left_out(found), *refused]
    ctx.exit(run_batch(tasks, others, tools, as_json=as_json, then=then))
