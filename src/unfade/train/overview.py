"""Training of the network that sees the whole photo, small: of damage too large for a crop.

What fills a crop is a wall to a network that sees nothing else. Here each example is most of a
photo, squeezed. What only lies over the photo and lets it through is none of it: that is lifted
(`train/veils.py`), not filled.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ..color import in_color
from ..darkroom import Darkroom
from ..degrade.damage import VEILS
from ..photo import Photo
from ..pipeline import run
from ..recipe import Recipe
from .aging import CLEAN, NEITHER, damage_of, is_lone, often_large, with_few
from .crops import Draw, cut_most, relit, shrunk_to, squeezed, to_tensor
from .examples import DamageExamples
from .judged import JudgedPhoto
from .real import RealCrops
from .verify import Detector

CACHE_SIDE = 320
"""Longer side of what is kept of a photo: it is aged larger than it is seen, as photos are."""

OFTEN = 0.7
"""Share of examples that were damaged by something `aging.LARGE`."""

LEAST_SHARE = 1 / 400
"""Of the picture, below which a mark counts neither way: it is found close up."""

Plane = NDArray[np.float32]
Example = tuple[Plane, Plane, Plane]


class OverviewData(Dataset[tuple[Tensor, ...]]):
    """Small aged photos and what is damaged in them; the n-th is always the same for a seed.

    Args:
        photos: As `shrink` makes them, (H, W, 3) uint8.
        library, part: As of `degrade.draw_aging`.
        seed: Fixes every example.
    """

    def __init__(
        self,
        photos: Sequence[NDArray[np.uint8]],
        library: str = "",
        part: str = "train",
        seed: int = 0,
    ) -> None:
        self.photos, self.seed = photos, seed
        self.lives = DamageExamples(library, part)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, ...]:
        """Picture (3, S, S), visibility of the damage (1, S, S) and its kinds (1, S, S)."""
        rng = np.random.default_rng((self.seed, draw.number))
        crop = cut_most(draw.one_of(self.photos, rng), draw.side, rng)
        size = (crop.shape[0], crop.shape[1])
        aging = often_large(OFTEN, lambda: self.lives.draw(size, rng), rng)
        return _tensors(make_example(crop, aging, draw.side, rng))


def make_example(crop: Plane, aging: Recipe, side: int, rng: np.random.Generator) -> Example:
    """Age a crop (S, S, 3), and squeeze it, its damage and the kinds of that to a side."""
    if is_lone(aging, rng):
        aged = sound = with_few(crop, aging, rng)
    else:
        aged = sound = run(Photo(crop), aging, Darkroom())
        dry = dataclasses.replace(aging, stages=tuple(s for s in aging if s.name not in VEILS))
        if dry != aging:
            sound = run(Photo(crop), dry, Darkroom())
    damage, kinds = damage_of(sound)
    pixels = np.clip(in_color(aged.pixels), 0, 1)
    small = cv2.resize(kinds, (side, side), interpolation=cv2.INTER_NEAREST)
    damage = only_large(squeezed(damage, side))
    return squeezed(pixels, side), damage, np.asarray(small, np.float32)


def only_large(visible: Plane) -> Plane:
    """Visibility of damage (H, W) in which what is small is neither damaged nor clean."""
    marks = (visible > CLEAN).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(marks, connectivity=8)
    small = stats[:, cv2.CC_STAT_AREA] < LEAST_SHARE * visible.size
    small[0] = False
    return np.where(small[labels], np.float32(NEITHER), visible)


def _tensors(example: Example) -> tuple[Tensor, ...]:
    return tuple(to_tensor(plane) for plane in example)


class RealOverview(Dataset[tuple[Tensor, ...]]):
    """Real old photos, small, and what a person found damaged on them.

    Arguments as of `real.RealCrops`.
    """

    def __init__(self, photos: Sequence[JudgedPhoto], detector: Detector, seed: int = 0) -> None:
        self.real, self.seed = RealCrops(photos, detector, seed), seed
        self._kept: dict[int, NDArray[np.uint8]] = {}

    def __getitem__(self, draw: Draw) -> tuple[Tensor, ...]:
        """Picture (3, S, S), visibility of damage (1, S, S), and 0 for kinds: nobody told them."""
        rng = np.random.default_rng((self.seed, draw.number))
        planes = self._planes(int(rng.integers(len(self.real.photos))))
        crop = squeezed(cut_most(planes, draw.side, rng), draw.side)
        visible = only_large(crop[:, :, 3])
        return _tensors((relit(crop[:, :, :3], rng), visible, np.zeros_like(visible)))

    def _planes(self, place: int) -> NDArray[np.uint8]:
        """Pixels and what is damaged of a photo, (h, w, 4), as it is kept: 255 is damaged."""
        if place not in self._kept:
            visible = np.rint(self.real.visible(place) * 255).astype(np.uint8)
            self._kept[place] = shrink(np.dstack([self.real.photos[place].pixels, visible]))
        return self._kept[place]


def shrink(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is kept of a photo: at most `CACHE_SIDE` pixels on its longer side."""
    return shrunk_to(picture, CACHE_SIDE)
