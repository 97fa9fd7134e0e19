"""Handwriting: names, dates and numbers that someone wrote on a print or a plate."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from ..darkroom import Darkroom
from ..photo import Damage, Edit, Origin, Photo
from ..recipe import Finding
from ..settings import check_settings, setting
from . import paths
from .damage import deposit, opacity_map
from .shapes import Canvas, Rng


@dataclasses.dataclass(frozen=True)
class AddWriting:
    """Words that look handwritten and say nothing, in ink, pencil or scratched into a negative.

    It is part of the object: `Damage.ORIGINAL`, not to be removed unasked.
    """

    name: ClassVar[str] = "writing"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    words: int = setting(3, "number of words", low=0, high=200)
    height_px: float = setting(12.0, "height of a small letter", low=2, high=1000, unit="px")
    width_px: float = setting(1.5, "width of the pen", low=0.3, high=100, unit="px")
    slant: float = setting(0.4, "lean of the letters to the right", low=-1, high=1)
    opacity: float = setting(0.85, "opacity of the ink", low=0, high=1)
    tone: tuple[float, ...] = setting((0.1, 0.1, 0.25), "color of the ink", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.words > 0, f"{self.words} written words")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        canvas = np.zeros(photo.size, np.uint8)
        height, width = photo.size
        # Captions stand along the lower or upper edge; now and then anywhere.
        line = float(rng.choice([rng.uniform(0.86, 0.96), rng.uniform(0.06, 0.14), rng.random()]))
        pen = np.array([rng.uniform(0, 0.6) * width, line * height])
        lean = rng.normal(0, 0.03)
        for _ in range(self.words):
            end = self._word(canvas, rng, pen)
            pen = np.array([end + self.height_px * rng.uniform(0.8, 1.6), pen[1]])
            pen[1] += lean * self.height_px * 3
            if pen[0] > width:
                pen = np.array([rng.uniform(0, 0.3) * width, pen[1] + 2.6 * self.height_px])
        alpha = opacity_map(canvas, 0.4, self.opacity)
        return deposit(photo, Damage.ORIGINAL, (alpha, self.tone))

    def _word(self, canvas: Canvas, rng: Rng, start: paths.Points) -> float:
        """Write one word and tell where it ends, x in pixels.

        The pen goes up and down once or twice per letter while the hand moves on, as in
        Hollerbach, "An oscillation theory of handwriting", Biological Cybernetics 39, 1981
        (doi 10.1007/BF00336740): letters differ in how far it goes and how round it turns.
        """
        letters = int(rng.integers(2, 8))
        strokes = letters * 2
        steps = 10
        phase = np.linspace(0, np.pi * strokes, strokes * steps)
        tall = np.repeat(_heights(rng, strokes), steps)
        deep = np.repeat(np.where(rng.random(strokes) < 0.12, 0.9, 0.0), steps)
        tall, deep = (np.convolve(v, np.ones(steps) / steps, "same") for v in (tall, deep))
        y = -tall * (0.5 - 0.5 * np.cos(phase)) + deep * (0.5 + 0.5 * np.cos(phase))
        loops = np.repeat(rng.uniform(0.15, 0.6, strokes), steps)
        x = 0.19 * phase + loops * np.sin(phase + rng.uniform(0.2, 0.9)) - self.slant * y
        path = start + self.height_px * np.stack([x, y], axis=1)
        pressure = 0.75 + 0.25 * np.sin(phase + 0.5)
        for piece in range(0, len(path) - 1, steps // 2):
            part = slice(piece, piece + steps // 2 + 1)
            thick = self.width_px * float(0.7 + 0.6 * (np.gradient(y)[part].mean() > 0))
            paths.draw_line(canvas, path[part], thick, float(pressure[part].mean()))
        return float(path[:, 0].max())


def draw_writing(rng: Rng, size: tuple[int, int], um_per_px: float) -> AddWriting:
    """Draw writing: letters of 2 to 4 mm; black, blue or white ink, pencil, red pen."""
    inks = (
        (0.08, 0.08, 0.1),
        (0.12, 0.16, 0.42),
        (0.95, 0.95, 0.93),
        (0.35, 0.34, 0.34),
        (0.65, 0.14, 0.16),
    )
    ink = inks[int(rng.choice(5, p=(0.35, 0.25, 0.22, 0.13, 0.05)))]
    height_px = float(np.clip(rng.uniform(2000, 4000) / um_per_px, 4, 0.08 * max(size) + 4))
    return AddWriting(
        words=int(rng.integers(1, 6)),
        height_px=height_px,
        width_px=float(np.clip(height_px * rng.uniform(0.06, 0.16), 0.6, 40)),
        slant=float(rng.uniform(-0.1, 0.7)),
        opacity=float(rng.uniform(0.55, 1)),
        tone=tuple(float(c) for c in np.clip(np.array(ink) + rng.normal(0, 0.02, 3), 0, 1)),
        seed=int(rng.integers(2**62)),
    )


def _heights(rng: Rng, strokes: int) -> np.ndarray:
    """How high each stroke goes: most letters are small, the first one and some others tall."""
    heights = np.where(rng.random(strokes) < 0.18, rng.uniform(1.6, 2.2, strokes), 1.0)
    heights *= rng.normal(1, 0.1, strokes)
    heights[: 1 + int(rng.integers(2))] = rng.uniform(1.6, 2.3)
    return np.asarray(heights)
