"""What a job would do and how long it would take, before anything is written: `--dry-run`."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping

import numpy as np

from .choose import recipe_for
from .darkroom import Darkroom
from .jobs.files import check_target
from .jobs.job import Job
from .jobs.outcome import Outcome, State, attempt
from .jobs.page import open_photo, reading
from .jobs.run import open_darkroom
from .photo import Photo
from .pipeline import run
from .recipe import Recipe, Stage
from .working import enter_srgb

SECONDS_PER_MEGAPIXEL: Mapping[str, float] = {
    "read and write": 0.03,
    "negative": 0.02,
    "veils": 0.12,
    "measure": 0.02,
    "damage": 0.5,
    "inpaint": 0.4,
    "denoise": 0.3,
    "denoise-base": 1.1,
    "fading": 0.02,
    "grain": 0.05,
}
"""Rough cost of a stage that has work to do, or of its network, for plans and progress only:
processor time over two, measured on two cores of an AMD EPYC with AVX-512 bf16 (small presets,
dusty scans of 3 and 12 megapixels with 500 and 2,300 marks)."""

SECONDS_PER_PHOTO = 0.3
"""What a photo costs beside its size: opening, choosing, the gates, writing. Processor time of one
thread, as hardly any of it runs in parallel (39 old photos of 0.2 to 0.5 megapixels)."""

AT_ONCE = ("negative", "measure")
"""Stages that a plan carries out, because all that come after them depend on it."""

WAITS_FOR = {"inpaint": "damage", "fading": "damage", "grain": "denoise"}
"""Stages that may say something else once another has run."""

UNKNOWN = {
    "damage": "depends on what damage finds",
    "denoise": "depends on what denoise does",
}
"""What a plan says of the stages that wait for these."""

SHORT = {
    "negative": "inverted",
    "veils": "stains lifted",
    "damage": "damage looked for",
    "inpaint": "damage filled",
    "denoise": "noise reduced",
    "fading": "fading corrected",
}
"""What stages do, for a plan in one line; grain only follows denoising."""


def plan_job(job: Job, darkroom: Darkroom | None = None) -> Outcome:
    """Say what `run_job` would do; reads and measures, writes nothing."""
    return attempt(job, lambda: _plan(job, darkroom or open_darkroom(job.equipment)))


def _plan(job: Job, darkroom: Darkroom) -> Outcome:
    if skipped := check_target(job):
        return skipped
    photo = open_photo(job, darkroom)
    recipe, chosen = recipe_for(photo, darkroom, job.recipe, job.changes)
    pages = 1 if job.page else photo.metadata.encoding.get("pages", 1)
    evidence, seconds = [*reading(photo)], SECONDS_PER_MEGAPIXEL["read and write"]
    photo = enter_srgb(photo, darkroom)
    at_work: set[str] = set()
    short: list[str] = []
    for stage in recipe:
        photo, says, needed = _foresee(stage, photo, darkroom, at_work)
        evidence.append((stage.name, says))
        if needed:
            short += _in_short(stage.name, says)
            seconds += _seconds_per_megapixel(stage)
            at_work.add(stage.name)
    return Outcome(
        job,
        State.PLANNED,
        ", ".join(short) or "nothing to do",
        recipe=recipe.name,
        chosen=chosen,
        evidence=tuple(evidence),
        files=(job.target,),
        seconds=(SECONDS_PER_PHOTO + seconds * photo.size[0] * photo.size[1] / 1e6) * pages,
    )


def _in_short(stage: str, says: str) -> list[str]:
    """What a stage is likely to do, in few words; none where that goes without saying."""
    if stage not in SHORT:
        return []
    if says not in UNKNOWN.values():
        return [SHORT[stage]]
    return [] if stage == "inpaint" else [f"perhaps {SHORT[stage]}"]


def _seconds_per_megapixel(stage: Stage) -> float:
    usual = SECONDS_PER_MEGAPIXEL.get(stage.name, 0.2)
    once = SECONDS_PER_MEGAPIXEL.get(getattr(stage, "network", ""), usual)
    return once * getattr(stage, "views", 1)


def _foresee(
    stage: Stage, photo: Photo, darkroom: Darkroom, at_work: Collection[str]
) -> tuple[Photo, str, bool]:
    """What a stage says before it works, and whether it is likely to; some are carried out.

    Args:
        at_work: Stages before it that are likely to work.
    """
    if stage.name in AT_ONCE:
        photo = run(photo, Recipe("look", (stage,)), darkroom)
        return photo, str(photo.history[-1].notes.get("evidence", "")), True
    first = WAITS_FOR.get(stage.name, "")
    found_later = first == "damage" and first in at_work
    with darkroom.during(stage.name):
        seen = dataclasses.replace(photo, damage=None) if found_later else photo
        finding = stage.look(seen, darkroom)
        if found_later:
            # It may find nothing, or damage anywhere: where both lead to the same, that is known.
            everywhere = np.broadcast_to(np.float32(1), photo.size)
            worn = stage.look(dataclasses.replace(photo, damage=everywhere), darkroom)
            open_ended = worn.needed and (stage.name == "inpaint" or worn != finding)
            finding = worn
        else:
            open_ended = first == "denoise" and first in at_work and getattr(stage, "keep", 1) > 0
    if open_ended:
        return photo, UNKNOWN[first], True
    return photo, finding.evidence, finding.needed
