"""`unfade age`: make old photos of clean ones, with the truth about their damage."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import equipment, equipment_options, existing, existing_options, json_option, photos

if TYPE_CHECKING:
    from ..darkroom import Darkroom
    from ..jobs import Job, Outcome
    from .batch import Work


@click.command()
@photos
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the results: aged/, clean/, mask/ and history/ with equal names.",
)
@click.option(
    "--preset",
    default="old-photo-mixed",
    metavar="NAME",
    help="What the photos were: film-35mm, slide, print-bw, print-color or "
    "old-photo-mixed.  [old-photo-mixed]",
)
@click.option(
    "--severity",
    type=click.FloatRange(0, 1),
    default=0.5,
    help="0 is hardly anything, 1 badly neglected.  [0.5]",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, help="The same seed makes the same damage.  [0]"
)
@click.option("--count", type=click.IntRange(1), default=1, help="Aged photos of each.  [1]")
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
    overwrite: bool,
    skip_existing: bool,
    as_json: bool,
    engine: str,
    threads: int,
    memory: int | None,
) -> None:
    """Age photos: grain, blur, fading, dust, scratches, creases, drawn anew for each.

    The mask is the truth: it holds what damage was put in, not what looks damaged. The history
    replays the aging.
    """
    from ..degrade import PRESETS
    from ..errors import RecipeError
    from ..io.read import can_read
    from ..jobs import Job
    from .batch import left_out, run_batch
    from .inputs import find, targets

    if preset not in PRESETS:
        raise RecipeError(f"no aging preset {preset!r}; known: {', '.join(PRESETS)}")
    found = find(inputs, can_read, out)
    items = [item for item in found if not item.problem]
    tools = equipment(engine, threads, memory)
    there = existing(overwrite, skip_existing)
    tasks = []
    for item, place in zip(items, targets(items, out / "aged", "", ".png"), strict=True):
        for number in range(count):
            name = f"{place.stem}.{number + 1}.png" if count > 1 else place.name
            job = Job(str(item.path), str(place.with_name(name)), equipment=tools, existing=there)
            # By place and not by order, so that another photo in the folder changes nothing.
            seeds = (seed, zlib.crc32(item.below.as_posix().encode()), number)
            tasks.append((job, _task(job, out, preset, severity, seeds)))
    ctx.exit(run_batch(tasks, left_out(found), tools, as_json=as_json))


def _task(job: Job, out: Path, preset: str, severity: float, seeds: tuple[int, ...]) -> Work:
    from ..jobs import attempt

    def work(darkroom: Darkroom) -> Outcome:
        return attempt(job, lambda: _age(job, out, preset, severity, seeds, darkroom))

    return work


def _age(
    job: Job, out: Path, preset: str, severity: float, seeds: tuple[int, ...], darkroom: Darkroom
) -> Outcome:
    from ..io.read import read
    from ..io.write import write, write_plane
    from ..jobs import Outcome, State, all_or_nothing, check_target
    from ..report.history import About, history_dict
    from ..report.sidecar import write_text
    from ..verbs import age

    if skipped := check_target(job):
        return skipped
    below = Path(job.target).relative_to(out / "aged")
    clean_path, mask_path = out / "clean" / below, out / "mask" / below
    history_path = (out / "history" / below).with_suffix(".json")
    for path in (Path(job.target), clean_path, mask_path):
        path.parent.mkdir(parents=True, exist_ok=True)
    clean = read(job.source, allocate=darkroom.empty, strips=darkroom.strips)
    aged, mask = age(clean, preset=preset, severity=severity, seed=seeds, darkroom=darkroom)
    told = {**history_dict(aged, About(preset)), "severity": severity, "seed": list(seeds)}
    share = float((mask >= 0.5).mean())
    with all_or_nothing() as written:
        write(clean, clean_path)
        written.append(clean_path)
        write_plane(mask, mask_path)
        written.append(mask_path)
        write_text(history_path, json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        written.append(history_path)
        write(aged, Path(job.target))
        written.insert(0, Path(job.target))
    steps = ", ".join(step.stage for step in aged.history)
    says = f"{steps}; {share:.2%} damaged"
    return Outcome(
        job,
        State.DONE,
        recipe=preset,
        chosen="as asked",
        evidence=(("aged by", says),),
        files=tuple(map(str, written)),
        numbers={"damaged_share": share},
    )
