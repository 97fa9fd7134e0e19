"""`unfade detect`: where is the damage?"""

from __future__ import annotations

from pathlib import Path

import click

from .options import (
    SHARE,
    equipment,
    equipment_options,
    existing,
    existing_options,
    json_option,
    negative_option,
    page_option,
    photos,
    recipe_option,
    set_option,
)


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
    type=SHARE,
    help="0 marks only what is certain, 1 also what is faint; by default as `restore` chooses.",
)
@recipe_option
@set_option
@negative_option
@page_option
@existing_options
@json_option
@equipment_options
@click.pass_context
def command(
    ctx: click.Context,
    inputs: tuple[str, ...],
    out: Path | None,
    sensitivity: float | None,
    recipe: str | None,
    settings: tuple[str, ...],
    negative: bool,
    page: int | None,
    overwrite: bool,
    skip_existing: bool,
    as_json: bool,
    engine: str,
    threads: int,
    memory: int | None,
) -> None:
    """Find dust, hair, scratches, stains and creases, as `restore` would with the same options.

    No photo is changed.

    Writes NAME.EXT.mask.png (white is damaged; it can be edited and given to `restore --mask`, also
    the whole folder of them), NAME.EXT.overlay.jpg (marked in red; yellow is what lies under a
    stain, tape or a light leak, which are lifted and not filled) and NAME.EXT.damage.json (how
    much, how many, how large). Of a TIFF of several pages each gets its own:
    NAME.tif.page-2.mask.png. With --skip-existing what is missing of these is written.
    """
    from ..choose import DEFAULT, Changes, load_recipe
    from ..io.read import can_read
    from ..jobs.job import Job
    from .batch import left_out, run_batch
    from .detecting import detect_job
    from .inputs import find
    from .masks import mask_places

    changes = Changes(settings=settings, sensitivity=sensitivity, negative=negative)
    steps = load_recipe(recipe) if recipe else None
    changes.apply(steps or load_recipe(DEFAULT))
    found = find(inputs, can_read, out)
    items = [item for item in found if not item.problem]
    tools = equipment(engine, threads, memory)
    there = existing(overwrite, skip_existing)
    jobs = [
        Job(str(item.path), str(place), steps, changes, tools, page=page or 0, existing=there)
        for item, place in zip(items, mask_places(items, out), strict=True)
    ]
    tasks = [(job, lambda room, job=job: detect_job(job, room)) for job in jobs]
    ctx.exit(run_batch(tasks, left_out(found), tools, as_json=as_json))
