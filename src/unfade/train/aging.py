"""What photos to learn from have been through: lives that `unfade age` knows, or parts of them."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..degrade import draw_aging
from ..degrade.damage import VEILS, spared
from ..photo import Photo
from ..pipeline import run
from ..recipe import Recipe

AGINGS = ("old-photo-mixed", "film-35mm", "slide", "print-bw", "print-color")
OFTEN = (0.4, 0.3, 0.1, 0.1, 0.1)

LONE, MOST_LONE = 0.5, 3
"""Share of damaged crops of which few marks are left, and how many at most.

A crop is aged as a whole photo is, so it holds the damage of a whole photo. On real ones most marks
lie alone, and a network that has seen them only in swarms takes a lone hair for a wire.
"""

FAINT = 0.1
"""Visibility from which pixels belong to a mark that is left."""


def draw_any_aging(
    rng: np.random.Generator, size: tuple[int, int], library: str = "", part: str = "all"
) -> Recipe:
    """Draw an aging of any of `AGINGS`, of any severity; arguments as of `degrade.draw_aging`."""
    preset = str(rng.choice(AGINGS, p=OFTEN))
    severity = float(rng.uniform(0.1, 0.9))
    return draw_aging(rng, preset, severity, size=size, library=library, part=part)


def is_lone(aging: Recipe, rng: np.random.Generator) -> bool:
    """Draw whether few marks shall be left of an aging; never where it does no damage."""
    return aging != spared(aging) and rng.random() < LONE


def with_few(crop: NDArray[np.float32], aging: Recipe, rng: np.random.Generator) -> Photo:
    """Age a crop, and leave one to `MOST_LONE` marks of all, rather large ones, and no veils."""
    dry = dataclasses.replace(aging, stages=tuple(s for s in aging if s.name not in VEILS))
    whole, aged = (run(Photo(crop), stages, Darkroom()) for stages in (spared(dry), dry))
    if aged.damage is None:
        return whole
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (aged.damage >= FAINT).astype(np.uint8), connectivity=8
    )
    if count == 1:
        return whole
    weights = np.sqrt(stats[1:, cv2.CC_STAT_AREA])
    many = min(count - 1, int(rng.integers(1, MOST_LONE + 1)))
    kept = 1 + rng.choice(count - 1, many, replace=False, p=weights / weights.sum())
    # The faintest rim belongs to it too.
    where = cv2.dilate(np.isin(labels, kept).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return dataclasses.replace(
        aged,
        pixels=np.where(where[:, :, None], aged.pixels, whole.pixels),
        damage=np.where(where, aged.damage, np.float32(0)),
    )
