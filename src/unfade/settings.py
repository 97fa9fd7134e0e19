"""One knob in one line: default, meaning, range and unit; read by recipes, commands and docs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class Setting:
    """The description of one knob of a stage.

    `wish`: it says what a person wants of a photo, and nothing of what the photo is.
    """

    name: str
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    wish: bool = False

    @property
    def allowed(self) -> str:
        """What the knob accepts, in words: `0 to 1`, `a, b or c`, `true or false`, `text`."""
        if self.choices:
            return " or ".join(self.choices)
        if isinstance(self.default, bool):
            return "true or false"
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}" + (f" {self.unit}" if self.unit else "")
        return self.unit or type(self.default).__name__


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    choices: Sequence[str] = (),
    wish: bool = False,
) -> Any:
    """Declare a field of a stage's dataclass together with what a person must know about it."""
    about = {"help": help, "low": low, "high": high, "unit": unit, "choices": tuple(choices)}
    return dataclasses.field(default=default, metadata={**about, "wish": wish})


def settings_of(stage: Any) -> tuple[Setting, ...]:
    """List the settings of a stage (its class or an instance), in the order they are declared."""
    return tuple(
        Setting(field.name, field.default, **field.metadata)
        for field in dataclasses.fields(stage)
        if "help" in field.metadata
    )


def check_settings(stage: Any) -> None:
    """Refuse values outside their range; called from `__post_init__` of every stage.

    Raises:
        ValueError: A value is outside its range, not among its choices or not a number.
    """
    for knob in settings_of(type(stage)):
        value = getattr(stage, knob.name)
        where = f"{getattr(stage, 'name', type(stage).__name__)}.{knob.name}"
        if knob.choices and value not in knob.choices:
            raise ValueError(f"{where} must be {knob.allowed}, got {value!r}")
        kind = type(knob.default)
        if kind in (bool, str) and not isinstance(value, kind):
            raise ValueError(f"{where} must be {knob.allowed}, got {value!r}")
        if knob.low is None or knob.high is None:
            continue
        values = value if isinstance(value, tuple) else (value,)
        kinds = (int,) if kind is int else (int, float)
        if not all(_is_number(v, kinds) and knob.low <= v <= knob.high for v in values):
            what = "a whole number " if kind is int and isinstance(value, float) else ""
            raise ValueError(f"{where} must be {what}within {knob.allowed}, got {value!r}")


def parse_setting(knob: Setting, text: str) -> Any:
    """Turn what a person typed into the type of the knob's default.

    Raises:
        ValueError: The text is no such value.
    """
    if isinstance(knob.default, bool):
        words = {"true": True, "yes": True, "on": True, "1": True}
        words |= {"false": False, "no": False, "off": False, "0": False}
        if text.lower() not in words:
            raise ValueError(f"{knob.name} must be true or false, got {text!r}")
        return words[text.lower()]
    try:
        if isinstance(knob.default, tuple):
            kind = type(knob.default[0]) if knob.default else float
            return tuple(kind(part.strip()) for part in text.split(","))
        return type(knob.default)(text)
    except ValueError:
        raise ValueError(f"{knob.name} must be {knob.allowed}, got {text!r}") from None


def _is_number(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)
