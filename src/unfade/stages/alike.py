"""The marks of one photo are alike: what resembles the rest of its damage is likelier damage.

Dust of one print is all bright or all dark, about equally so, and of a kind of size; so are the
lamps and leaves that are taken for dust. A network that is shown one mark at a time cannot know,
so here the others speak, each as loud as it is likely damage: by expectation maximization
(Dempster, Laird and Rubin, Journal of the Royal Statistical Society B 39(1), 1977), with densities
of damage and of detail that every photo estimates for itself, from kernels around its marks
(Parzen, Annals of Mathematical Statistics 33(3), 1962).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..photo import Pixels
from .marks import USUAL, Candidates, Numbers, likelihood, share_of_true, tempered
from .verify import parts

SPREADS = np.array([0.3, 0.3, 0.6])
"""How far apart, as of `looks`, marks are still alike: standard deviations of their kernels."""

UNSEEN = 3.0
"""Marks that count as seen before the first, as likely damage as detail, wherever they look."""

LOUD = 2.0
"""How often what the others say counts: they are less sure of themselves than they could be."""

ROUNDS = 2
"""How often all are asked what they think now."""

MOST = 2000
"""So many marks of a photo speak at most; of more, some of them, evenly chosen."""

INNER_PX, OUTER_PX = 2, 6
"""From where to where around a mark it is looked at what it lies on."""

BLACK = 0.05
"""Added to lightness before its logarithm is taken: below, nothing is told apart."""

PLAIN = 0.02
"""Difference of lightness from which a mark is plainly lighter or darker than what it lies on."""

BLOCK = 500
FEW = 1e-9

Looks = NDArray[np.float64]


def likely_alike(evidence: Numbers, looks: Looks, usual: float = USUAL) -> Numbers:
    """How likely each candidate of one photo is damage, (n,) in [0, 1], in the light of all.

    Args:
        evidence: (n,) log likelihood ratio of true to false of each candidate.
        looks: (n, 3), as of `looks`.
        usual: As of `marks.usual_share`.
    """
    share = tempered(share_of_true(evidence), usual)
    likely = likelihood(evidence, share)
    for _ in range(ROUNDS):
        likely = likelihood(evidence + LOUD * resemblance(looks, likely), share)
    return likely


def resemblance(looks: Looks, likely: Numbers) -> Numbers:
    """How much the other marks of a photo speak for each: (n,) log likelihood ratios.

    Args:
        looks: (n, 3), as of `looks`.
        likely: (n,) how likely each is damage.
    """
    count = len(looks)
    step = max(1, -(-count // MOST))
    speaking = likely[::step]
    sides = np.stack([speaking, 1 - speaking, np.ones(len(speaking))], axis=1)
    places = looks / SPREADS
    said = np.zeros(count)
    for start in range(0, count, BLOCK):
        rows = np.arange(start, min(count, start + BLOCK))
        near = _kernel(places[rows], places[::step])
        own = rows[rows % step == 0]
        near[own - start, own // step] = 0  # Nobody speaks for itself.
        voices = np.tile(sides.sum(axis=0), (len(rows), 1))
        voices[own - start] -= sides[own // step]
        loud = near @ sides
        usual = (loud[:, 2:] + FEW) / (voices[:, 2:] + FEW)
        heard = (loud[:, :2] + UNSEEN * usual) / (voices[:, :2] + UNSEEN)
        said[rows] = np.log(heard[:, 0] / heard[:, 1])
    return said


def _kernel(left: Looks, right: Looks) -> Looks:
    """exp(- d² / 2) of the distances between points (n, d) and (m, d): (n, m)."""
    squares = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2 * left @ right.T
    return np.asarray(np.exp(-0.5 * np.maximum(squares, 0)))


def looks(pixels: Pixels, seen: Candidates, which: NDArray[np.bool_]) -> Looks:
    """How candidates look, (n, 3): lighter (1) or darker (-1) than what is around them, or nearly
    as light; the logarithm of their lightness, and that of their width in pixels.

    Args:
        pixels: (H, W, 1 or 3) of the photo.
        seen: Its candidates.
        which: (n + 1,) those that are asked for.
    """
    numbers = np.flatnonzero(which)
    levels = np.array([_levels(pixels, seen, int(number)) for number in numbers]).reshape(-1, 2)
    inside, around = levels.T
    width = seen.areas[numbers] / seen.lengths[numbers]
    return np.stack(
        [np.clip((inside - around) / PLAIN, -1, 1), np.log(inside + BLACK), np.log(width)], axis=1
    )


def _levels(pixels: Pixels, seen: Candidates, number: int) -> tuple[float, float]:
    """Mean lightness of the parts of a candidate that are looked at, and the median around them."""
    inside, around = [], []
    for down, across in parts(seen, number):
        cut = _grown(down), _grown(across)
        light, labels = pixels[cut].mean(axis=2), seen.labels[cut]
        mark = labels == number
        wide = mark.astype(np.uint8)
        ring = (_dilated(wide, OUTER_PX) > _dilated(wide, INNER_PX)) & (labels == 0)
        inside.append(light[mark])
        around.append(light[ring] if ring.any() else light[~mark])
    return float(np.concatenate(inside).mean()), _median(np.concatenate(around))


def _grown(side: slice) -> slice:
    return slice(max(0, side.start - OUTER_PX), side.stop + OUTER_PX)


def _dilated(mark: NDArray[np.uint8], by_px: int) -> NDArray[np.uint8]:
    side = 2 * by_px + 1
    return np.asarray(cv2.dilate(mark, np.ones((side, side), np.uint8)), np.uint8)


def _median(values: NDArray[np.float32]) -> float:
    return float(np.median(values)) if values.size else 0.0
