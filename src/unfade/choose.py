"""Which recipe: presets as data, a choice by measuring the photo, and a person's changes to it.

What a photo is (print, negative, slide) is read from what the file says and from its frame; where
that says nothing it is a print. A photo in color in which no gate sees work is clean.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

from .darkroom import Darkroom
from .errors import RecipeError
from .film.tone import photo_tone
from .medium import find_medium
from .photo import Photo
from .recipe import Recipe
from .stages import STAGES
from .working import enter_srgb

PRESETS = Path(__file__).resolve().parent / "presets"
DEFAULT = "print"
ONLY_DAMAGE = "only-damage"
"""The archivist's recipe: nothing but damage may change."""

GATES = {
    "veils": "stains to lift",
    "denoise": "noise to reduce",
    "fading": "fading to correct",
}
"""Stages that can tell by a cheap look that they have nothing to do, and what they do else."""


class Choice(NamedTuple):
    """A recipe and the sentence that says why it was chosen."""

    recipe: Recipe
    evidence: str


@dataclasses.dataclass(frozen=True)
class Changes:
    """What a person wants different from a recipe; plain data.

    Attributes:
        without: Stages to leave out.
        only: Stages to keep; all where empty.
        settings: Assignments `stage.key=value`.
        strength: 0 (change nothing) to 1 (as the recipe says), for every stage that has one;
            what is adjusted by hand is done all the same.
        sensitivity: 0 to 1, of the damage detection; None leaves the recipe's.
        negative: Invert first: the scan is a negative.
        acquired_only: Leave alone what the object had from the beginning: marks of that kind, and
            its grain and texture, so nothing is denoised.
    """

    without: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    strength: float = 1.0
    sensitivity: float | None = None
    negative: bool = False
    acquired_only: bool = False

    def apply(self, recipe: Recipe) -> Recipe:
        """Make the recipe that is wanted.

        Raises:
            RecipeError: A stage or setting that the recipe does not have, or a value out of range.
            ValueError: The strength is outside 0 to 1.
        """
        if self.negative:
            recipe = _inverting(recipe)
        for assignment in self.settings:
            recipe = recipe.setting(assignment)
        if self.sensitivity is not None:
            recipe = recipe.setting(f"damage.sensitivity={self.sensitivity}")
        if self.acquired_only:
            recipe = recipe.setting("damage.acquired_only=true")
        if self.only:
            recipe = recipe.only(*self.only, *(("negative",) if self.negative else ()))
        if self.without:
            recipe = recipe.without(*self.without)
        if self.acquired_only and any(stage.name == "denoise" for stage in recipe):
            recipe = recipe.without("denoise")
        return recipe.at_strength(self.strength)


def _inverting(recipe: Recipe) -> Recipe:
    """The recipe with the inversion of a negative before all else, if it has none."""
    if recipe.only_damage:
        raise RecipeError("inverting a negative changes every pixel; leave out --only-damage")
    names = [stage.name for stage in recipe]
    if "negative" in names:
        return recipe
    return recipe.including(STAGES["negative"](), before=names[0] if names else None)


def preset_names() -> tuple[str, ...]:
    """The recipes that come with the package."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.toml")))


def load_recipe(name: str | Path) -> Recipe:
    """Read a recipe: the name of a preset, or the path of a TOML file.

    Raises:
        RecipeError: No such preset or file, or what it says does not fit.
    """
    path = PRESETS / f"{name}.toml" if str(name) in preset_names() else Path(name)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = "" if isinstance(error, FileNotFoundError) else f" ({error})"
        raise RecipeError(
            f"no recipe {str(name)!r}: it must be {', '.join(preset_names())} or a TOML file{why}"
        ) from error
    try:
        return Recipe.from_toml(text, STAGES)
    except RecipeError as error:
        raise RecipeError(f"{path.name}: {error}") from error


def recipe_for(photo: Photo, darkroom: Darkroom, recipe: Recipe | None, changes: Changes) -> Choice:
    """Take the recipe given, or choose one, and change it as wanted.

    Raises:
        RecipeError, ValueError: As in `Changes.apply`.
        ModelError, EngineError: A gate needs a network that is not there.
    """
    if recipe is None:
        chosen, why = choose_recipe(photo, darkroom, changes)
    else:
        chosen, why = recipe, "as asked"
    return Choice(changes.apply(chosen), why)


def choose_recipe(photo: Photo, darkroom: Darkroom, changes: Changes | None = None) -> Choice:
    """Choose a preset by what the file says and what its picture shows; `print` when unsure.

    Args:
        photo: As it was read.
        darkroom: For the gates that need a network.
        changes: Wanted later. Only that it is a negative says what the photo is; the gates are
            asked as the preset has them, so that leaving out a stage changes no other.
    Returns:
        The preset as it is, and one sentence of evidence.
    """
    if changes is not None and changes.negative:
        return Choice(load_recipe("negative"), "a negative, as asked")
    photo = enter_srgb(photo, darkroom)
    medium, evidence = find_medium(photo)
    if medium is not None:
        return Choice(load_recipe(medium), evidence)
    default, paper = load_recipe(DEFAULT), "taken as a print: no sign of film, no white border"
    if photo_tone(photo) != "color":
        return Choice(default, f"{paper}, in black and white as most old photos")
    if work := _first_work(photo, darkroom, default):
        return Choice(default, f"{paper}, {work}")
    why = "taken as clean: nothing certain is seen at first glance"
    return Choice(load_recipe("clean"), why)


def _first_work(photo: Photo, darkroom: Darkroom, recipe: Recipe) -> str:
    """What the first stage that can tell by a look, and sees work, would do; `''` if none does."""
    for stage in recipe:
        if stage.name in GATES and (finding := stage.look(photo, darkroom)).needed:
            blocks = stage.name == "denoise" and "JPEG blocks" in finding.evidence
            return "JPEG blocks to reduce" if blocks else GATES[stage.name]
    return ""
