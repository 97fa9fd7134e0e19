"""What exposure, lens and flare do to tone: too much or too little light, dark corners."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import cv2
import numpy as np

from ..darkroom import Darkroom
from ..photo import Edit, Origin, Photo
from ..recipe import Finding
from ..settings import check_settings, setting
from .shapes import Rng

MID = 0.46
"""sRGB-encoded value of the 18 % grey card, around which contrast turns."""

GAMMA = 2.2
"""Encoded values are close to the power 1/2.2 of light; what is linear in light is done by it."""


@dataclasses.dataclass(frozen=True)
class Expose:
    """Expose again: stops more or less, harder or flatter, veiled by flare.

    What leaves 0 to 1 is lost, as in film and print.
    """

    name: ClassVar[str] = "exposure"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.TONE

    stops: float = setting(0.0, "more light, each stop doubles it", low=-6, high=6, unit="EV")
    contrast: float = setting(1.0, "density range over that of the photo", low=0.1, high=4)
    haze: float = setting(0.0, "light that flare adds to black", low=0, high=0.9)
    tone: tuple[float, ...] = setting((1.0, 1.0, 1.0), "color of the haze", low=0, high=1)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(True, f"exposed {self.stops:+.1f} EV, contrast {self.contrast:.2f}")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        pixels = photo.pixels * np.float32(2 ** (self.stops / GAMMA) / MID)
        if self.contrast != 1:
            pixels = np.asarray(cv2.pow(pixels, self.contrast), np.float32)
        pixels = np.clip(pixels * np.float32(MID), 0, 1).reshape(photo.pixels.shape)
        if self.haze > 0:
            tone = self.tone if pixels.shape[2] == 3 else (float(np.mean(self.tone)),)
            pixels = pixels * np.float32(1 - self.haze)
            pixels += np.asarray(tone, np.float32) * np.float32(self.haze)
        return Edit(pixels=pixels)


@dataclasses.dataclass(frozen=True)
class AddVignette:
    """Corners darker than the middle, as simple lenses draw them, or bleached towards the edge."""

    name: ClassVar[str] = "vignette"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.TONE

    strength: float = setting(
        0.4, "light lost in the corners; below 0, how far they bleach to white", low=-1, high=0.95
    )
    power: float = setting(2.0, "how late it sets in", low=1, high=8)
    center: tuple[float, ...] = setting(
        (0.5, 0.5), "where it is brightest, over width and height", low=-1, high=2
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if len(self.center) != 2:
            raise ValueError(f"vignette.center must be two numbers, x and y, got {self.center}")

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.strength != 0, f"vignette of {self.strength:.0%}")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        height, width = photo.size
        half = np.float32(np.hypot(width, height) / 2)
        x = (np.arange(width, dtype=np.float32) - np.float32(self.center[0] * (width - 1))) / half
        y = (np.arange(height, dtype=np.float32) - np.float32(self.center[1] * (height - 1))) / half
        away = cv2.pow((x**2)[None, :] + (y**2)[:, None], self.power / 2)
        lost = np.minimum(np.asarray(away, np.float32) * np.float32(abs(self.strength)), 1)
        if self.strength < 0:
            return Edit(pixels=photo.pixels + lost[:, :, None] * (1 - photo.pixels))
        left = cv2.pow(np.maximum(1 - lost, np.float32(0.01)), 1 / GAMMA)
        return Edit(pixels=photo.pixels * np.asarray(left, np.float32)[:, :, None])


def draw_exposure(rng: Rng, severity: float = 0.5) -> Expose:
    """Draw an exposure: up to 0.4 stops off at severity 0, 2 at severity 1; mostly flatter."""
    wrong = rng.normal(0, 0.2 + 0.8 * severity)
    flat = rng.random() < 0.7
    contrast = 1 - rng.uniform(0, 0.15 + 0.4 * severity) if flat else 1 + rng.uniform(0, 0.5)
    veil = rng.uniform(0, 0.04 + 0.16 * severity) if rng.random() < 0.5 else 0.0
    warm = np.array([1.0, rng.uniform(0.9, 1), rng.uniform(0.75, 1)])
    return Expose(
        stops=float(np.clip(wrong, -2.5, 2)),
        contrast=float(contrast),
        haze=float(veil),
        tone=tuple(float(c) for c in warm),
    )


def draw_vignette(rng: Rng, severity: float = 0.5) -> AddVignette:
    """Draw a vignette: mostly dark corners, at times a bleached edge; seldom quite centered."""
    depth = float(rng.uniform(0.1, 0.3 + 0.5 * severity))
    return AddVignette(
        strength=depth if rng.random() < 0.8 else -0.7 * depth,
        power=float(rng.uniform(1.5, 4)),
        center=tuple(float(c) for c in rng.normal(0.5, 0.06, 2)),
    )
