"""The whole photo from afar: what a network that sees it small says, spread over all its pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..color import in_color
from ..darkroom import Darkroom
from ..photo import Photo, Pixels
from .mirrors import VIEWS, mean_of_views

PROXY_SIDE = 192
"""Longer side in pixels of what the network learned from: all of a photo, from afar."""

SIDES = (160, PROXY_SIDE, 256)
"""Longer sides of what it is asked about: a stain may be too wide for one, or a ridge too fine."""

AT_ONCE = 4 * PROXY_SIDE
"""Longer side of what all of them are shrunk from: a scan is read once."""

AROUND = 1
"""Half the side in small pixels of the windows in which an answer is linear in the lightness."""

SMOOTH = 0.003
"""Variance of the lightness below which it says nothing of the edges of what was answered."""

Plane = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Sight:
    """A photo from afar, and what the network says of it.

    Attributes:
        size: (height, width) of the photo in pixels.
        small: (h, w, 3) float32 in [0, 1].
        answer: (h, w, K) float32, what the network answers with.
    """

    size: tuple[int, int]
    small: Pixels
    answer: Plane


def see(photo: Photo, ask: Callable[[Pixels], Plane]) -> Sight:
    """Ask a network about a photo from several distances, each time as it is and mirrored.

    What only one of the answers holds is error; their mean counts.

    Args:
        ask: The network: takes (h, w, 3) in [0, 1] and answers (h, w, K), nothing in it squashed.
    """
    near = Photo(photo.proxy(AT_ONCE))
    small = in_color(near.proxy(PROXY_SIDE))
    answers = [mean_of_views(in_color(near.proxy(side)), ask, len(VIEWS)) for side in SIDES]
    size = small.shape[1::-1]
    told = [cv2.resize(answer, size, interpolation=cv2.INTER_LINEAR) for answer in answers]
    return Sight(photo.size, small, np.asarray(np.mean(told, axis=0), np.float32))


def follow(field: Plane, guide: Plane) -> tuple[Plane, Plane]:
    """Slope and base (h, w) with which `slope * guide + base` is a field, edges as the guide's."""
    side = (2 * AROUND + 1, 2 * AROUND + 1)
    mean, level = cv2.blur(field, side), cv2.blur(guide, side)
    together = cv2.blur(field * guide, side) - mean * level
    alone = cv2.blur(guide * guide, side) - level * level
    slope = np.asarray(together / (alone + np.float32(SMOOTH)), np.float32)
    base = np.asarray(mean - slope * level, np.float32)
    return np.asarray(cv2.blur(slope, side)), np.asarray(cv2.blur(base, side))


def spread(
    small: Plane, size: tuple[int, int], darkroom: Darkroom, read: Callable[[Plane], Any]
) -> Plane:
    """What `read` makes of a small plane that is spread over a photo, strip by strip."""
    out = darkroom.empty(size)

    def strip(rows: slice) -> None:
        out[rows] = read(enlarged(small[:, :, None], (rows, slice(0, size[1])), size)[:, :, 0])

    darkroom.strips(strip, size)
    return out


def enlarged(field: Plane, place: tuple[slice, slice], size: tuple[int, int]) -> Plane:
    """The part at `place` of a field (h, w, C) that is spread over (height, width) `size`.

    Linear between the middles of its pixels, the same whatever part is asked for.
    """
    top, below, down = _between(place[0], size[0], field.shape[0])
    left, right, across = _between(place[1], size[1], field.shape[1])
    rows = field[top] + down[:, None, None] * (field[below] - field[top])
    return np.asarray(rows[:, left] + across[:, None] * (rows[:, right] - rows[:, left]))


def _between(
    span: slice, length: int, points: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], Plane]:
    """The points before and after each pixel, and how far it is from the first of them."""
    at = (np.arange(span.start, span.stop) + 0.5) * (points / length) - 0.5
    at = np.clip(at, 0, points - 1)
    before = np.floor(at).astype(np.int64)
    return before, np.minimum(before + 1, points - 1), (at - before).astype(np.float32)
