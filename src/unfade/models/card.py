"""`ModelCard`: the facts that travel beside the weights, as TOML."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ModelError
from ..toml import toml_value

CHANNELS = (1, 4096)
COUNTS = {
    "channels_out": CHANNELS,
    "scale": (1, 64),
    "multiple_of": (1, 4096),
    "halo": (0, 2**16),
    "bytes_per_pixel": (1, 2**24),
    "parameters": (0, 2**48),
}
"""Fields that are whole numbers, with the least and the most that makes sense."""

INPUTS = 16
"""The most inputs of a network."""

TILINGS = ("tiles", "whole")


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """What one must know to use a network and to trust it.

    Attributes:
        name: Same word as the file: `denoise` for `denoise.onnx`.
        task: What it does: `damage`, `inpaint`, `denoise`, `fading`.
        sha256: Checksum of the ONNX file, in hexadecimal.
        preset: `small` or `base`.
        inputs: Channels of each input, in order: (3,) for a picture, (3, 1) for picture and mask.
        channels_out: Channels of the output.
        scale: Output size over input size.
        multiple_of: Both sides of the input are padded to a multiple of this.
        halo: Pixels around a tile that the answer for the tile depends on.
        tiling: `tiles`, or `whole` for a network that must see the whole (small) picture at once.
        exact: Whether it computes in 32-bit floats on every engine: for a network whose answer
            decides what happens to a whole photo, which must not depend on the engine.
        bytes_per_pixel: Peak working memory over input pixels, in 32-bit float.
        parameters: Number of trained numbers.
        license: Of the weights.
        data: What it was trained on, with the licences of the data.
        command: The command that trained it.
        paper: The work it implements or grew from.
        quality: Measured figures by name, on the validation split.
        about: What it is, what it is weak at.
        calibration: Of a damage network or one that verifies, the numbers of
            `stages.marks.Calibration`; empty where nobody measured them.
        verifier: Of a damage network, the name of the network that learned to verify its marks;
            empty if there is none.
        overview: Of a damage network, the name of the network that finds what is too large for it,
            on the whole photo, seen small; empty if there is none.
    """

    name: str
    task: str
    sha256: str
    preset: str = "small"
    inputs: tuple[int, ...] = (3,)
    channels_out: int = 3
    scale: int = 1
    multiple_of: int = 1
    halo: int = 0
    tiling: str = "tiles"
    exact: bool = False
    bytes_per_pixel: int = 512
    parameters: int = 0
    license: str = ""
    data: str = ""
    command: str = ""
    paper: str = ""
    about: str = ""
    calibration: tuple[float, ...] = ()
    verifier: str = ""
    overview: str = ""
    quality: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_toml(cls, text: str) -> ModelCard:
        """Read a card.

        Raises:
            ModelError: Not TOML, a field that does not exist or holds what it cannot be, or a
                missing name, task or sha256.
        """
        try:
            table: dict[str, Any] = tomllib.loads(text)
        except RecursionError:
            raise ModelError("not a model card: its brackets are nested too deep") from None
        except ValueError as error:
            raise ModelError(f"not a model card: {error}") from error
        known = {field.name for field in dataclasses.fields(cls)}
        for name, value in table.items():
            if name in known and (words := _must_be(name, value)):
                raise ModelError(f"not a model card: {name} must be {words}, got {value!r}")
            table[name] = tuple(value) if isinstance(value, list) else value
        try:
            return cls(**table)
        except TypeError as error:
            raise ModelError(f"not a model card: {error}") from error

    def to_toml(self) -> str:
        """Write the card so that `from_toml` gives it back."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        quality = fields.pop("quality")
        lines = [f"{name} = {toml_value(value)}" for name, value in fields.items()]
        lines += ["", "[quality]", *(f"{toml_value(k)} = {float(v)!r}" for k, v in quality.items())]
        return "\n".join(lines) + "\n"


def _must_be(name: str, value: Any) -> str:
    """What a field must be, in words, where it is something else; empty where all is well."""
    if name in COUNTS:
        low, high = COUNTS[name]
        fine, words = _is_whole(value, low, high), f"a whole number within {low} to {high}"
    elif name == "inputs":
        fine = _is_list(value, lambda item: _is_whole(item, *CHANNELS)) and 0 < len(value) <= INPUTS
        words = f"1 to {INPUTS} whole numbers within {CHANNELS[0]} to {CHANNELS[1]} in brackets"
    elif name == "calibration":
        fine = _is_list(value, lambda item: _is_number(item) and math.isfinite(item))
        words = "numbers in brackets"
    elif name == "quality":
        fine = isinstance(value, dict) and all(map(_is_number, value.values()))
        words = "a table of numbers"
    elif name == "tiling":
        fine, words = value in TILINGS, " or ".join(TILINGS)
    elif name == "exact":
        fine, words = isinstance(value, bool), "true or false"
    else:
        fine, words = isinstance(value, str), "text in quotes"
    return "" if fine else words


def _is_list(value: Any, is_item: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(map(is_item, value))


def _is_whole(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _is_number(value: Any) -> bool:
    return type(value) is float or _is_whole(value, -(2**63), 2**63)
