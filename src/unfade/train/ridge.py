"""Where a scratch runs that a hand drew only roughly, and the gaps in it that belong to it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Where = NDArray[np.bool_]
Places = NDArray[np.float32]
"""(n, 2): x and y in pixels, a pixel apart along a line."""


def bridged(
    far: NDArray[np.float32], seen: Where, points: Sequence[tuple[int, int]], off_px: int
) -> Where:
    """Join the pieces that are seen of a line, from the first to the last, along its ridge.

    Args:
        far: (H, W), how much each pixel stands out; 0 beyond where the line may run.
        seen: (H, W), the pieces.
        points: (x, y) of what a hand drew, in the same pixels.
        off_px: How far to either side of that the line may run.
    Returns:
        (H, W): the pieces, and between them a line no thicker than they are in the mean.
    """
    run = ridge(far, points, off_px)
    near = cv2.dilate(seen.astype(np.uint8), np.ones((3, 3), np.uint8))
    x, y = np.rint(run).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < far.shape[1]) & (y < far.shape[0])
    on = np.zeros(len(run), bool)
    on[inside] = near[y[inside], x[inside]] > 0
    steps = np.flatnonzero(on)
    if not len(steps):
        return seen
    line = np.zeros(far.shape, np.uint8)
    width = max(1, int(np.count_nonzero(seen) / len(steps)))
    path = np.rint(run[steps[0] : steps[-1] + 1]).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(line, [path], False, 1, width)
    return seen | ((line > 0) & (far > 0))


def ridge(far: NDArray[np.float32], points: Sequence[tuple[int, int]], off_px: int) -> Places:
    """The way along a line on which most stands out, by dynamic programming.

    Each step along goes at most a pixel to either side, as live wires do (Amini, Weymouth and Jain,
    "Using dynamic programming for solving variational problems in vision", TPAMI 12(9), 1990).

    Args:
        far, points, off_px: As of `bridged`.
    """
    places, across = _along(points)
    offsets = np.arange(-off_px, off_px + 1, dtype=np.float32)
    grid = places[:, None] + offsets[None, :, None] * across[:, None]
    columns, rows = grid[..., 0], grid[..., 1]
    stands = cv2.remap(far, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    # Of equals the one that a hand drew.
    worth = np.asarray(stands, np.float64) - 1e-6 * np.abs(offsets)
    best, came = worth[0], np.zeros(worth.shape, int)
    for step in range(1, len(worth)):
        padded = np.pad(best, 1, constant_values=-np.inf)
        choices = np.stack([padded[1:-1], padded[:-2], padded[2:]])  # Straight on, if equal.
        which = choices.argmax(axis=0)
        came[step] = np.arange(len(best)) + np.array([0, -1, 1])[which]
        best = worth[step] + choices.max(axis=0)
    chosen = [int(best.argmax())]
    for step in range(len(worth) - 1, 0, -1):
        chosen.append(int(came[step, chosen[-1]]))
    return np.asarray(grid[np.arange(len(worth)), chosen[::-1]], np.float32)


def _along(points: Sequence[tuple[int, int]]) -> tuple[Places, Places]:
    """Places a pixel apart along a line, and at each the direction across it, of length 1."""
    places, across = [], []
    for start, end in itertools.pairwise(np.asarray(points, np.float32)):
        length = float(np.linalg.norm(end - start))
        if length == 0:
            continue
        ahead = (end - start) / length
        steps = np.arange(0, length, dtype=np.float32)[:, None]
        places.append(start + steps * ahead)
        across.append(np.tile([[-ahead[1], ahead[0]]], (len(steps), 1)))
    if not places:
        return np.asarray([points[0]], np.float32), np.zeros((1, 2), np.float32)
    return np.concatenate(places), np.concatenate(across).astype(np.float32)
