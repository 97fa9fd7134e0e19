"""The one loop: every stage in turn looks at the photo, and what it changes is recorded."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .darkroom import Darkroom
from .errors import RecipeError
from .photo import Edit, Origin, Photo, Pixels, Step
from .recipe import Recipe, Stage, settings_values
from .working import enter_srgb, leave_srgb

Watcher = Callable[[Stage, Photo], None]
"""Called after each stage with the photo as it then is."""


def run(photo: Photo, recipe: Recipe, darkroom: Darkroom, watch: Watcher | None = None) -> Photo:
    """Walk a photo through a recipe.

    The stages see sRGB-encoded values; the photo comes back in its own encoding, and pixels that
    no stage changed with the very numbers they had.

    Args:
        photo: Where to start.
        recipe: The stages, in order; restoring, aging and evaluating all come through here.
        darkroom: Engine, models, memory and progress.
        watch: Called after each stage, to keep its result.
    Returns:
        The photo after the last stage. Its history has one new step per stage, also for those
        that found nothing to do; its `origin` marks every pixel that a stage changed.
    Raises:
        Cancelled: The darkroom was told to stop.
        RecipeError: The recipe may change nothing but damage, and a stage changes the size.
    """
    given, photo = photo, enter_srgb(photo, darkroom)
    for stage in recipe:
        with darkroom.during(stage.name):
            start = time.perf_counter()
            edit = stage(photo, darkroom)
            if recipe.only_damage:
                edit = confine(photo, edit, stage, darkroom)
            origin, changed = mark_origin(photo, edit, stage, darkroom)
            step = Step(
                stage=stage.name,
                settings=settings_values(stage),
                models=darkroom.models_used(),
                engine=darkroom.engine_name,
                notes=dict(edit.notes),
                changed_pixels=changed,
                seconds=time.perf_counter() - start,
            )
            photo = photo.apply(edit, step, origin)
        if watch is not None:
            watch(stage, leave_srgb(given, photo, darkroom))
    return leave_srgb(given, photo, darkroom)


def confine(photo: Photo, edit: Edit, stage: Stage, darkroom: Darkroom) -> Edit:
    """Take back what an edit changes outside the damage mask.

    Raises:
        RecipeError: The edit has another size or other channels, so that every pixel is new.
    """
    if edit.pixels is None or edit.pixels is photo.pixels:
        return edit
    if edit.pixels.shape != photo.pixels.shape:
        raise RecipeError(
            f"{stage.name} makes every pixel anew, but only damage may change; leave it out with "
            f"--without {stage.name}"
        )
    if photo.damage is None:
        return dataclasses.replace(edit, pixels=None, notes=_taken_back(edit.notes))
    pixels, wanted, damage = darkroom.empty(photo.pixels.shape), edit.pixels, photo.damage

    def strip(rows: slice) -> None:
        marked = (damage[rows] > 0)[:, :, None]
        pixels[rows] = np.where(marked, wanted[rows], photo.pixels[rows])

    darkroom.strips(strip, photo.size)
    notes = edit.notes if stage.marks >= Origin.FILLED else _taken_back(edit.notes)
    return dataclasses.replace(edit, pixels=pixels, notes=notes)


def _taken_back(notes: Mapping[str, Any]) -> dict[str, Any]:
    return {**notes, "evidence": f"{notes.get('evidence', '')}; only inside damage"}


def mark_origin(
    photo: Photo, edit: Edit, stage: Stage, darkroom: Darkroom
) -> tuple[NDArray[np.uint8] | None, int]:
    """Mark the pixels that differ between a photo and an edit, and count them.

    A pixel keeps the most inventive mark it ever earned.
    """
    if edit.pixels is None:
        return photo.origin, 0
    after, before = edit.pixels, photo.origin
    if after.shape != photo.pixels.shape:
        mark = darkroom.empty(after.shape[:2], np.uint8)
        mark[:] = stage.marks
        if before is not None:
            size = (after.shape[1], after.shape[0])
            stretched = cv2.resize(before, size, interpolation=cv2.INTER_NEAREST)
            np.maximum(mark, stretched, out=mark)
        return mark, mark.size
    origin = darkroom.empty(photo.size, np.uint8)
    changed = 0

    def strip(rows: slice) -> None:
        nonlocal changed
        differs = _differs(photo.pixels[rows], after[rows])
        changed += int(np.count_nonzero(differs))
        mark = differs.astype(np.uint8) * np.uint8(stage.marks)
        origin[rows] = mark if before is None else np.maximum(before[rows], mark)

    darkroom.strips(strip, photo.size)
    return origin, changed


def _differs(before: Pixels, after: Pixels) -> NDArray[np.bool_]:
    differs = before != after
    # Plane by plane: NumPy's own `any` over so short an axis takes several times as long.
    changed: NDArray[np.bool_] = differs[:, :, 0]
    for channel in range(1, differs.shape[2]):
        changed = changed | differs[:, :, channel]
    return changed
