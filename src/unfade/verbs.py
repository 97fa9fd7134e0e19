"""What one does with a photo, in one call each: restore, detect, inpaint, age.

They stand above jobs and pipeline, for they join reading, choosing a recipe and running it. A file
or a `Photo` in gives a `Photo`; an array in gives an array of the same shape and type.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from .choose import Changes, load_recipe, recipe_for
from .darkroom import Darkroom
from .degrade import draw_aging
from .errors import RecipeError
from .io.read import read, read_mask
from .jobs.job import Equipment
from .jobs.run import open_darkroom
from .photo import Mask, Photo
from .pipeline import run
from .recipe import Recipe
from .stages import STAGES
from .stages.damage import DetectDamage, is_found

PathLike = str | os.PathLike[str]
Array = TypeVar("Array", bound=NDArray[Any])


@overload
def restore(
    photo: PathLike | Photo,
    recipe: Recipe | PathLike | None = None,
    *,
    without: Sequence[str] = (),
    only: Sequence[str] = (),
    settings: Sequence[str] = (),
    strength: float = 1.0,
    sensitivity: float | None = None,
    negative: bool = False,
    acquired_only: bool = False,
    mask: Mask | PathLike | None = None,
    darkroom: Darkroom | None = None,
) -> Photo: ...


@overload
def restore(
    photo: Array,
    recipe: Recipe | PathLike | None = None,
    *,
    without: Sequence[str] = (),
    only: Sequence[str] = (),
    settings: Sequence[str] = (),
    strength: float = 1.0,
    sensitivity: float | None = None,
    negative: bool = False,
    acquired_only: bool = False,
    mask: Mask | PathLike | None = None,
    darkroom: Darkroom | None = None,
) -> Array: ...


def restore(
    photo: Any,
    recipe: Recipe | PathLike | None = None,
    *,
    without: Sequence[str] = (),
    only: Sequence[str] = (),
    settings: Sequence[str] = (),
    strength: float = 1.0,
    sensitivity: float | None = None,
    negative: bool = False,
    acquired_only: bool = False,
    mask: Mask | PathLike | None = None,
    darkroom: Darkroom | None = None,
) -> Any:
    """Restore a photo; nothing is written.

    Args:
        photo: A file, a `Photo`, or an array (H, W) or (H, W, 1 to 4) as in `Photo.from_array`;
            float64 is worked on in float32.
        recipe: A `Recipe`, the name of a preset or a TOML file; None measures and chooses.
        without: Stages to leave out; a string is one stage.
        only: Stages to keep; all where empty; a string is one stage.
        settings: Assignments `stage.key=value`; a string is one.
        strength: 0 (change nothing) to 1 (as the recipe says), for every stage that has one;
            what is adjusted by hand is done all the same.
        sensitivity: 0 to 1, of the damage detection; None leaves the recipe's.
        negative: Invert first: the scan is a negative.
        acquired_only: Leave alone grain, paper texture, retouching: what was there from the start.
        mask: (H, W) of floats in [0, 1], 1 is damaged, of bool, or of uint8, 255 is damaged (1 in
            one of only 0 and 1); or a picture of it; None looks for damage.
        darkroom: Where to work; pass your own to use it for many photos.
    Returns:
        A `Photo` with its history, or for an array an array of the same shape and type.
    Raises:
        ReadError, RecipeError, ModelError, EngineError: As they say.
        ValueError: An array that is no photo, or a number out of range.
    """
    room = darkroom or _room()
    start = _with_mask(_unmarked(_photo(photo, room)), mask)
    wanted = Changes(
        _several(without),
        _several(only),
        _several(settings),
        strength,
        sensitivity,
        negative,
        acquired_only,
    )
    steps, _ = recipe_for(start, room, _recipe(recipe), wanted)
    return _like(photo, run(start, steps, room))


def detect(
    photo: PathLike | Photo | NDArray[Any],
    recipe: Recipe | PathLike | None = None,
    *,
    settings: Sequence[str] = (),
    sensitivity: float | None = None,
    negative: bool = False,
    darkroom: Darkroom | None = None,
) -> Mask:
    """Find dust, hair, scratches, stains and creases, as `restore` would with the same arguments.

    Args:
        photo, recipe, settings, negative: As in `restore`.
        sensitivity: 0 marks only what is certain, 1 also what is faint; None leaves the recipe's.
        darkroom: Where to work.
    Returns:
        (H, W) float32 in [0, 1]; 1 is damaged.
    Raises:
        As `restore`; RecipeError also where the recipe does not look for damage.
    """
    room = darkroom or _room()
    start = _photo(photo, room)
    wanted = Changes(settings=_several(settings), sensitivity=sensitivity, negative=negative)
    found = examine(start, room, _recipe(recipe), wanted).damage
    return np.zeros(start.size, np.float32) if found is None else found


def examine(
    photo: Photo, darkroom: Darkroom, recipe: Recipe | None = None, changes: Changes | None = None
) -> Photo:
    """The photo with its damage, and of what kinds it is if the network knows; pixels as before.

    It is looked for as `restore` would do it: on a negative once it is inverted, on a stain once
    that is lifted. Where that is, the `origin` tells, though the pixels are put back.

    Raises:
        RecipeError: As `Changes.apply`, or the recipe does not look for damage.
    """
    start = dataclasses.replace(photo, damage=None, kinds=None)
    steps, _ = recipe_for(start, darkroom, recipe, changes or Changes())
    if all(stage.name != DetectDamage.name for stage in steps):
        raise RecipeError(f"the recipe {steps.name} does not look for damage; name another one")
    turned = run(start, _part(steps, "negative"), darkroom)
    looking = _part(steps, "veils", DetectDamage.name)
    found = run(dataclasses.replace(turned, origin=None), looking, darkroom)
    return dataclasses.replace(found, pixels=photo.pixels)


def _part(recipe: Recipe, *names: str) -> Recipe:
    """Those stages of a recipe alone, as far as it has them."""
    return Recipe("detect", tuple(stage for stage in recipe if stage.name in names))


@overload
def inpaint(
    photo: PathLike | Photo,
    mask: Mask | PathLike,
    *,
    rough: bool = False,
    darkroom: Darkroom | None = None,
) -> Photo: ...


@overload
def inpaint(
    photo: Array, mask: Mask | PathLike, *, rough: bool = False, darkroom: Darkroom | None = None
) -> Array: ...


def inpaint(
    photo: Any, mask: Mask | PathLike, *, rough: bool = False, darkroom: Darkroom | None = None
) -> Any:
    """Fill what a mask marks from its surroundings; every other pixel keeps its very value.

    Args:
        photo: As in `restore`.
        mask: What is filled, as in `restore`.
        rough: The mask was painted roughly over the damage: fill what is damaged within it.
        darkroom: Where to work.
    Returns:
        As `restore`.
    """
    room = darkroom or _room()
    start = _with_mask(_photo(photo, room), mask)
    return _like(photo, run(start, inpaint_recipe(rough), room))


def inpaint_recipe(rough: bool = False) -> Recipe:
    """The recipe that fills a given mask: grain is measured, so that the fill gets it too.

    Args:
        rough: The mask was painted roughly: what is damaged within it is looked for first.
    """
    looking = (DetectDamage(rough=True),) if rough else ()
    return Recipe("inpaint", (*looking, STAGES["measure"](), STAGES["inpaint"]()))


@overload
def age(
    photo: PathLike | Photo,
    *,
    preset: str = ...,
    severity: float = 0.5,
    seed: int | Sequence[int] = 0,
    darkroom: Darkroom | None = None,
) -> tuple[Photo, Mask]: ...


@overload
def age(
    photo: Array,
    *,
    preset: str = ...,
    severity: float = 0.5,
    seed: int | Sequence[int] = 0,
    darkroom: Darkroom | None = None,
) -> tuple[Array, Mask]: ...


def age(
    photo: Any,
    *,
    preset: str = "old-photo-mixed",
    severity: float = 0.5,
    seed: int | Sequence[int] = 0,
    darkroom: Darkroom | None = None,
) -> tuple[Any, Mask]:
    """Make a photo old: dust, scratches, creases, grain, blur, fading. The opposite of `restore`.

    Args:
        photo: As in `restore`.
        preset: One of `degrade.PRESETS`.
        severity: 0 (hardly anything) to 1 (badly neglected).
        seed: The same seed gives the same damage.
        darkroom: Where to work.
    Returns:
        The aged photo, as `restore` gives it, and the true mask of its damage: (H, W) float32 in
        [0, 1]. The history of an aged `Photo` replays it.
    Raises:
        ValueError: No such preset, or severity outside 0 to 1.
    """
    room = darkroom or _room()
    start = _photo(photo, room)
    recipe = draw_aging(np.random.default_rng(seed), preset, severity, size=start.size)
    aged = run(dataclasses.replace(start, damage=None, kinds=None), recipe, room)
    mask = np.zeros(aged.size, np.float32) if aged.damage is None else aged.damage
    return _like(photo, aged), mask


def _room() -> Darkroom:
    return open_darkroom(Equipment())


def _photo(photo: Any, room: Darkroom) -> Photo:
    if isinstance(photo, Photo):
        return photo
    if isinstance(photo, str | os.PathLike):
        return read(photo, allocate=room.empty, strips=room.strips)
    return Photo.from_array(np.asarray(photo))


def _recipe(given: Recipe | PathLike | None) -> Recipe | None:
    return given if isinstance(given, Recipe) or given is None else load_recipe(Path(given))


def _several(given: Sequence[str]) -> tuple[str, ...]:
    """Strings as a tuple; one alone is one of them, not its letters."""
    return (given,) if isinstance(given, str) else tuple(given)


def _unmarked(photo: Photo) -> Photo:
    """The photo without the damage that was found in an earlier run, and mended."""
    return dataclasses.replace(photo, damage=None, kinds=None) if is_found(photo) else photo


def _with_mask(photo: Photo, mask: Mask | PathLike | None) -> Photo:
    if mask is None:
        return photo
    if isinstance(mask, str | os.PathLike):
        return dataclasses.replace(photo, damage=read_mask(mask, photo.size), kinds=None)
    return dataclasses.replace(photo, damage=_plane(np.asarray(mask), photo.size), kinds=None)


def _plane(mask: NDArray[Any], size: tuple[int, int]) -> Mask:
    if mask.shape != size:
        raise ValueError(
            f"the mask must be of the photo's size {size} (height, width), got {mask.shape}"
        )
    plane: Mask = np.asarray(mask, np.float32)
    if mask.dtype == np.uint8 and plane.max() > 1:
        plane = plane / np.float32(255)
    if not (plane.min() >= 0 and plane.max() <= 1):
        raise ValueError(
            "the mask must be within 0 to 1, 1 is damaged, or uint8 or bool, got "
            f"{mask.dtype} from {plane.min():g} to {plane.max():g}"
        )
    return plane


def _like(given: Any, photo: Photo) -> Any:
    """Give back the kind of thing that came in."""
    if isinstance(given, Photo | str | os.PathLike):
        return photo
    array = photo.to_array()
    shaped = array[:, :, 0] if np.asarray(given).ndim == 2 and array.shape[2] == 1 else array
    return shaped.astype(np.asarray(given).dtype, copy=False)
