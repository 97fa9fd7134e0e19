"""What all damage shares: it is laid over a photo, and the mask takes up what became visible.

Each stage of damage is drawn first (its settings and a seed) and applied after; the same settings
give the same damage. `Photo.damage` takes up what is visible: 1 where a channel changed by
10/255 or more, and proportionally less for fainter traces.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..photo import Damage, Edit, Mask, Photo, Pixels
from ..recipe import Recipe
from . import shapes

VISIBLE = np.float32(10 / 255)
"""A change of this much in some channel counts as damage."""

DAMAGE = (
    "particles",
    "patches",
    "lines",
    "gate",
    "leaks",
    "chemistry",
    "stains",
    "foxing",
    "silver",
    "fingerprints",
    "abrasion",
    "scratches",
    "flaking",
    "creases",
    "tears",
    "tape",
)
"""Names of the stages that damage: what restoring takes away. They fill `Photo.damage`."""

VEILS = ("leaks", "chemistry", "stains", "foxing", "silver", "fingerprints", "tape")
"""Names of those the photo shows through: wide, and not to be filled like a hole."""


Layer = tuple[NDArray[np.float32], tuple[float, ...]]
"""Opacity (H, W) float32 in [0, 1], and the color in [0, 1], red, green and blue."""


def spared(aging: Recipe) -> Recipe:
    """The same aging without its artefacts; all else stays, for each stage has its own seed."""
    kept = tuple(stage for stage in aging if stage.name not in DAMAGE)
    return dataclasses.replace(aging, stages=kept)


def deposit(photo: Photo, kind: Damage | NDArray[np.uint8], *layers: Layer) -> Edit:
    """Lay colors over a photo and take up what became visible into its damage mask.

    Args:
        kind: What it is, for all pixels or for each: (H, W) uint8 of `Damage`. A pixel keeps the
            kind that changed it most visibly.
        layers: From the lowest to the uppermost; a grey photo takes the mean of the color.
    """
    return take_up(photo, kind, covered(photo.pixels, *layers))


def covered(pixels: Pixels, *layers: Layer) -> Pixels:
    """Lay colors over pixels, from the lowest layer to the uppermost."""
    # Plane by plane: NumPy takes three times as long over an axis of three.
    planes = list(cv2.split(pixels))
    for alpha, tone in layers:
        for number, level in enumerate(_color(tone, len(planes))):
            part = np.subtract(np.float32(level), planes[number])
            part *= alpha
            part += planes[number]
            planes[number] = part
    return _merged(planes)


def stained(pixels: Pixels, strength: NDArray[np.float32], tone: tuple[float, ...]) -> Pixels:
    """Let a transparent stain take light away: white turns into `tone` where its strength is 1.

    By Beer's law the logarithm of what is left falls with the strength (H, W), which may exceed
    1; black stays black, which is how a stain differs from a deposit.
    """
    planes = list(cv2.split(pixels))
    for number, level in enumerate(_color(tone, len(planes))):
        left = cv2.exp(strength * np.float32(np.log(max(level, 1e-3))))
        planes[number] = planes[number] * left
    return _merged(planes)


def take_up(photo: Photo, kind: Damage | NDArray[np.uint8], pixels: Pixels) -> Edit:
    """Give a photo new pixels and take up what visibly changed into its damage mask."""
    change = np.asarray(cv2.absdiff(pixels, photo.pixels)).reshape(pixels.shape)
    most = change[:, :, 0]
    for number in range(1, pixels.shape[2]):
        most = np.maximum(most, change[:, :, number])
    damage: Mask = np.minimum(most / VISIBLE, 1).astype(np.float32)
    before = np.zeros_like(damage) if photo.damage is None else photo.damage
    kinds = np.zeros(photo.size, np.uint8) if photo.kinds is None else photo.kinds
    # Both may have reached 1; then a stain, which the photo shows through, is what changed it less.
    newer = np.where(np.asarray(kind) == Damage.STAIN, damage > before, damage >= before)
    kinds = np.where(newer & (damage > 0), np.asarray(kind, np.uint8), kinds)
    return Edit(pixels=pixels, damage=np.maximum(damage, before), kinds=kinds)


def _color(tone: tuple[float, ...], channels: int) -> tuple[float, ...]:
    return tone if channels == 3 else (float(np.mean(tone)),)


def _merged(planes: list[Any]) -> Pixels:
    return np.asarray(cv2.merge(planes), np.float32).reshape(*planes[0].shape, len(planes))


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
