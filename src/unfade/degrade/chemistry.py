"""What chemistry and mold leave on film: drying marks, streaks of development, fungus."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import cv2
import numpy as np

from ..darkroom import Darkroom
from ..photo import Damage, Edit, Origin, Photo
from ..recipe import Finding
from ..settings import check_settings, setting
from . import paths, shapes
from .damage import scattered, stained, take_up
from .paths import Field
from .shapes import Canvas, Rng

MARKS = ("drops", "streaks", "fungus")


@dataclasses.dataclass(frozen=True)
class AddChemistry:
    """Chemical stains of film.

    `drops` are drying marks: rings of lime with a faint middle. `streaks` are bands of uneven
    development along the film. `fungus` grows in branching threads from a point and eats the
    gelatine around it. A tone below 1 darkens; above 1 it lightens, where density was lost.
    """

    name: ClassVar[str] = "chemistry"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    mark: str = setting("drops", "what was left", choices=MARKS)
    count: int = setting(5, "number of marks", low=0, high=10_000)
    size_px: float = setting(
        20.0, "median radius, or width of a streak", low=1, high=10_000, unit="px"
    )
    strength: float = setting(0.5, "strength of the strongest", low=0, high=1)
    upright: bool = setting(False, "the film runs up and down; else across")
    tone: tuple[float, ...] = setting(
        (0.6, 0.6, 0.62), "what mid tones are multiplied by at full strength", low=0.05, high=3
    )
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.count > 0, f"{self.count} x {self.mark}")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        draw = {"drops": self._drops, "streaks": self._streaks, "fungus": self._fungus}[self.mark]
        strength = draw(photo.size, rng) * np.float32(self.strength)
        pixels = np.clip(stained(photo.pixels, strength, self.tone), 0, 1)
        return take_up(photo, Damage.STAIN, pixels)

    def _drops(self, size: tuple[int, int], rng: Rng) -> Field:
        rings, inside = (np.zeros(size, np.uint8) for _ in range(2))
        for center in scattered(rng, size, self.count, 0.7):
            outline = shapes.blob_outline(rng, self.size_px * float(rng.lognormal(0, 0.5)), 0.1)
            deep = float(rng.uniform(0.3, 1))
            shapes.fill(inside, outline + center, int(90 * deep))
            points = [shapes.fixed(outline + center)]
            thick = max(1, round(0.05 * self.size_px))
            cv2.polylines(rings, points, True, int(255 * deep), thick, cv2.LINE_AA, 4)
        soft = cv2.GaussianBlur(rings, (0, 0), max(0.5, 0.03 * self.size_px)).astype(np.float32)
        mottle = 1 + np.float32(0.4) * paths.rough_field(rng, size, self.size_px, 4)
        middle = cv2.GaussianBlur(inside, (0, 0), 0.7).astype(np.float32) * mottle
        return np.asarray(np.maximum(soft + np.float32(0.6) * middle, 0) / 255, np.float32)

    def _streaks(self, size: tuple[int, int], rng: Rng) -> Field:
        height, width = size if self.upright else size[::-1]
        profile = np.zeros(width, np.float32)
        x = np.arange(width, dtype=np.float32)
        for _ in range(self.count):
            wide = self.size_px * float(rng.lognormal(0, 0.4))
            away = (x - np.float32(rng.uniform(0, width))) / np.float32(wide)
            profile += np.exp(-(away**2)) * np.float32(rng.uniform(0.3, 1))
        along = paths.rough_field(rng, (height, 1), 0.7 * height, 2)
        field = np.minimum(profile, 1)[None, :] * np.clip(0.7 + 0.4 * along, 0, 1.2)
        return np.asarray(field if self.upright else field.T, np.float32, order="C")

    def _fungus(self, size: tuple[int, int], rng: Rng) -> Field:
        threads = np.zeros(size, np.uint8)
        for center in scattered(rng, size, self.count, 0.8):
            radius = self.size_px * float(rng.lognormal(0, 0.5))
            for arm in range(int(rng.integers(5, 12))):
                self._thread(threads, rng, center, arm * 0.9 + rng.normal(0, 0.4), radius, 3)
        fine = cv2.GaussianBlur(threads, (0, 0), 0.5).astype(np.float32)
        eaten = cv2.GaussianBlur(threads, (0, 0), max(1.0, 0.2 * self.size_px)).astype(np.float32)
        return np.asarray((fine + np.float32(0.8) * eaten) / 255, np.float32)

    def _thread(
        self, canvas: Canvas, rng: Rng, start: paths.Points, angle: float, length: float, left: int
    ) -> None:
        way = np.array([np.cos(angle), np.sin(angle)]) * length * rng.uniform(0.4, 1)
        path = paths.ragged_path(rng, start, start + way, 0.1, 0.2, 2.5)
        width = max(0.4, 0.03 * self.size_px * left)
        paths.draw_line(canvas, path, width, float(rng.uniform(0.4, 1)))
        for _ in range(int(rng.integers(1, 4)) if left > 1 else 0):
            fork = path[int(rng.integers(len(path)))]
            self._thread(canvas, rng, fork, angle + rng.normal(0, 0.6), 0.55 * length, left - 1)


def draw_chemistry(
    rng: Rng, size: tuple[int, int], severity: float, um_per_px: float
) -> AddChemistry:
    """Draw a chemical stain of film; marks of 0.1 to 2 mm, seen on a part of a frame."""
    mark = str(rng.choice(MARKS, p=(0.45, 0.3, 0.25)))
    median_um = {"drops": 500, "streaks": 400, "fungus": 500}[mark]
    most = max(3.0, min(10_000.0, 0.3 * max(size)))
    size_px = float(np.clip(rng.lognormal(np.log(median_um), 0.6) / um_per_px, 3, most))
    light = rng.random() < 0.4
    base = rng.uniform(1.2, 1.7) if light else rng.uniform(0.45, 0.8)
    return AddChemistry(
        mark=mark,
        count=1 + int(rng.poisson((1 + 4 * severity) * (1.5 if mark == "drops" else 0.6))),
        size_px=size_px,
        strength=float(rng.uniform(0.2, 0.5 + 0.5 * severity)),
        upright=bool(rng.random() < 0.4),
        tone=tuple(float(c) for c in np.clip(base * (1 + rng.normal(0, 0.04, 3)), 0.1, 3)),
        seed=int(rng.integers(2**62)),
    )
