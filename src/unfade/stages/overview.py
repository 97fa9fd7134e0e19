"""Damage too large for a tile: it is found on the whole photo, seen small.

To a network that sees one tile, what fills the tile is a wall or a sky. From afar the same is a
patch with an edge all around. What is said from afar ends where the photo has its edges.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..color import luma
from ..photo import Pixels
from .levels import nearest
from .sight import Plane, Sight, enlarged, follow

Kinds = NDArray[np.uint8]

SILENT = 0.01
"""Probability that counts as none: there is some doubt everywhere, and it says nothing."""


def seen_afar(sight: Sight, pixels: Pixels) -> tuple[Plane, Kinds]:
    """How likely each pixel of a photo is damaged, and how, by what the network answered.

    Args:
        sight: The photo from afar; its answer holds log odds of damage, and of each kind.
        pixels: (H, W, 1 or 3) of the photo.
    Returns:
        (H, W) float32 in [0, 1], and (H, W) uint8 of `Damage`, the likeliest kind should it be
        damaged.
    """
    odds = np.ascontiguousarray(sight.answer[:, :, 0])
    line = np.dstack(follow(odds, luma(sight.small)))
    rows, cols = (slice(0, side) for side in sight.size)
    slope, base = np.moveaxis(enlarged(line, (rows, cols), sight.size), 2, 0)
    likely = 1 / (1 + np.exp(-(slope * luma(pixels) + base)))
    likely = np.maximum(likely - SILENT, 0) / np.float32(1 - SILENT)
    kinds = (1 + sight.answer[:, :, 1:].argmax(axis=2)).astype(np.uint8)
    return np.asarray(likely, np.float32), nearest(kinds, rows, sight.size)


def joined(
    sight: Sight, pixels: Pixels, near: Plane, kinds: Kinds | None = None
) -> tuple[Plane, Kinds | None]:
    """Add what is seen from afar to what is seen close up.

    A pixel is whole only if neither calls it damaged: 1 - (1 - p) (1 - q). Its kind is told by the
    surer one.

    Args:
        sight, pixels: As in `seen_afar`.
        near, kinds: (H, W), as seen close up.
    """
    afar, sorts = seen_afar(sight, pixels)
    both = np.asarray(1 - (1 - near) * (1 - afar), np.float32)
    return both, None if kinds is None else np.where(afar > near, sorts, kinds)
