"""`ModelCard`: the facts that travel beside the weights, as TOML."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from typing import Any

from ..errors import ModelError
from ..toml import toml_value


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
    quality: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_toml(cls, text: str) -> ModelCard:
        """Read a card.

        Raises:
            ModelError: Not TOML, a field that does not exist, or a missing name, task or sha256.
        """
        try:
            table: dict[str, Any] = tomllib.loads(text)
            for name in ("inputs", "calibration"):
                if name in table:
                    table[name] = tuple(table[name])
            return cls(**table)
        except (tomllib.TOMLDecodeError, TypeError) as error:
            raise ModelError(f"not a model card: {error}") from error

    def to_toml(self) -> str:
        """Write the card so that `from_toml` gives it back."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        quality = fields.pop("quality")
        lines = [f"{name} = {toml_value(value)}" for name, value in fields.items()]
        lines += ["", "[quality]", *(f"{toml_value(k)} = {float(v)!r}" for k, v in quality.items())]
        return "\n".join(lines) + "\n"
