"""Light that should not have been there: leaks of the camera back, fogged ends, burns."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import cv2
import numpy as np

from ..darkroom import Darkroom
from ..photo import Damage, Edit, Origin, Photo, Pixels
from ..recipe import Finding
from ..settings import check_settings, setting
from . import paths
from .damage import on_edge, take_up
from .paths import Field
from .shapes import Rng

SHAPES = ("flare", "band", "burn")


@dataclasses.dataclass(frozen=True)
class AddLightLeaks:
    """Fog: the film saw light beside the picture's own, so light is added, never taken away.

    `flare` is a soft cone from the edge, `band` a fogged strip across the frame, as at the end of
    a roll, `burn` a spot burnt out by heat: white within, with an orange rim. The outer parts of
    fog are the redder, because the red layer lies lowest and is fogged through the base first.
    """

    name: ClassVar[str] = "leaks"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    shape: str = setting("flare", "what the light looks like", choices=SHAPES)
    count: int = setting(1, "number of leaks", low=0, high=100)
    size: float = setting(0.25, "median reach over the longer side", low=0.01, high=2)
    strength: float = setting(0.7, "light added in the middle, 1 is white", low=0, high=2)
    tone: tuple[float, ...] = setting(
        (1.0, 0.45, 0.12), "color of the fringe; the middle is nearly white", low=0, high=1
    )
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.count > 0, f"{self.count} x {self.shape}")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        light = np.zeros(photo.size, np.float32)
        draw = {"flare": self._flare, "band": self._band, "burn": self._burn}[self.shape]
        for _ in range(self.count):
            np.maximum(light, draw(photo.size, rng), out=light)
        return take_up(photo, Damage.STAIN, self._exposed(photo.pixels, light))

    def _exposed(self, pixels: Pixels, light: Field) -> Pixels:
        """Add light: the fringe colored, the middle so much that all channels saturate."""
        tone = self.tone if pixels.shape[2] == 3 else (float(np.mean(self.tone)),)
        amount = light * np.float32(self.strength)
        planes = []
        for plane, level in zip(cv2.split(pixels), tone, strict=True):
            # A channel that is weak in the fringe comes in late, with the square of the light.
            seen = amount * (np.float32(level) + np.float32(1 - level) * amount * amount)
            # Screen: what was dark gains most, and white stays white.
            planes.append(1 - (1 - plane) * (1 - np.minimum(seen, 1)))
        return np.asarray(cv2.merge(planes), np.float32).reshape(pixels.shape)

    def _flare(self, size: tuple[int, int], rng: Rng) -> Field:
        center = on_edge(rng, size)
        reach = self.size * max(size) * float(rng.lognormal(0, 0.4))
        x, y = _turned(size, center, rng.uniform(0, np.pi))
        stretch = rng.uniform(1.2, 4)
        away = cv2.magnitude(x / np.float32(reach), y / np.float32(reach / stretch))
        ragged = away + np.float32(0.08) * paths.rough_field(rng, size, reach, 3)
        return np.asarray(cv2.exp(np.float32(-1.6) * ragged * ragged), np.float32)

    def _band(self, size: tuple[int, int], rng: Rng) -> Field:
        center = on_edge(rng, size)
        across = 0.0 if center[0] in (0, size[1]) else np.pi / 2
        x, _ = _turned(size, center, across + rng.normal(0, 0.06))
        reach = np.float32(self.size * max(size) * float(rng.lognormal(0, 0.4)))
        ragged = np.float32(0.12) * paths.rough_field(rng, size, float(2 * reach), 3)
        depth = np.clip(1 - np.abs(x) / reach + ragged, 0, 1)
        return np.asarray(depth * depth * (3 - 2 * depth), np.float32)

    def _burn(self, size: tuple[int, int], rng: Rng) -> Field:
        height, width = size
        center = rng.uniform((0, 0), (width, height)) if rng.random() < 0.5 else on_edge(rng, size)
        x, y = _turned(size, center, rng.uniform(0, np.pi))
        reach = 0.5 * self.size * max(size) * float(rng.lognormal(0, 0.4))
        away = cv2.magnitude(x / np.float32(reach), y / np.float32(reach * rng.uniform(0.6, 1)))
        ragged = away + np.float32(0.12) * paths.rough_field(rng, size, reach, 5)
        return np.asarray(np.clip((1 - ragged) * 2.2 + 0.3, 0, 1), np.float32)


def draw_leaks(rng: Rng, severity: float) -> AddLightLeaks:
    """Draw a light leak: mostly an orange flare from the edge; in color film also red or white."""
    tones = ((1.0, 0.45, 0.12), (1.0, 0.2, 0.08), (1.0, 0.75, 0.45), (0.95, 0.92, 0.85))
    tone = np.array(tones[int(rng.choice(4, p=(0.4, 0.25, 0.2, 0.15)))])
    shape = str(rng.choice(SHAPES, p=(0.6, 0.25, 0.15)))
    # What is burnt is burnt: its middle is white.
    least = 0.9 if shape == "burn" else 0.3
    return AddLightLeaks(
        shape=shape,
        count=1 + int(rng.random() < 0.3),
        size=float(np.exp(rng.uniform(*np.log((0.08, 0.1 + 0.6 * severity))))),
        strength=float(rng.uniform(least, least + 0.4 + 0.6 * severity)),
        tone=tuple(float(c) for c in np.clip(tone + rng.normal(0, 0.04, 3), 0, 1)),
        seed=int(rng.integers(2**62)),
    )


def _turned(size: tuple[int, int], center: paths.Points, angle: float) -> tuple[Field, Field]:
    """Coordinates (H, W) in pixels around a center, turned by an angle."""
    x = (np.arange(size[1], dtype=np.float32) - np.float32(center[0]))[None, :]
    y = (np.arange(size[0], dtype=np.float32) - np.float32(center[1]))[:, None]
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return x * cosine + y * sine, y * cosine - x * sine
