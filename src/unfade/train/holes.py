"""Larger holes for inpainting: lost emulsion, torn-off corners, wide brush strokes."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Rng = np.random.Generator


def draw_large_holes(size: tuple[int, int], rng: Rng) -> Array:
    """Draw a mask of one to three large holes, together at most half of the picture.

    Args:
        size: (height, width) in pixels.
    Returns:
        (H, W) float32 of 0 and 1.
    References:
        Free-form strokes after Yu et al., Free-form image inpainting with gated convolution,
        ICCV 2019.
    """
    mask = np.zeros(size, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        hole = _HOLES[int(rng.integers(len(_HOLES)))](size, rng)
        if np.maximum(mask, hole).mean() <= 0.5:
            mask = np.maximum(mask, hole)
    return mask


def _blob(size: tuple[int, int], rng: Rng) -> Array:
    """A ragged patch: a circle whose radius wanders."""
    angles = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    waves = sum(
        rng.uniform(0, 0.5) / k * np.cos(k * angles + rng.uniform(0, 7)) for k in range(1, 8)
    )
    radius = min(size) * rng.uniform(0.06, 0.22) * np.maximum(0.3, 1 + waves)
    center = rng.uniform((0, 0), (size[1], size[0]))
    return _polygon(size, center + np.stack([np.cos(angles), np.sin(angles)], 1) * radius[:, None])


def _corner(size: tuple[int, int], rng: Rng) -> Array:
    """A corner torn off along a ragged line."""
    right, below = rng.random(2) < 0.5
    reach = min(size) * rng.uniform(0.12, 0.4, 2)
    share = np.linspace(0, 1, 12)[:, None]
    line = (1 - share) * (reach[0], 0) + share * (0, reach[1])
    line[1:-1] += rng.normal(0, min(size) * 0.02, (10, 2))
    points = np.concatenate([line, [(0, 0)]])
    points = np.where([right, below], np.array([size[1], size[0]]) - 1 - points, points)
    return _polygon(size, points)


def _stroke(size: tuple[int, int], rng: Rng) -> Array:
    """A wide brush that wanders."""
    mask = np.zeros(size, np.float32)
    width = max(3, int(min(size) * rng.uniform(0.03, 0.1)))
    place, angle = rng.uniform((0, 0), (size[1], size[0])), rng.uniform(0, 2 * math.pi)
    for _ in range(int(rng.integers(2, 7))):
        angle += rng.normal(0, 0.8)
        step = min(size) * rng.uniform(0.08, 0.25)
        after = place + step * np.array([math.cos(angle), math.sin(angle)])
        ends = [tuple(int(v) for v in p) for p in (place, after)]
        cv2.line(mask, ends[0], ends[1], 1.0, width)
        cv2.circle(mask, ends[1], width // 2, 1.0, -1)
        place = after
    return mask


def _polygon(size: tuple[int, int], points: NDArray[np.floating]) -> Array:
    mask = np.zeros(size, np.float32)
    cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 1.0)
    return mask


_HOLES = (_blob, _corner, _stroke)
