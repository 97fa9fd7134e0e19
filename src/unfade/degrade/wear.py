"""Wear of the surface: scratches, scuffs, rubbed edges, and emulsion that flakes off."""

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
from .damage import covered, deposit, on_edge, opacity_map, take_up
from .paths import Field
from .shapes import Canvas, Rng


@dataclasses.dataclass(frozen=True)
class AddScratches:
    """Scratches of a print's surface: single long ones, and sheaves of fine parallel ones.

    What slid over the surface may have turned on its way, or jumped and left a row of dots.
    """

    name: ClassVar[str] = "scratches"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    count: int = setting(3, "number of scratches or sheaves", low=0, high=1000)
    width_px: float = setting(1.0, "median width", low=0.2, high=32, unit="px")
    length_px: float = setting(80.0, "median length", low=2, high=20_000, unit="px")
    sheaf: float = setting(0.3, "share that comes in sheaves", low=0, high=1)
    bend: float = setting(0.25, "how far they turn, standard deviation", low=0, high=6, unit="rad")
    wander: float = setting(0.0, "how far they turn to and fro besides", low=0, high=6, unit="rad")
    skipping: float = setting(0.0, "share of the way on which they leave no trace", low=0, high=0.9)
    opacity: float = setting(0.7, "opacity of the deepest", low=0, high=1)
    tone: tuple[float, ...] = setting((0.92, 0.91, 0.88), "color of a scratch", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.count > 0, f"{self.count} scratches")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        canvas = np.zeros(photo.size, np.uint8)
        for _ in range(self.count):
            middle = rng.uniform((0, 0), photo.size[::-1])
            angle = rng.uniform(0, 2 * np.pi)
            length = self.length_px * float(rng.lognormal(0, 0.7))
            if rng.random() < self.sheaf:
                self._sheaf(canvas, rng, middle, angle, length)
            else:
                self._scratch(canvas, rng, middle, angle, length, 1.0)
        alpha = opacity_map(canvas, 0.35, self.opacity)
        return deposit(photo, Damage.SCRATCH, (alpha, self.tone))

    def _scratch(
        self,
        canvas: Canvas,
        rng: Rng,
        middle: paths.Points,
        angle: float,
        length: float,
        deep: float,
    ) -> None:
        """Draw one: bent, deepest in the middle, fading out here and there."""
        count = int(np.clip(length / 6, 6, 80))
        heading = angle + rng.normal(0, self.bend) * np.linspace(-0.5, 0.5, count)
        if self.wander > 0:
            heading += self.wander * paths.bridge(rng, count)
        steps = np.stack([np.cos(heading), np.sin(heading)], axis=1) * length / count
        path = middle + np.cumsum(steps, axis=0) - steps.sum(axis=0) / 2
        width = self.width_px * float(rng.lognormal(0, 0.35))
        depth = np.sin(np.linspace(0.3, np.pi - 0.2, count)) * (1.2 + paths.bridge(rng, count))
        for piece in range(0, count - 1, 4):
            pressed = float(np.clip(depth[piece] * deep, 0, 1))
            if pressed > 0.12:
                self._press(canvas, rng, path[piece : piece + 5], width, pressed)

    def _press(
        self, canvas: Canvas, rng: Rng, path: paths.Points, width: float, pressed: float
    ) -> None:
        """Draw a piece of a scratch; if it skips, as dots and dashes of uneven width."""
        if self.skipping == 0:
            paths.draw_line(canvas, path, width, pressed)
            return
        along = np.arange(len(path))
        steps = np.linspace(0, len(path) - 1, max(4, int(np.hypot(*np.ptp(path, axis=0)))))
        fine = np.stack([np.interp(steps, along, path[:, axis]) for axis in (0, 1)], axis=1)
        memory = max(2, round(2 * width))
        rough = np.convolve(rng.standard_normal(len(fine) + memory - 1), np.ones(memory), "valid")
        for run in paths.runs(rough > np.quantile(rough, self.skipping)):
            dash = fine[run.start : run.stop + 1]
            paths.draw_line(canvas, dash, width * float(rng.lognormal(0, 0.4)), pressed)

    def _sheaf(
        self, canvas: Canvas, rng: Rng, middle: paths.Points, angle: float, length: float
    ) -> None:
        across = np.array([-np.sin(angle), np.cos(angle)])
        along = np.array([np.cos(angle), np.sin(angle)])
        for _ in range(int(rng.integers(4, 16))):
            away = across * rng.normal(0, 0.12 * length) + along * rng.normal(0, 0.2 * length)
            turn = angle + rng.normal(0, 0.05)
            part = length * float(rng.uniform(0.2, 0.8))
            self._scratch(canvas, rng, middle + away, turn, part, float(rng.uniform(0.25, 0.8)))


@dataclasses.dataclass(frozen=True)
class AddAbrasion:
    """Rubbed places: the edges and corners of a print, and spots where it was handled.

    The emulsion is worn through in grains and fine strokes, most where the surface stands up.
    """

    name: ClassVar[str] = "abrasion"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    edges: float = setting(0.5, "wear of the edges", low=0, high=1)
    width_px: float = setting(
        6.0, "how far the wear of the edges reaches", low=0.5, high=1000, unit="px"
    )
    spots: int = setting(1, "number of rubbed places within", low=0, high=100)
    size_px: float = setting(50.0, "median radius of a rubbed place", low=2, high=10_000, unit="px")
    grain_px: float = setting(2.0, "size of the worn grains", low=0.5, high=100, unit="px")
    opacity: float = setting(0.8, "opacity of the most worn place", low=0, high=1)
    tone: tuple[float, ...] = setting((0.93, 0.91, 0.86), "color of the paper", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.edges + self.spots > 0, "rubbed surface")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        pressed = self._pressure(photo.size, rng)
        grain = paths.rough_field(rng, photo.size, 4 * self.grain_px, 4)
        # Rubbing goes one way: grains are drawn out along it.
        if rng.random() < 0.5:
            grain = cv2.blur(grain, (1 + 2 * round(2 * self.grain_px), 1)) * np.float32(1.6)
        worn = np.clip(
            (grain + np.float32(3.2) * pressed - np.float32(2.9)) * np.float32(2.2), 0, 1
        )
        worn *= np.float32(self.opacity)
        return deposit(photo, Damage.SCRATCH, (worn, self.tone))

    def _pressure(self, size: tuple[int, int], rng: Rng) -> Field:
        """How much each place was rubbed: 0 to 1 at the edges, and in the spots."""
        height, width = size
        pressed = np.zeros(size, np.float32)
        if self.edges > 0:
            x, y = (np.arange(n, dtype=np.float32) for n in (width, height))
            away = np.minimum(
                np.minimum(x, width - 1 - x)[None, :], np.minimum(y, height - 1 - y)[:, None]
            )
            uneven = 1 + np.float32(0.6) * paths.rough_field(rng, size, 12 * self.width_px, 3)
            cv2.exp(away / np.float32(-self.width_px), pressed)
            pressed *= np.maximum(uneven, 0) * np.float32(self.edges)
        for _ in range(self.spots):
            center = (
                rng.uniform((0, 0), (width, height)) if rng.random() < 0.6 else on_edge(rng, size)
            )
            radius = self.size_px * float(rng.lognormal(0, 0.4))
            spot = np.zeros(size, np.uint8)
            axes = (max(1, int(radius * rng.uniform(0.3, 1))), max(1, int(radius)))
            middle = (int(center[0]), int(center[1]))
            cv2.ellipse(spot, middle, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
            soft = cv2.GaussianBlur(spot, (0, 0), max(1.0, 0.35 * radius)).astype(np.float32)
            pressed += soft * np.float32(rng.uniform(0.4, 0.95) / 255)
        return np.minimum(pressed, 1.2)


@dataclasses.dataclass(frozen=True)
class AddFlaking:
    """Emulsion lost in flakes: islands of bare base with sharp edges, in clusters.

    On a print the paper shows; on a negative the clear base, which prints black when inverted; on
    a slide it is white. What is left stands above and throws a fine shadow.
    """

    name: ClassVar[str] = "flaking"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    share: float = setting(0.01, "share of the area that is lost", low=0, high=0.9)
    size_px: float = setting(12.0, "size of the islands", low=2, high=10_000, unit="px")
    clustering: float = setting(0.7, "0 spreads evenly, 1 gathers in few places", low=0, high=1)
    cracks: float = setting(0.5, "opacity of the cracks between the flakes", low=0, high=1)
    shadow: float = setting(0.3, "darkness of the shadow at the edges", low=0, high=1)
    tone: tuple[float, ...] = setting((0.93, 0.91, 0.86), "color of the base", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.share > 0, f"{self.share:.1%} of the emulsion lost")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        if self.share == 0:
            return Edit(notes={"evidence": "no emulsion lost"})
        rng = np.random.default_rng(self.seed)
        ground = paths.rough_field(rng, photo.size, self.size_px, 4)
        if self.clustering > 0:
            wide = paths.rough_field(rng, photo.size, 8 * self.size_px, 2)
            ground += np.float32(2 * self.clustering) * wide
        level = float(np.quantile(ground[::4, ::4], 1 - self.share))
        lost = np.clip((ground - np.float32(level)) * np.float32(0.5 * self.size_px), 0, 1)
        # Around the islands the emulsion is cracked but still there.
        near = np.clip(1 - np.abs(ground - np.float32(level - 0.45)) / np.float32(0.5), 0, 1)
        net = np.abs(paths.rough_field(rng, photo.size, 0.8 * self.size_px, 3))
        cracks = np.clip(1 - net * np.float32(0.35 * self.size_px), 0, 1) * near
        raised = np.maximum(paths.shifted(lost, 1.0, 1.0) - lost, 0)
        pixels = covered(
            photo.pixels,
            (raised * np.float32(self.shadow), (0.02, 0.02, 0.02)),
            (cracks * np.float32(self.cracks), self.tone),
            (lost, self.tone),
        )
        return take_up(photo, Damage.LOSS, pixels)


def draw_scratches(
    rng: Rng, size: tuple[int, int], severity: float, um_per_px: float, paper: tuple[float, ...]
) -> AddScratches:
    """Draw the scratches of a print: white down to the paper, or dark where dirt filled them."""
    dark = rng.random() < 0.2
    return AddScratches(
        count=1 + int(rng.poisson(1 + 5 * severity)),
        width_px=float(np.clip(rng.lognormal(np.log(70), 0.45) / um_per_px, 0.5, 12)),
        length_px=min(20_000.0, float(max(size) * np.exp(rng.uniform(*np.log((0.05, 0.5))))) + 2),
        sheaf=float(rng.uniform(0, 0.7)),
        opacity=float(rng.uniform(0.4, 1)),
        tone=(0.12, 0.11, 0.1) if dark else paper,
        seed=int(rng.integers(2**62)),
    )


def draw_abrasion(
    rng: Rng, size: tuple[int, int], severity: float, um_per_px: float, paper: tuple[float, ...]
) -> AddAbrasion:
    """Draw how a print was rubbed: mostly its edges and corners."""
    return AddAbrasion(
        edges=float(rng.uniform(0.2, 1)) if rng.random() < 0.7 else 0.0,
        width_px=float(np.clip(rng.lognormal(np.log(600), 0.6) / um_per_px, 1.5, 200)),
        spots=int(rng.poisson(0.4 + severity)),
        size_px=min(10_000.0, float(max(size) * np.exp(rng.uniform(*np.log((0.03, 0.15))))) + 2),
        grain_px=float(np.clip(rng.lognormal(np.log(120), 0.4) / um_per_px, 0.6, 12)),
        opacity=float(rng.uniform(0.4, 1)),
        tone=paper,
        seed=int(rng.integers(2**62)),
    )


def draw_flaking(
    rng: Rng, size: tuple[int, int], severity: float, um_per_px: float, base: tuple[float, ...]
) -> AddFlaking:
    """Draw lost emulsion: up to a hundredth of the area, a tenth where it is bad."""
    return AddFlaking(
        share=float(np.exp(rng.uniform(*np.log((0.0005, 0.004 + 0.04 * severity))))),
        size_px=float(np.clip(rng.lognormal(np.log(900), 0.5) / um_per_px, 4, 300)),
        clustering=float(rng.uniform(0.3, 1)),
        cracks=float(rng.uniform(0, 0.8)),
        shadow=float(rng.uniform(0, 0.4)),
        tone=base,
        seed=int(rng.integers(2**62)),
    )
