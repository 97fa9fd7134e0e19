"""The verb and the list: a `Stage` looks at a photo and answers; a `Recipe` is stages in order."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from .darkroom import Darkroom
from .errors import RecipeError
from .photo import Edit, Origin, Photo
from .settings import parse_setting, settings_of
from .toml import toml_value


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a stage sees before it does anything: is there work, and what says so."""

    needed: bool
    evidence: str


@runtime_checkable
class Stage(Protocol):
    """One thing that can be done to a photo: a frozen dataclass of settings that can be called.

    Attributes:
        name: Its word on every floor: `denoise`.
        invents: Whether it can put content into the photo that was not in the scan.
        marks: What the pixels that it changed are called from then on.
    """

    name: str
    invents: bool
    marks: Origin

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        """Measure whether there is anything to do, cheaply and without changing anything."""
        ...

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        """Do it. Answers with an empty edit, evidence in the notes, where nothing is to be done."""
        ...


def settings_values(stage: Any) -> dict[str, Any]:
    """The settings of a stage and their values, in order."""
    return {knob.name: getattr(stage, knob.name) for knob in settings_of(type(stage))}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Stages in order, repeats allowed.

    Attributes:
        name: Its name.
        stages: The stages.
        about: What it is for, in a sentence.
        only_damage: Nothing but what the damage mask marks may change, whatever the stages do.
    """

    name: str
    stages: tuple[Any, ...] = ()
    about: str = ""
    only_damage: bool = False

    def __iter__(self) -> Iterator[Any]:
        return iter(self.stages)

    @classmethod
    def from_toml(cls, text: str, known: Mapping[str, type]) -> Recipe:
        """Read a recipe: `name`, `about`, `only_damage`, and one `[[stage]]` table per stage.

        Args:
            text: TOML; each stage table has `use = "denoise"` and any of its settings.
            known: Stage classes by name.
        Raises:
            RecipeError: Not TOML, a stage or setting that does not exist, or a value out of range
                or of another type.
        """
        try:
            table = tomllib.loads(text)
        except RecursionError:
            raise RecipeError("a recipe must be TOML: its brackets are nested too deep") from None
        except ValueError as error:
            raise RecipeError(f"a recipe must be TOML: {error}") from error
        unknown = table.keys() - {"name", "about", "only_damage", "stage"}
        if unknown:
            raise RecipeError(
                f"a recipe has name, about, only_damage and [[stage]], not {min(unknown)!r}"
            )
        only_damage = table.get("only_damage", False)
        if not isinstance(only_damage, bool):
            raise RecipeError(f"only_damage must be true or false, got {only_damage!r}")
        words = {"name": table.get("name", "recipe"), "about": table.get("about", "")}
        for key, value in words.items():
            if not isinstance(value, str):
                raise RecipeError(f"{key} must be text in quotes, got {value!r}")
        entries = table.get("stage", [])
        if not (isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)):
            raise RecipeError("each stage of a recipe is a table that begins with [[stage]]")
        stages = tuple(make_stage(dict(entry), known) for entry in entries)
        return cls(words["name"], stages, words["about"], only_damage)

    def to_toml(self) -> str:
        """Write the recipe so that `from_toml` gives it back."""
        lines = [f"name = {toml_value(self.name)}", f"about = {toml_value(self.about)}"]
        lines += ["only_damage = true"] if self.only_damage else []
        for stage in self.stages:
            lines += ["", "[[stage]]", f"use = {toml_value(stage.name)}"]
            lines += [
                f"{key} = {toml_value(value)}" for key, value in settings_values(stage).items()
            ]
        return "\n".join(lines) + "\n"

    def without(self, *names: str) -> Recipe:
        """Leave out stages by name."""
        self._check(names)
        return self._with(tuple(stage for stage in self.stages if stage.name not in names))

    def only(self, *names: str) -> Recipe:
        """Keep only the stages named."""
        self._check(names)
        return self._with(tuple(stage for stage in self.stages if stage.name in names))

    def including(self, stage: Any, before: str | None = None) -> Recipe:
        """Add a stage at the end, or before the first stage of a name."""
        names = [known.name for known in self.stages]
        if before is not None:
            self._check((before,))
        place = len(names) if before is None else names.index(before)
        return self._with((*self.stages[:place], stage, *self.stages[place:]))

    def setting(self, assignment: str) -> Recipe:
        """Change one setting, written `stage.key=value`, wherever that stage stands in the recipe.

        Raises:
            RecipeError: No such stage or key, or a value it does not accept.
        """
        path, equals, text = assignment.partition("=")
        name, dot, key = path.strip().partition(".")
        if not (equals and dot):
            raise RecipeError(f"a setting is written stage.key=value, got {assignment!r}")
        self._check((name,))
        return self._with(
            tuple(
                _set(stage, key, text.strip()) if stage.name == name else stage
                for stage in self.stages
            )
        )

    def at_strength(self, strength: float) -> Recipe:
        """Scale the strength of every stage that has one.

        Args:
            strength: 0 (change nothing) to 1 (as the recipe says).
        """
        if not 0 <= strength <= 1:
            raise ValueError(f"strength must be within 0 to 1, got {strength}")
        return self._with(
            tuple(
                dataclasses.replace(stage, strength=stage.strength * strength)
                if hasattr(stage, "strength")
                else stage
                for stage in self.stages
            )
        )

    def _with(self, stages: tuple[Any, ...]) -> Recipe:
        return dataclasses.replace(self, stages=stages)

    def _check(self, names: tuple[str, ...]) -> None:
        known = list(dict.fromkeys(stage.name for stage in self.stages))
        for name in names:
            if name not in known:
                raise RecipeError(
                    f"no stage {name!r} in recipe {self.name!r}; it has: {', '.join(known)}"
                )


def make_stage(entry: dict[str, Any], known: Mapping[str, type]) -> Any:
    """Build a stage from a table with `use` and settings.

    Raises:
        RecipeError: The stage or a setting does not exist, or a value is out of range.
    """
    name = entry.pop("use", None)
    if not isinstance(name, str) or name not in known:
        raise RecipeError(f"no stage {name!r}; known: {', '.join(known)}")
    knobs = {knob.name: knob for knob in settings_of(known[name])}
    unknown = [key for key in entry if key not in knobs]
    if unknown:
        raise RecipeError(f"{name} has no setting {unknown[0]!r}; it has: {', '.join(knobs)}")
    values = {key: _frozen(value) for key, value in entry.items()}
    for key, value in values.items():
        if isinstance(knobs[key].default, tuple) and not isinstance(value, tuple):
            values[key] = (value,)
    try:
        return known[name](**values)
    except (ValueError, TypeError) as error:
        raise RecipeError(str(error)) from error


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value


def _set(stage: Any, key: str, text: str) -> Any:
    knobs = {knob.name: knob for knob in settings_of(type(stage))}
    if key not in knobs:
        raise RecipeError(f"{stage.name} has no setting {key!r}; it has: {', '.join(knobs)}")
    try:
        return dataclasses.replace(stage, **{key: parse_setting(knobs[key], text)})
    except ValueError as error:
        raise RecipeError(str(error)) from error
