"""A small house without networks: stub stages, three recipes, and a folder of photos."""

import dataclasses
from typing import ClassVar

import numpy as np
import pytest

from unfade import choose
from unfade.photo import Edit, Grain, Origin, Photo
from unfade.recipe import Finding
from unfade.settings import check_settings, setting

WHITE = 0.98


@dataclasses.dataclass(frozen=True)
class Measure:
    """Measure nothing in particular."""

    name: ClassVar[str] = "measure"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.UNTOUCHED

    def look(self, photo, darkroom):
        return Finding(True, "grain 1.0/255")

    def __call__(self, photo, darkroom):
        grain = Grain((0.5,), ((1 / 255,),))
        return Edit(grain=grain, notes={"evidence": "grain 1.0/255"})


@dataclasses.dataclass(frozen=True)
class Damage:
    """Take white for damage."""

    name: ClassVar[str] = "damage"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.UNTOUCHED
    sensitivity: float = setting(0.5, "how much is seen", low=0, high=1)

    def __post_init__(self):
        check_settings(self)

    def look(self, photo, darkroom):
        return Finding(photo.damage is None, "looked for" if photo.damage is None else "given")

    def __call__(self, photo, darkroom):
        if photo.damage is not None:
            return Edit(notes={"evidence": "a mask is given: kept"})
        mask = (photo.pixels.min(axis=2) > WHITE).astype(np.float32)
        return Edit(damage=mask, notes={"evidence": f"{int(mask.sum())} pixels", "marks": 1})


@dataclasses.dataclass(frozen=True)
class Inpaint:
    """Fill damage with grey."""

    name: ClassVar[str] = "inpaint"
    invents: ClassVar[bool] = True
    marks: ClassVar[Origin] = Origin.FILLED
    strength: float = setting(1.0, "how far", low=0, high=1)

    def __post_init__(self):
        check_settings(self)

    def look(self, photo, darkroom):
        return Finding(True, "filled")

    def __call__(self, photo, darkroom):
        share = self.strength * photo.damage[:, :, None]
        pixels = (photo.pixels * (1 - share) + share * 0.5).astype(np.float32)
        return Edit(pixels=pixels, notes={"evidence": f"{int(photo.damage.sum())} filled"})


@dataclasses.dataclass(frozen=True)
class Denoise:
    """Say that there is no noise, tile by tile."""

    name: ClassVar[str] = "denoise"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.DENOISED
    gate: float = setting(3.0, "noise below is left", low=0, high=255)

    def look(self, photo, darkroom):
        return Finding(self.gate == 0, f"noise 1.0/255 against {self.gate:g}")

    def __call__(self, photo, darkroom):
        darkroom.map(lambda tile, piece: piece, photo.pixels, out=photo.pixels.copy(), tile=8)
        return Edit(notes={"evidence": self.look(photo, darkroom).evidence})


@dataclasses.dataclass(frozen=True)
class Veils:
    """Take the last four columns for stained; in no usual recipe."""

    name: ClassVar[str] = "veils"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.TONE

    def look(self, photo, darkroom):
        return Finding(True, "stained")

    def __call__(self, photo, darkroom):
        pixels = photo.pixels.copy()
        pixels[:, -4:] += np.float32(0.1)
        return Edit(pixels=pixels, notes={"evidence": "a veil at the right: lifted"})


@dataclasses.dataclass(frozen=True)
class Negative:
    """Turn black to white; in no usual recipe."""

    name: ClassVar[str] = "negative"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.TONE

    def look(self, photo, darkroom):
        return Finding(True, "a negative")

    def __call__(self, photo, darkroom):
        return Edit(pixels=1 - photo.pixels, notes={"evidence": "inverted"})


STUBS = {stage.name: stage for stage in (Negative, Veils, Measure, Damage, Inpaint, Denoise)}
USUAL = ("measure", "damage", "inpaint", "denoise")


def recipe_text(name, names=USUAL):
    stages = "".join(f'[[stage]]\nuse = "{stage}"\n' for stage in names)
    return f'name = "{name}"\nabout = "a stub"\n{stages}'


@pytest.fixture
def house(tmp_path, monkeypatch):
    """Replace the stages and recipes by stubs that need no network."""
    presets = tmp_path / "presets"
    presets.mkdir()
    for name in ("print", "clean", "negative"):
        (presets / f"{name}.toml").write_text(recipe_text(name), "utf-8")
    monkeypatch.setattr(choose, "STAGES", STUBS)
    monkeypatch.setattr(choose, "PRESETS", presets)


def scratched(height=24, width=32, seed=0):
    """A grey-blue photo with one white line: (H, W, 3) uint8."""
    pixels = np.random.default_rng(seed).integers(60, 200, (height, width, 3), dtype=np.uint8)
    pixels[:, 5] = 255
    return pixels


@pytest.fixture
def album(tmp_path):
    """Three photos, two of them in a folder below, and what else lies about in a folder."""
    from unfade.io.write import write

    folder = tmp_path / "album"
    (folder / "1968" / "summer").mkdir(parents=True)
    for number, name in enumerate(("a.png", "1968/b.tif", "1968/summer/c.jpg")):
        write(Photo.from_array(scratched(seed=number)), folder / name)
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (folder / "notes.txt").write_text("summer of 1968")
    return folder
