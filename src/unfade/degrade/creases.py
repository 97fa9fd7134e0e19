"""Creases and folds of a print: cracked, chipped and branching, bright on one side."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..photo import Damage, Edit, Origin, Photo
from ..recipe import Finding
from ..settings import check_settings, setting
from . import paths
from .damage import deposit
from .shapes import Canvas, Rng


@dataclasses.dataclass(frozen=True)
class AddCreases:
    """Folds of a print: the paper is bent for good, and the emulsion cracks along the line.

    One side of a fold catches the light and the other lies in the shade. The emulsion breaks in
    pieces of the way only; from the breaks hairline cracks branch off, and flakes fall out along
    them and show the paper.
    """

    name: ClassVar[str] = "creases"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    count: int = setting(1, "number of creases", low=0, high=1000)
    width_px: float = setting(2.0, "mean width of the crack", low=0.3, high=100, unit="px")
    length: float = setting(0.6, "length over the longer side", low=0.01, high=2)
    shading: float = setting(0.12, "darkness of the shadow beside it", low=0, high=1)
    highlight: float = setting(0.08, "brightness of the side towards the light", low=0, high=1)
    cracked: float = setting(0.7, "share of a crease along which it is cracked", low=0, high=1)
    branching: float = setting(0.4, "how many cracks branch off", low=0, high=1)
    flaking: float = setting(0.3, "how much emulsion falls out along it", low=0, high=1)
    opacity: float = setting(0.9, "opacity of the crack", low=0, high=1)
    tone: tuple[float, ...] = setting((0.93, 0.91, 0.86), "color of the paper", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.count > 0, f"{self.count} creases")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        crack, dark, light = (np.zeros(photo.size, np.uint8) for _ in range(3))
        for _ in range(self.count):
            self._fold(crack, dark, light, rng)
        bare = _soft(crack, 0.45, self.opacity)
        # What is left of the emulsion stands above the paper and throws a shadow into the crack.
        raised = paths.shifted(bare, 0.8, 0.8) - bare
        wide = max(1.0, 1.3 * self.width_px)
        return deposit(
            photo,
            Damage.CREASE,
            (_soft(dark, wide, self.shading), (0.0, 0.0, 0.0)),
            (_soft(light, wide, self.highlight), (1.0, 1.0, 1.0)),
            (np.maximum(raised, 0) * np.float32(0.35), (0.05, 0.04, 0.03)),
            (bare, self.tone),
        )

    def _fold(self, crack: Canvas, dark: Canvas, light: Canvas, rng: Rng) -> None:
        height, width = crack.shape
        middle = rng.uniform((0, 0), (width, height))
        angle = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)]) + rng.normal(0, 0.08)
        reach = self.length * max(height, width) / 2 * rng.uniform(0.6, 1.2)
        half = reach * np.array([np.cos(angle), np.sin(angle)])
        wander = 0.006 if rng.random() < 0.6 else 0.04
        path = paths.ragged_path(rng, middle - half, middle + half, wander, 0.22 * self.width_px)
        side = paths.normals(path) * self.width_px * rng.choice([-1.2, 1.2])
        for canvas, away in ((dark, side), (light, -side)):
            paths.draw_line(canvas, path + away, 2.2 * self.width_px)
        broken = np.convolve(rng.standard_normal(len(path) + 16), np.ones(17) / 4.1, "valid")
        level = np.quantile(broken, 1 - self.cracked) if self.cracked < 1 else broken.min()
        self._crack(crack, path, np.clip((broken - level) * 1.5, 0, 1.6), rng)

    def _crack(self, crack: Canvas, path: paths.Points, much: paths.Points, rng: Rng) -> None:
        """Open a crack along a path as wide as `much` says, with its branches and flakes."""
        for piece in paths.runs(much > 0):
            if piece.stop - piece.start < 3:
                continue
            count = piece.stop - piece.start
            uneven = np.exp(1.6 * paths.bridge(rng, count) + rng.normal(-0.3, 0.25, count))
            half = self.width_px / 2 * np.minimum(much[piece] * uneven, 2.5)
            other = half * rng.uniform(0.3, 1.2) * np.exp(paths.bridge(rng, count))
            paths.draw_band(crack, path[piece], half, other, 255)
        paths.draw_line(crack, path, 0.35 * self.width_px * self.cracked, 0.5 * self.cracked)
        self._branch(crack, path, much, rng)
        # Flakes fall out in a few places, next to each other.
        for _ in range(rng.poisson(self.flaking * len(path) * 0.05)):
            place = int(rng.integers(len(path)))
            if much[place] < 0.35:
                continue
            for _ in range(int(rng.integers(1, 5))):
                away = rng.normal(0, self.width_px, 2)
                radius = self.width_px * float(np.minimum(rng.lognormal(-0.5, 0.7), 4))
                paths.draw_chip(crack, rng, path[place] + away, radius)

    def _branch(self, crack: Canvas, path: paths.Points, much: paths.Points, rng: Rng) -> None:
        """Let hairline cracks leave a path sideways, and others leave those."""
        across = paths.normals(path)
        for _ in range(rng.poisson(self.branching * len(path) * 0.07)):
            place = int(rng.integers(len(path)))
            if much[place] == 0:
                continue
            along = np.array([across[place, 1], -across[place, 0]])
            turn = rng.normal(0, 0.9)
            way = across[place] * rng.choice([-1, 1]) + along * turn
            length = self.width_px * float(rng.lognormal(1.9, 0.6))
            start = path[place]
            for generation in range(int(rng.integers(1, 4))):
                stop = start + way / np.hypot(*way) * length
                twig = paths.ragged_path(rng, start, stop, 0.06, 0.25, 2.0)
                thin = max(0.35, self.width_px * 0.3 / (1 + generation))
                paths.draw_line(crack, twig, thin, float(rng.uniform(0.4, 0.9)))
                start, length = twig[len(twig) // 2], length * 0.6
                way = way + rng.normal(0, 0.8, 2)


def draw_creases(
    rng: Rng, size: tuple[int, int], severity: float, um_per_px: float, paper: tuple[float, ...]
) -> AddCreases:
    """Draw the creases of a print: many are only bent, few are broken along their whole length.

    Args:
        size: (height, width) in pixels.
        severity: 0 to 1.
        um_per_px: Size of a pixel on the print in micrometres.
        paper: Color of the bare paper, or of the dirt in old cracks.
    """
    bent_only = rng.random() < 0.25
    return AddCreases(
        count=1 + int(rng.poisson(0.4 + 1.6 * severity)),
        width_px=float(np.clip(rng.lognormal(np.log(110), 0.55) / um_per_px, 0.6, 40)),
        length=float(rng.uniform(0.15, 1.3)),
        shading=float(rng.uniform(0, 0.3)),
        highlight=float(rng.uniform(0, 0.2)),
        cracked=0.0 if bent_only else float(rng.uniform(0.3, 1)),
        branching=float(rng.uniform(0, 1)) ** 1.5,
        flaking=float(rng.uniform(0, 0.4 + 0.6 * severity)) ** 1.2,
        opacity=float(rng.uniform(0.6, 1)),
        tone=paper,
        seed=int(rng.integers(2**62)),
    )


def _soft(canvas: Canvas, softness_px: float, most: float) -> NDArray[np.float32]:
    blurred = cv2.GaussianBlur(canvas, (0, 0), softness_px)
    return np.asarray(blurred, np.float32) * np.float32(most / 255)
