"""`unfade restore`: photos in, restored photos out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import (
    PAPERS,
    SHARE,
    equipment,
    equipment_options,
    existing,
    existing_options,
    json_option,
    negative_option,
    papers,
    papers_options,
    parse_names,
    photos,
    recipe_option,
    rough_option,
    set_option,
)
from .several import also_options, batch_options, manner

if TYPE_CHECKING:
    from ..choose import Changes
    from ..jobs.job import Job
    from ..jobs.outcome import Outcome
    from ..recipe import Recipe
    from .batch import Work

SUFFIXES = {
    "jpeg": ".jpg",
    "png": ".png",
    "tiff": ".tif",
    "webp": ".webp",
    "heif": ".heic",
    "avif": ".avif",
}


@click.command()
@photos
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the results (folders are mirrored in it), or a file for one photo. "
    "By default each goes beside its source as NAME.restored.EXT.",
)
@recipe_option
@click.option(
    "--without", multiple=True, callback=parse_names, metavar="STAGES", help="Leave out stages."
)
@click.option(
    "--only", multiple=True, callback=parse_names, metavar="STAGES", help="Keep only these."
)
@set_option
@click.option("--strength", type=SHARE, default=1.0, help="0 changes nothing, 1 all.  [1]")
@click.option(
    "--sensitivity", type=SHARE, help="Damage: 0 only what is certain, 1 also what is faint."
)
@click.option(
    "--mask",
    type=click.Path(),
    help="Use this mask (white is damaged) instead of looking for damage; or a folder of masks, as "
    "`unfade detect -o FOLDER` writes them.",
)
@rough_option
@click.option(
    "--only-damage",
    is_flag=True,
    help="For archives: nothing but marked damage may change, checked in the written file.",
)
@click.option(
    "--infrared",
    type=click.Path(dir_okay=False),
    help="The scanner's infrared plane, where it is a file of its own; for one photo.",
)
@click.option(
    "--page", type=click.IntRange(1), help="Take this page of a TIFF alone.  [every page]"
)
@negative_option
@click.option(
    "--roll",
    is_flag=True,
    help="With --negative: the photos of a folder are one roll, inverted all alike.",
)
@click.option(
    "--acquired-only",
    is_flag=True,
    help="Leave alone what was there from the beginning: grain, paper texture, retouching.",
)
@click.option("--save-mask", is_flag=True, help="Write NAME.EXT.mask.png too.")
@click.option("--save-origin", is_flag=True, help="What became of each pixel, too.")
@click.option("--keep-steps", is_flag=True, help="Write the photo after every stage too.")
@click.option(
    "--report/--no-report",
    default=False,
    help="Write NAME.EXT.report.html too, a page with before and after.  [no]",
)
@papers_options
@also_options
@click.option("--format", "format_", type=click.Choice(list(SUFFIXES)), help="As the source.")
@click.option(
    "--bits", type=click.Choice(["8", "16", "32"]), help="Bits per sample, as the source."
)
@click.option("--quality", type=click.IntRange(1, 100), help="Of JPEG, WebP, HEIF and AVIF.")
@existing_options
@batch_options
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@json_option
@equipment_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    inputs: tuple[str, ...],
    out: Path | None,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Restore photos: files, folders (all that is in them) or patterns such as "*.tif".

    Each stage measures first and leaves alone what needs nothing. The originals are never
    touched. Exit code: 0, 1 if a photo failed (the others are done), 130 after Ctrl-C.
    """
    from ..batch.resume import ahead
    from ..io.read import can_read
    from .album import album_writer
    from .batch import left_out, run_batch, run_kept
    from .inputs import find, is_file_target
    from .masks import without_wrong_masks

    found = find(inputs, can_read, out)
    how = manner(options, out, is_file_target(inputs, out, can_read))
    then = album_writer(options["album"], options["overwrite"])
    jobs, refused = without_wrong_masks(make_jobs(inputs, found, out, options), how.wish)
    others = [*left_out(found), *refused]
    if not dry_run:
        ctx.exit(run_kept(jobs, others, how, as_json=as_json, then=then))
    tasks = [(job, foreseen(item)) for job, item in zip(jobs, ahead(jobs, how.wish), strict=True)]
    tools = equipment(options["engine"], options["threads"], options["memory"])
    ctx.exit(run_batch(tasks, others, tools, as_json=as_json, brief=how.brief))


def foreseen(item: Job | Outcome) -> Work:
    """What a dry run does for a job; what is decided already is only told."""
    from ..jobs.job import Job
    from ..plan import plan_job

    return lambda room: plan_job(item, room) if isinstance(item, Job) else item


def make_jobs(
    inputs: tuple[str, ...], found: Any, out: Path | None, options: dict[str, Any]
) -> list[Job]:
    """Turn what was found and asked for into jobs.

    Raises:
        RecipeError: The recipe, a stage or a setting does not fit, before any photo is read.
        EngineError: No such engine.
    """
    from ..batch.resume import known_targets
    from ..io.read import can_read
    from ..io.write import FORMATS
    from ..jobs.job import Job
    from .inputs import is_file_target, targets
    from .masks import masks_given, tell_unmasked

    recipe, changes = wanted(options)
    wanted_papers = papers(*(options[name] for name in PAPERS))
    kind = options["format_"] or ""
    items = [item for item in found if not item.problem]
    if options["infrared"] and len(items) > 1:
        raise click.UsageError(f"--infrared belongs to one photo, and {len(items)} are given")
    to_file = is_file_target(inputs, out, can_read)
    if out is not None and to_file and kind and FORMATS.get(out.suffix.lower()) != kind:
        raise click.UsageError(f"-o {out} is called otherwise than --format {kind}; change one")
    known = [] if to_file else known_targets(out)
    places = targets(items, out, "restored", SUFFIXES.get(kind, ""), to_file, known)
    masks = masks_given(options["mask"] or "", items, options["page"] or 0)
    tell_unmasked(items, masks, options["mask"])
    rolls = roll_changes([item.path for item in items], changes, options)
    return [
        Job(
            source=str(item.path),
            target=str(place),
            recipe=recipe,
            changes=rolls.get(item.path.parent, changes),
            equipment=equipment(options["engine"], options["threads"], options["memory"]),
            mask=mask.whole,
            page_masks=mask.pages,
            infrared=options["infrared"] or "",
            page=options["page"] or 0,
            format=kind,
            bits=int(options["bits"] or 0),
            quality=options["quality"] or 0,
            existing=existing(options["overwrite"], options["skip_existing"]),
            save_mask=options["save_mask"],
            save_origin=options["save_origin"],
            keep_steps=options["keep_steps"],
            report=options["report"],
            papers=wanted_papers,
            also=options["also"],
            keep_times=options["keep_times"],
        )
        for item, place, mask in zip(items, places, masks, strict=True)
    ]


def wanted(options: dict[str, Any]) -> tuple[Recipe | None, Changes]:
    """The recipe and the changes asked for, tried out on each other."""
    from ..choose import DEFAULT, ONLY_DAMAGE, Changes, load_recipe

    recipe = load_recipe(options["recipe"]) if options["recipe"] else None
    if options["only_damage"]:
        recipe = dataclasses.replace(recipe or load_recipe(ONLY_DAMAGE), only_damage=True)
    if options["rough"] and not options["mask"]:
        raise click.UsageError("--rough says how --mask was painted; give both")
    changes = Changes(
        without=options["without"],
        only=options["only"],
        settings=(*options["settings"], *(["damage.rough=true"] if options["rough"] else [])),
        strength=options["strength"],
        sensitivity=options["sensitivity"],
        negative=options["negative"],
        acquired_only=options["acquired_only"],
    )
    if options["roll"] and not options["negative"]:
        raise click.UsageError("--roll says how --negative inverts; give both")
    changes.apply(recipe or load_recipe(DEFAULT))
    return recipe, changes


def roll_changes(
    paths: list[Path], changes: Changes, options: dict[str, Any]
) -> dict[Path, Changes]:
    """The changes for the photos of each folder, which is a roll; none without `--roll`.

    Settings of a person's own come after those measured, and so replace them.
    """
    from ..jobs.run import open_darkroom
    from ..roll import measure_roll

    if not options["roll"]:
        return {}
    room = open_darkroom(equipment(options["engine"], options["threads"], options["memory"]))
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        folders.setdefault(path.parent, []).append(path)
    return {
        folder: dataclasses.replace(
            changes, settings=(*measure_roll(frames, room), *changes.settings)
        )
        for folder, frames in folders.items()
    }
