"""`unfade age`: make old photos of clean ones, with the truth about their damage."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..io.identity import identities
from .options import (
    SHARE,
    equipment,
    equipment_options,
    existing,
    existing_options,
    json_option,
    photos,
)

if TYPE_CHECKING:
    from ..darkroom import Darkroom
    from ..jobs.outcome import Outcome
    from .aging import Aging, Workers
    from .batch import Work

PICTURES = ("aged", "clean", "mask", "kinds", "classes")
"""Kinds of results that are pictures; see `Aging.place`."""


@click.command()
@photos
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the results: aged/, clean/, mask/, kinds/, classes/ and history/ with equal "
    "names.",
)
@click.option(
    "--preset",
    default="old-photo-mixed",
    metavar="NAME",
    help="What the photos were: film-35mm, slide, print-bw, print-color or old-photo-mixed; or a "
    "published mix: random-order, grey-noise-texture.  [old-photo-mixed]",
)
@click.option(
    "--severity",
    type=SHARE,
    default=0.5,
    help="0 is hardly anything, 1 badly neglected.  [0.5]",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, help="The same seed makes the same damage.  [0]"
)
@click.option("--count", type=click.IntRange(1), default=1, help="Aged photos of each.  [1]")
@click.option(
    "--library",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of artefact shapes to mix in; without one all are drawn.",
)
@click.option(
    "--jobs", type=click.IntRange(1), default=1, metavar="N", help="Processes at work.  [1]"
)
@click.option(
    "--sheet",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a contact sheet too: the aged photos and their damage by class.",
)
@click.option(
    "--beside",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of real old photos to show on the sheet, to compare with.",
)
@existing_options
@json_option
@equipment_options
@click.pass_context
def command(
    ctx: click.Context,
    inputs: tuple[str, ...],
    out: Path,
    preset: str,
    severity: float,
    seed: int,
    count: int,
    library: Path | None,
    jobs: int,
    sheet: Path | None,
    beside: Path | None,
    overwrite: bool,
    skip_existing: bool,
    as_json: bool,
    engine: str,
    threads: int,
    memory: int | None,
) -> None:
    """Age photos: grain, blur, fading, dust, scratches, creases, drawn anew for each.

    The mask is the truth: it holds what damage was put in, not what looks damaged. kinds/ holds
    the class of each damaged pixel as a number, as training reads it, classes/ the same in colors
    with a legend. The history replays the aging: `unfade replay OUT/history/NAME.json`. With
    --skip-existing a run that broke off goes on where it was. Grey photos become color.
    """
    from ..degrade import PRESETS
    from ..degrade.library import library_checksum
    from ..errors import RecipeError
    from ..io.read import can_read
    from ..jobs.job import Job
    from .aging import Aging, Workers
    from .batch import left_out, run_batch
    from .inputs import find, targets

    if preset not in PRESETS:
        raise RecipeError(f"no aging preset {preset!r}; known: {', '.join(PRESETS)}")
    if beside is not None and sheet is None:
        raise click.UsageError("--beside needs --sheet")
    found = find(inputs, can_read, out)
    items = [item for item in found if not item.problem]
    tools = equipment(engine, threads, memory)
    there = existing(overwrite, skip_existing)
    # By its full path, so that the history can be replayed from anywhere.
    shapes = "" if library is None else str(library.resolve())
    shapes_sha256 = library_checksum(shapes)
    agings = []
    for item, place in zip(items, targets(items, out / "aged", "", ".png"), strict=True):
        for number in range(count):
            name = f"{place.stem}.{number + 1}.png" if count > 1 else place.name
            job = Job(str(item.path), str(place.with_name(name)), equipment=tools, existing=there)
            # By place and not by order, so that another photo in the folder changes nothing.
            seeds = (seed, zlib.crc32(item.below.as_posix().encode()), number)
            made = (preset, severity, seeds, shapes, shapes_sha256)
            agings.append(Aging(job, str(out), *made))
    check_results(agings, [item.path for item in found])
    if sheet is not None:
        check_sheet(sheet, [item.path for item in found], agings, beside, overwrite)
    if agings:
        _write_legend(out, overwrite)
    workers = Workers(min(jobs, len(agings)), agings) if jobs > 1 and agings else None
    try:
        tasks = [(aging.job, _task(aging, workers)) for aging in agings]
        code = run_batch(tasks, left_out(found), tools, as_json=as_json, sums=False)
    finally:
        if workers is not None:
            workers.close()
    if sheet is not None and code in (0, 1):
        _write_sheet(sheet, agings, beside)
    ctx.exit(code)


def _task(aging: Aging, workers: Workers | None) -> Work:
    from .aging import age_one

    def work(darkroom: Darkroom) -> Outcome:
        return age_one(aging, darkroom) if workers is None else workers.wait(aging, darkroom)

    return work


def check_results(agings: Sequence[Aging], photos: Sequence[Path]) -> None:
    """Refuse, before anything is aged, results in the place of a photo of the batch.

    Raises:
        UsageError: A result would replace one of the photos, or be written through a link to it.
    """
    kept = {identity for path in photos for identity in identities(path)}
    for aging in agings:
        for place in aging.places:
            if identities(place) & kept:
                raise click.UsageError(
                    f"-o {aging.out}: the result {place} would replace one of the photos; choose "
                    "another folder"
                )


def _write_legend(out: Path, overwrite: bool) -> None:
    """Say beside the class maps which number and color is which kind.

    Raises:
        WriteError: Another file of this name is there, and not to be replaced.
    """
    from ..errors import WriteError
    from ..report.sidecar import write_text
    from .aging import COLORS

    legend = {
        int(kind): {"name": kind.name.lower(), "color": "#{:02x}{:02x}{:02x}".format(*color)}
        for kind, color in COLORS.items()
    }
    path = out / "classes" / "legend.json"
    if path.exists() and not overwrite and not _is_legend(path):
        raise WriteError(f"{path} exists, and is no legend; use --overwrite, or move it away")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(legend, indent=2) + "\n")


def _is_legend(path: Path) -> bool:
    """Whether a file is a legend, of this version or another."""
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(told, dict) and all(
        isinstance(entry, dict) and entry.keys() == {"name", "color"} for entry in told.values()
    )


def check_sheet(
    sheet: Path,
    photos: Sequence[Path],
    agings: Sequence[Aging],
    beside: Path | None,
    overwrite: bool,
) -> None:
    """Refuse, before anything is aged, a sheet that cannot or must not be written.

    Raises:
        UsageError: A suffix of no picture, or what `check_places` refuses; the results and what is
            shown beside them are photos too.
    """
    from ..survey.ours import is_sheet
    from .places import check_places
    from .sheet import check_suffix, photos_in

    check_suffix(sheet)
    kept = [*photos, *(aging.place(kind) for aging in agings for kind in PICTURES)]
    kept += [] if beside is None else photos_in(beside)
    check_places("--sheet", [sheet], kept, is_sheet, overwrite)


def _write_sheet(sheet: Path, agings: Sequence[Aging], beside: Path | None) -> None:
    from .sheet import write_sheet

    done = [aging for aging in agings if Path(aging.job.target).is_file()]
    if done:
        aged = [Path(aging.job.target) for aging in done]
        write_sheet(sheet, aged, [aging.place("classes") for aging in done], beside)
        click.echo(f"sheet: {sheet}", err=True)
