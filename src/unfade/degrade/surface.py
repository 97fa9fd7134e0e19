"""What a print is made of: embossed paper and the screen of a printing press.

Both belong to the object. They are no damage: the mask does not take them up, and a restored
photo keeps them.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..photo import Edit, Origin, Photo
from ..recipe import Finding
from ..settings import check_settings, setting
from . import paths
from .paths import Field
from .shapes import Rng

PAPERS = ("silk", "honeycomb", "linen", "matte")
CMY_ANGLES = (15.0, 75.0, 0.0)
"""Angles of the cyan, magenta and yellow screens in degrees, as printers set them."""


@dataclasses.dataclass(frozen=True)
class AddPaperTexture:
    """Embossed paper in the scanner's slanting light: one flank of each bump bright, one dark.

    `silk` is a fine rhombic pattern, `honeycomb` hexagonal, `linen` woven, `matte` irregular.
    """

    name: ClassVar[str] = "texture"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.DENOISED

    paper: str = setting("silk", "how the paper is embossed", choices=PAPERS)
    period_px: float = setting(6.0, "distance of the bumps", low=1.5, high=1000, unit="px")
    amplitude: float = setting(0.04, "standard deviation of the shading", low=0, high=1)
    angle: float = setting(0.0, "how the pattern lies", low=0, high=180, unit="degrees")
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.amplitude > 0, f"{self.paper} paper")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        if self.paper == "matte":
            relief = paths.rough_field(rng, photo.size, self.period_px, 3)
        else:
            relief = self._pattern(photo.size, rng)
        # Light from the upper left: the shading is the slope.
        slope = relief - paths.shifted(relief, 0.25 * self.period_px, 0.25 * self.period_px)
        slope *= np.float32(self.amplitude / max(float(slope.std()), 1e-6))
        # Gloss adds to the shadows what the relief takes from the lights.
        gain = photo.pixels * np.float32(0.8) + np.float32(0.2)
        return Edit(pixels=np.clip(photo.pixels + slope[:, :, None] * gain, 0, 1))

    def _pattern(self, size: tuple[int, int], rng: Rng) -> Field:
        """Sum of plane waves: two directions are rhombs or a weave, three are hexagons."""
        turns = {"silk": (60, 120), "honeycomb": (0, 60, 120), "linen": (0, 90)}[self.paper]
        bend = np.float32(0.5) * paths.rough_field(rng, size, 12 * self.period_px, 2)
        x = np.arange(size[1], dtype=np.float32)[None, :]
        y = np.arange(size[0], dtype=np.float32)[:, None]
        relief = np.zeros(size, np.float32)
        for turn in turns:
            way = np.deg2rad(turn + self.angle)
            along = x * np.float32(np.cos(way)) + y * np.float32(np.sin(way))
            relief += np.cos(np.float32(2 * np.pi / self.period_px) * along + bend)
        if self.paper == "honeycomb":
            # Round bumps with narrow valleys between them.
            relief = np.abs(relief + np.float32(1.5))
        relief += np.float32(0.25) * paths.rough_field(rng, size, self.period_px, 2)
        return relief


@dataclasses.dataclass(frozen=True)
class AddHalftone:
    """Print a photo with a screen of dots whose area makes the tone, and scan it slightly soft.

    A grey photo gets one screen, a color photo one each for cyan, magenta and yellow ink.
    """

    name: ClassVar[str] = "halftone"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.DENOISED

    period_px: float = setting(5.0, "distance of the dots", low=2, high=100, unit="px")
    angle: float = setting(45.0, "angle of the screen", low=0, high=90, unit="degrees")
    softness: float = setting(0.3, "blur of the dots over their distance", low=0.02, high=1)
    strength: float = setting(0.7, "how much of the screen is seen", low=0, high=1)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.strength > 0, f"screen of {self.period_px:.1f} px")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        planes = list(cv2.split(photo.pixels))
        grey = len(planes) == 3 and all(np.array_equal(planes[0], p) for p in planes[1:])
        turns = (0.0,) * 3 if len(planes) == 1 or grey else CMY_ANGLES
        printed = [self._screened(plane, turn) for plane, turn in zip(planes, turns, strict=False)]
        merged = np.asarray(cv2.merge(printed), np.float32).reshape(photo.pixels.shape)
        return Edit(pixels=merged)

    def _screened(self, plane: NDArray[Any], turn: float) -> Field:
        way = np.deg2rad(self.angle + turn)
        x = np.arange(plane.shape[1], dtype=np.float32)[None, :]
        y = np.arange(plane.shape[0], dtype=np.float32)[:, None]
        wave = np.float32(2 * np.pi / self.period_px)
        u = wave * (x * np.float32(np.cos(way)) + y * np.float32(np.sin(way)))
        v = wave * (y * np.float32(np.cos(way)) - x * np.float32(np.sin(way)))
        # The threshold rises over each dot so that as many places lie below it as the tone says.
        level = (np.cos(u) + np.cos(v)) / 4 + np.float32(0.5)
        steep = np.float32(1 / self.softness)
        dots = np.clip((plane - level) * steep + np.float32(0.5), 0, 1)
        return np.asarray(plane + np.float32(self.strength) * (dots - plane), np.float32)


def draw_texture(rng: Rng, um_per_px: float) -> AddPaperTexture:
    """Draw an embossed paper: bumps 0.3 to 1 mm apart."""
    return AddPaperTexture(
        paper=str(rng.choice(PAPERS, p=(0.35, 0.25, 0.1, 0.3))),
        period_px=float(np.clip(rng.uniform(300, 1000) / um_per_px, 2.5, 60)),
        amplitude=float(np.exp(rng.uniform(*np.log((0.008, 0.06))))),
        angle=float(rng.choice((0.0, 45.0, 90.0))),
        seed=int(rng.integers(2**62)),
    )


def draw_halftone(rng: Rng) -> AddHalftone:
    """Draw a printing screen as it is seen in scans of books and postcards."""
    return AddHalftone(
        period_px=float(np.exp(rng.uniform(*np.log((2.2, 8))))),
        angle=float(rng.choice((45.0, 30.0, 0.0), p=(0.7, 0.2, 0.1))),
        softness=float(rng.uniform(0.2, 0.9)),
        strength=float(rng.uniform(0.2, 0.9)),
    )
