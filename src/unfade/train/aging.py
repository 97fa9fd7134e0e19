"""What photos to learn from have been through: lives that `unfade age` knows, or parts of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..degrade import draw_aging
from ..degrade.damage import VEILS, spared
from ..photo import Damage, Photo
from ..pipeline import run
from ..recipe import Recipe

AGINGS = ("old-photo-mixed", "film-35mm", "slide", "print-bw", "print-color")
OFTEN = (0.4, 0.3, 0.1, 0.1, 0.1)

LONE, MOST_LONE = 0.3, 3
"""Share of damaged crops of which few marks are left, and how many at most.

A crop is aged as a whole photo is, so it holds the damage of a whole photo. On real ones most marks
lie alone, and a network that has seen them only in swarms takes a lone hair for a wire.
"""

LARGE = frozenset({"patches", "flaking", "tears", "abrasion", "creases"})
"""Stages whose marks may be larger than a crop: of all lives that are drawn, a fifth has one."""

TRIES = 20
"""How often a life is drawn until it has one of these."""

FAINT = 0.1
"""Visibility from which pixels belong to a mark that is left."""

DAMAGED, NEITHER, CLEAN = 1.0, 0.5, 0.0
"""Visibility of damage as `DamageTask` reads it."""

Plane = NDArray[np.float32]


def draw_any_aging(
    rng: np.random.Generator, size: tuple[int, int], library: str = "", part: str = "all"
) -> Recipe:
    """Draw an aging of any of `AGINGS`, of any severity; arguments as of `degrade.draw_aging`."""
    preset = str(rng.choice(AGINGS, p=OFTEN))
    severity = float(rng.uniform(0.1, 0.9))
    return draw_aging(rng, preset, severity, size=size, library=library, part=part)


def often_large(share: float, draw: Callable[[], Recipe], rng: np.random.Generator) -> Recipe:
    """Draw a life, a share of them with something `LARGE`; the others are what they are."""
    wanted = rng.random() < share
    for _ in range(TRIES):
        aging = draw()
        if not wanted or any(stage.name in LARGE for stage in aging):
            break
    return aging


def acquired(damage: Plane, kinds: NDArray[Any]) -> Plane:
    """How visible damage is (H, W), where it is some: handwriting belongs to the photo.

    Args:
        damage: (H, W) as of `Photo`, handwriting included.
        kinds: (H, W), numbers of `Damage`.
    """
    return np.where(kinds == Damage.ORIGINAL, np.float32(0), damage)


def damage_of(photo: Photo) -> tuple[Plane, Plane]:
    """How visible the acquired damage of an aged photo is, and all kinds: (H, W) each."""
    damage = np.zeros(photo.size, np.float32) if photo.damage is None else photo.damage
    kinds = np.zeros(photo.size, np.uint8) if photo.kinds is None else photo.kinds
    return acquired(damage, kinds), kinds.astype(np.float32)


def is_lone(aging: Recipe, rng: np.random.Generator) -> bool:
    """Draw whether few marks shall be left of an aging; never where it does no damage."""
    return aging != spared(aging) and rng.random() < LONE


def with_few(crop: NDArray[np.float32], aging: Recipe, rng: np.random.Generator) -> Photo:
    """Age a crop, and leave one to `MOST_LONE` marks of all, rather large ones, and no veils.

    Handwriting stays, and is no damage.
    """
    dry = dataclasses.replace(aging, stages=tuple(s for s in aging if s.name not in VEILS))
    whole, aged = (run(Photo(crop), stages, Darkroom()) for stages in (spared(dry), dry))
    damage, _ = damage_of(aged)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (damage >= FAINT).astype(np.uint8), connectivity=8
    )
    if count == 1:
        return dataclasses.replace(whole, damage=damage * 0)
    weights = np.sqrt(stats[1:, cv2.CC_STAT_AREA])
    many = min(count - 1, int(rng.integers(1, MOST_LONE + 1)))
    kept = 1 + rng.choice(count - 1, many, replace=False, p=weights / weights.sum())
    # The faintest rim belongs to it too.
    where = cv2.dilate(np.isin(labels, kept).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return dataclasses.replace(
        aged,
        pixels=np.where(where[:, :, None], aged.pixels, whole.pixels),
        damage=np.where(where, damage, np.float32(0)),
    )
