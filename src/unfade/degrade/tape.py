"""Adhesive tape: yellowed, glossy, with straight sides and torn ends."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import cv2
import numpy as np

from ..darkroom import Darkroom
from ..photo import Damage, Edit, Origin, Photo
from ..recipe import Finding
from ..settings import check_settings, setting
from . import paths
from .damage import covered, on_edge, opacity_map, stained, take_up
from .paths import Field
from .shapes import Rng, fill


@dataclasses.dataclass(frozen=True)
class AddTape:
    """Strips of tape: the photo shows through them yellowed, dull and with a sheen.

    Dirt gathers in the glue along the sides; the glue has bubbles and streaks along the strip.
    """

    name: ClassVar[str] = "tape"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    count: int = setting(1, "number of strips", low=0, high=100)
    width_px: float = setting(60.0, "width of a strip", low=3, high=10_000, unit="px")
    length: float = setting(3.0, "median length over the width", low=0.2, high=100)
    opacity: float = setting(0.7, "strength of the yellow", low=0, high=1)
    gloss: float = setting(0.12, "brightness of the sheen", low=0, high=1)
    dirt: float = setting(0.5, "opacity of the dirt along the sides", low=0, high=1)
    tone: tuple[float, ...] = setting(
        (0.86, 0.72, 0.42), "what white turns into at full strength", low=0, high=1
    )
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.count > 0, f"{self.count} strips of tape")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        strips, sides = (np.zeros(photo.size, np.uint8) for _ in range(2))
        sheen = np.zeros(photo.size, np.float32)
        for _ in range(self.count):
            center = on_edge(rng, photo.size)
            center = rng.uniform((0, 0), photo.size[::-1]) if rng.random() < 0.3 else center
            angle = float(rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)]) + rng.normal(0, 0.06))
            outline = self._strip(rng, center, angle)
            fill(strips, outline, int(rng.uniform(180, 255)))
            cv2.polylines(sides, [np.rint(outline).astype(np.int32)], True, 255, 1, cv2.LINE_AA)
            sheen = np.maximum(sheen, self._streaks(rng, photo.size, angle))
        film = opacity_map(strips, 0.6, 1.0)
        glue = 1 + np.float32(0.15) * paths.rough_field(rng, photo.size, self.width_px / 3, 4)
        bubbles = paths.rough_field(rng, photo.size, self.width_px / 4, 3) > 1.9
        strength = film * glue * np.float32(self.opacity) * (1 - np.float32(0.5) * bubbles)
        pixels = stained(photo.pixels, np.maximum(strength, 0), self.tone)
        soiled = opacity_map(sides, 0.7, self.dirt) * np.clip(0.4 + 0.6 * glue, 0, 1)
        pixels = covered(
            pixels,
            (film * sheen * np.float32(self.gloss), (1.0, 0.99, 0.95)),
            (soiled.astype(np.float32), (0.3, 0.22, 0.12)),
        )
        return take_up(photo, Damage.STAIN, pixels)

    def _strip(self, rng: Rng, center: paths.Points, angle: float) -> paths.Points:
        """Outline of a strip: two straight sides, ends cut by the teeth of a dispenser or torn."""
        half = self.width_px / 2
        reach = half * self.length * float(rng.lognormal(0, 0.3))
        teeth = int(np.clip(self.width_px / 4, 4, 40))
        across = np.linspace(-half, half, teeth)
        zigzag = 0.04 * self.width_px * (np.arange(teeth) % 2)
        ends = [zigzag + 0.1 * self.width_px * paths.bridge(rng, teeth) for _ in range(2)]
        right = np.stack([reach + ends[0], across], axis=1)
        left = np.stack([-reach - ends[1], across], axis=1)[::-1]
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        return np.asarray(np.concatenate([right, left]) @ turn + center)

    def _streaks(self, rng: Rng, size: tuple[int, int], angle: float) -> Field:
        """The sheen, 0 to 1: it changes across the strip and little along it."""
        y, x = (np.arange(n, dtype=np.float32) for n in size)
        across = y[:, None] * np.float32(np.cos(angle)) - x[None, :] * np.float32(np.sin(angle))
        profile = rng.random(64).astype(np.float32)
        fine = cv2.GaussianBlur(profile[None, :], (0, 0), 1.0)[0]
        place = (across * np.float32(8 / self.width_px)) % np.float32(63)
        mixed = np.interp(place, np.arange(64), fine) if size[0] * size[1] < 1 << 16 else None
        if mixed is None:
            mixed = fine[place.astype(np.uint8)]
        return np.asarray(mixed, np.float32)


def draw_tape(rng: Rng, size: tuple[int, int], severity: float, um_per_px: float) -> AddTape:
    """Draw tape: 12 or 19 mm wide where that fits the picture; new ones are clear, old ones brown.

    Args:
        size: (height, width) in pixels.
        severity: 0 to 1.
        um_per_px: Size of a pixel on the print in micrometres.
    """
    aged = float(rng.uniform(0, 1))
    color = np.array([0.95, 0.9, 0.75]) * (1 - aged) + np.array([0.72, 0.5, 0.22]) * aged
    width_px = float(rng.choice((12_000, 19_000))) / um_per_px
    return AddTape(
        count=1 + int(rng.poisson(0.3 + 0.5 * severity)),
        width_px=float(np.clip(width_px, 8, max(8, min(10_000, 0.3 * max(size))))),
        length=float(rng.uniform(1, 5)),
        opacity=float(rng.uniform(0.4, 1)),
        gloss=float(rng.uniform(0, 0.25)),
        dirt=float(rng.uniform(0, 0.8)),
        tone=tuple(float(c) for c in np.clip(color + rng.normal(0, 0.03, 3), 0, 1)),
        seed=int(rng.integers(2**62)),
    )
