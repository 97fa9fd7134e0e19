"""Damage by stages: line scratches, stains, creases, tears and holes.

Each stage is drawn first (its settings and a seed) and applied after; the same settings give the
same damage. `Photo.damage` takes up what is visible: 1 where a channel changed by 10/255 or more,
and proportionally less for fainter traces.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..photo import Damage, Edit, Mask, Origin, Photo
from ..recipe import Finding
from ..settings import check_settings, setting
from . import shapes

VISIBLE = np.float32(10 / 255)
"""A change of this much in some channel counts as damage."""

DAMAGE = ("particles", "patches", "lines", "stains", "creases", "tears")
"""Names of the stages that damage: they fill `Photo.damage`."""


def deposit(
    photo: Photo,
    kind: Damage | NDArray[np.uint8],
    *layers: tuple[NDArray[np.float32], tuple[float, ...]],
) -> Edit:
    """Lay colors over a photo and take up what became visible into its damage mask.

    Args:
        kind: What it is, for all pixels or for each: (H, W) uint8 of `Damage`. A pixel keeps the
            kind that changed it most visibly.
        layers: From the lowest to the uppermost: opacity (H, W) float32 in [0, 1], and the color
            in [0, 1], red, green and blue; a grey photo takes its mean.
    """
    pixels = photo.pixels
    for alpha, tone in layers:
        color = tone if pixels.shape[2] == 3 else (float(np.mean(tone)),)
        pixels = pixels + alpha[:, :, None] * (np.asarray(color, np.float32) - pixels)
    change = cv2.split(cv2.absdiff(pixels, photo.pixels))
    visible = functools.reduce(np.maximum, change) / VISIBLE
    damage: Mask = np.minimum(visible, 1).astype(np.float32)
    before = np.zeros_like(damage) if photo.damage is None else photo.damage
    kinds = np.zeros(photo.size, np.uint8) if photo.kinds is None else photo.kinds
    kinds = np.where((damage >= before) & (damage > 0), np.asarray(kind, np.uint8), kinds)
    return Edit(pixels=pixels, damage=np.maximum(damage, before), kinds=kinds)


@dataclasses.dataclass(frozen=True)
class AddLineScratches:
    """Scratches along the film's way through a projector: straight lines across the frame."""

    name: ClassVar[str] = "lines"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    count: int = setting(3, "number of lines", low=0, high=1000)
    width_px: float = setting(1.0, "median width", low=0.2, high=32, unit="px")
    upright: bool = setting(True, "lines run up and down, as in cinema film; else across")
    opacity: float = setting(0.8, "opacity of the densest line", low=0, high=1)
    tone: tuple[float, ...] = setting((0.9, 0.9, 0.9), "color of the lines", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.count > 0, f"{self.count} line scratches")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        height, width = photo.size if self.upright else photo.size[::-1]
        alpha = np.zeros((height, width), np.float32)
        for _ in range(self.count):
            self._line(alpha, rng)
        alpha = alpha if self.upright else np.ascontiguousarray(alpha.T)
        return deposit(photo, Damage.SCRATCH, (alpha, self.tone))

    def _line(self, alpha: NDArray[np.float32], rng: np.random.Generator) -> None:
        height, width = alpha.shape
        line_px = self.width_px * float(rng.lognormal(0, 0.4))
        top = int(rng.uniform(0, 0.4) * height) if rng.random() < 0.5 else 0
        stop = int(rng.uniform(0.5, 1) * height) if rng.random() < 0.5 else height
        along = cv2.resize(
            rng.random((max(2, int(rng.integers(3, 12))), 1), dtype=np.float32),
            (1, height),
            interpolation=cv2.INTER_CUBIC,
        )[:, 0]
        along = np.clip(along * 1.3, 0.25, 1)
        along[:top] = 0
        along[stop:] = 0
        lean = np.linspace(0, rng.normal(0, 0.004) * height, height)
        x = rng.uniform(0, width) + lean + rng.normal(0, 0.15, height)
        columns = np.arange(int(x.min() - line_px - 2), int(x.max() + line_px + 3))
        columns = columns[(columns >= 0) & (columns < width)]
        distance = np.abs(columns[None, :] - x[:, None])
        profile = np.clip(line_px / 2 + 0.5 - distance, 0, min(1.0, line_px))
        opacity = self.opacity * rng.uniform(0.4, 1)
        line = (profile * along[:, None] * opacity).astype(np.float32)
        if columns.size:
            part = alpha[:, columns[0] : columns[-1] + 1]
            np.maximum(part, line, out=part)


@dataclasses.dataclass(frozen=True)
class AddStains:
    """Large soft discolorations with a darker rim, as water and chemicals leave."""

    name: ClassVar[str] = "stains"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    count: int = setting(1, "number of stains", low=0, high=1000)
    size_px: float = setting(60.0, "median radius", low=2, high=10_000, unit="px")
    opacity: float = setting(0.3, "opacity inside", low=0, high=1)
    rim: float = setting(0.5, "how much denser the rim is", low=0, high=1)
    tone: tuple[float, ...] = setting((0.35, 0.25, 0.12), "color of the stain", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.count > 0, f"{self.count} stains")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        canvas = np.zeros(photo.size, np.uint8)
        for center in scattered(rng, photo.size, self.count, 0.0):
            shapes.draw_blob(canvas, rng, center, self.size_px * float(rng.lognormal(0, 0.4)), 0.3)
        soft = cv2.GaussianBlur(canvas, (0, 0), max(0.6, self.size_px * 0.03)).astype(np.float32)
        wide = cv2.GaussianBlur(canvas, (0, 0), max(1.2, self.size_px * 0.1)).astype(np.float32)
        rim = np.clip((soft - wide) / 128, 0, 1) * self.rim
        mottle = 0.6 + 0.4 * shapes.smooth_field(rng, photo.size, 8)
        alpha = np.clip((soft / 255 * mottle + rim) * self.opacity, 0, 1).astype(np.float32)
        return deposit(photo, Damage.STAIN, (alpha, self.tone))


@dataclasses.dataclass(frozen=True)
class AddCreases:
    """Folds of a print: the emulsion cracks along a jagged white line, shaded on one side."""

    name: ClassVar[str] = "creases"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    count: int = setting(1, "number of creases", low=0, high=1000)
    width_px: float = setting(2.0, "mean width of the crack", low=0.3, high=100, unit="px")
    length: float = setting(0.6, "length over the longer side", low=0.01, high=2)
    shading: float = setting(0.12, "darkness of the shadow beside it", low=0, high=1)
    opacity: float = setting(0.9, "opacity of the crack", low=0, high=1)
    tone: tuple[float, ...] = setting((0.93, 0.91, 0.86), "color of the paper", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.count > 0, f"{self.count} creases")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        crack = np.zeros(photo.size, np.uint8)
        shade = np.zeros(photo.size, np.uint8)
        for _ in range(self.count):
            self._fold(crack, shade, rng)
        broken = shapes.smooth_field(rng, photo.size, max(4, max(photo.size) // 24))
        alpha = opacity_map(crack, 0.5, self.opacity) * np.clip(broken * np.float32(2.2), 0, 1)
        shadow = cv2.GaussianBlur(shade, (0, 0), max(1.0, self.width_px)).astype(
            np.float32
        ) / np.float32(255)
        shaded = shadow * np.float32(self.shading)
        return deposit(photo, Damage.CREASE, (shaded, (0.0, 0.0, 0.0)), (alpha, self.tone))

    def _fold(self, crack: shapes.Canvas, shade: shapes.Canvas, rng: np.random.Generator) -> None:
        height, width = crack.shape
        middle = rng.uniform((0, 0), (width, height))
        angle = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)]) + rng.normal(0, 0.08)
        reach = self.length * max(height, width) / 2 * rng.uniform(0.6, 1.2)
        half = reach * np.array([np.cos(angle), np.sin(angle)])
        ends = np.stack([middle - half, middle + half])
        path = shapes.draw_jagged_line(crack, rng, ends, self.width_px, self.width_px * 0.8)
        side = np.array([-np.sin(angle), np.cos(angle)]) * self.width_px * rng.choice([-1.5, 1.5])
        points = np.rint(path + side).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(shade, [points], False, 255, max(1, round(self.width_px * 2)))


@dataclasses.dataclass(frozen=True)
class AddTears:
    """Tears from the edge inwards and lost pieces (corners, edges, holes) that show the paper."""

    name: ClassVar[str] = "tears"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    tears: int = setting(1, "number of tears", low=0, high=100)
    holes: int = setting(0, "number of lost pieces", low=0, high=100)
    width_px: float = setting(3.0, "mean width of a tear", low=0.5, high=200, unit="px")
    hole_px: float = setting(20.0, "median radius of a lost piece", low=1, high=4000, unit="px")
    tone: tuple[float, ...] = setting((0.93, 0.91, 0.86), "color of the paper", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.tears + self.holes > 0, f"{self.tears} tears, {self.holes} holes")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        height, width = photo.size
        canvas = np.zeros(photo.size, np.uint8)
        for _ in range(self.tears):
            start = on_edge(rng, photo.size)
            inward = np.array([width, height]) * rng.uniform(0.2, 0.8, 2) - start
            ends = np.stack([start, start + inward * rng.uniform(0.2, 0.9)])
            shapes.draw_jagged_line(canvas, rng, ends, self.width_px, self.width_px * 2)
        lost = np.zeros(photo.size, np.uint8)
        for _ in range(self.holes):
            free = rng.uniform((0, 0), (width, height))
            center = free if rng.random() < 0.4 else on_edge(rng, photo.size)
            shapes.draw_blob(lost, rng, center, self.hole_px * float(rng.lognormal(0, 0.5)), 0.35)
        alpha = opacity_map(np.maximum(canvas, lost), 0.5, 1.0)
        kind = np.where(lost > 0, Damage.LOSS, Damage.CREASE).astype(np.uint8)
        paper = 0.94 + 0.06 * shapes.smooth_field(rng, photo.size, 16)
        return deposit(photo, kind, (alpha * paper, self.tone))


def opacity_map(canvas: shapes.Canvas, softness_px: float, opacity: float) -> NDArray[np.float32]:
    """Turn a canvas into opacities in [0, 1], blurred, the densest place being `opacity`."""
    soft = cv2.GaussianBlur(canvas, (0, 0), softness_px) if softness_px > 0.2 else canvas
    return soft.astype(np.float32) * np.float32(opacity / 255)


def scattered(
    rng: np.random.Generator, size: tuple[int, int], count: int, clustering: float
) -> NDArray[np.float64]:
    """Draw (count, 2) places, x and y in pixels, whose density follows a smooth random field."""
    height, width = size
    places = rng.uniform((0, 0), (width, height), (count, 2))
    if clustering == 0 or count == 0:
        return places
    density = shapes.smooth_field(rng, (64, 64), 3)
    for _ in range(4):
        cells = (places / (width, height) * 63.999).astype(int)
        sparse = rng.random(count) * clustering > density[cells[:, 1], cells[:, 0]]
        places[sparse] = rng.uniform((0, 0), (width, height), (int(sparse.sum()), 2))
    return places


def on_edge(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float64]:
    """Draw a place on the border of a picture, x and y in pixels."""
    place = rng.uniform(0, 1, 2)
    place[int(rng.integers(2))] = float(rng.integers(2))
    return np.asarray(place * (size[1], size[0]))
