"""How soft the edges of a photo's marks are: how far beyond them they can still be seen.

Dust on the glass of a scanner is as sharp as its pixels, dust on film that was copied twice is
not. A mask grown too little leaves a rim of the damage, one grown too much fills picture.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..photo import Mask, Pixels
from .marks import Candidates, Numbers

STEPS = 3
"""How many times a step marks are grown at most."""

LEFT = 0.1
"""Of what a mark differs from its surroundings, what is still part of it."""

PLAIN = 0.05
"""Difference of lightness from which a mark can be told from its surroundings well enough."""

ENOUGH = 300
"""So many marks are looked at; of more, some of them, evenly chosen."""

LONGEST_PX = 200
"""Longer marks are not looked at."""

INNER, OUTER = 4, 7
"""From where to where around a mark, in steps, it is looked at what it lies on."""


def grown(
    pixels: Pixels, seen: Candidates, marks: NDArray[np.bool_], grow_px: int, darkroom: Darkroom
) -> Mask:
    """Some candidates as a mask (H, W) of 0 and 1, grown as far as the marks are soft.

    Args:
        pixels, seen, marks: As of `steps_to_grow`.
        grow_px: Length of a step; 0 does not grow them.
    """
    by_px = grow_px * steps_to_grow(pixels, seen, marks, grow_px)
    size = (seen.labels.shape[0], seen.labels.shape[1])
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by_px + 1, 2 * by_px + 1))
    found, mask = marks.astype(np.uint8), darkroom.empty(size, np.float32)

    def widen(rows: slice) -> None:
        top = max(0, rows.start - by_px)
        wide = np.asarray(cv2.dilate(found[seen.labels[top : rows.stop + by_px]], kernel))
        mask[rows] = wide[rows.start - top :][: rows.stop - rows.start]

    darkroom.strips(widen, size)
    return mask


def steps_to_grow(pixels: Pixels, seen: Candidates, marks: NDArray[np.bool_], step_px: int) -> int:
    """How many steps marks have to be grown until less than `LEFT` of them is beyond: 1 to `STEPS`.

    Args:
        pixels: (H, W, C) of the photo.
        seen: Its candidates.
        marks: (n + 1,) which of them are marks.
        step_px: Length of a step; 0 is always one.
    """
    numbers = np.flatnonzero(marks & (seen.lengths <= LONGEST_PX))
    some = numbers[:: max(1, -(-len(numbers) // ENOUGH))]
    told = [_left_beyond(pixels, seen, int(number), step_px) for number in some if step_px]
    known = np.array([row for row in told if row is not None]).reshape(-1, STEPS - 1)
    if not len(known):
        return 1
    return 1 + int(np.cumprod(np.median(known, axis=0) > LEFT).sum())


def _left_beyond(pixels: Pixels, seen: Candidates, number: int, step_px: int) -> list[float] | None:
    """What of a mark is left in the second ring around it, the third, and so on: 1 is all.

    None where it differs too little from what it lies on, or nothing around it is free.
    """
    left, top, right, bottom = (int(side) for side in seen.boxes[number])
    room = OUTER * step_px
    cut = slice(max(0, top - room), bottom + room), slice(max(0, left - room), right + room)
    light, labels = pixels[cut].mean(axis=2), seen.labels[cut]
    away = cv2.distanceTransform((labels != number).astype(np.uint8), cv2.DIST_L2, 5) / step_px
    free = labels == 0
    around = (away > INNER) & (away <= OUTER) & free
    rings = [(away > n - 1) & (away <= n) & free for n in range(2, STEPS + 1)]
    if not around.any() or not all(ring.any() for ring in rings):
        return None
    ground = float(np.median(light[around]))
    whole = _difference(light[labels == number] - ground)
    if abs(whole) < PLAIN:
        return None
    return [(float(light[ring].mean()) - ground) / whole for ring in rings]


def _difference(within: Numbers) -> float:
    """What a mark differs by, of the differences (n,) of its pixels: the mean of the half that does
    most, for the others may lie on its soft edge."""
    side = -1.0 if within.mean() < 0 else 1.0
    most = np.sort(side * within)[len(within) // 2 :]
    return side * float(most.mean())
