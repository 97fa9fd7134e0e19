"""Damage too large for a tile: it is found on the whole photo, seen small.

To a network that sees one tile, what fills the tile is a wall or a sky. From afar the same is a
patch with an edge all around. What is said from afar ends where the photo has its edges.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ..color import luma
from ..darkroom import Darkroom
from ..photo import Pixels
from .sight import Plane, Sight, enlarged, follow

Kinds = NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class Overview:
    """How likely what is seen from afar is damage, and how: for any rows of the photo.

    Attributes:
        size: (height, width) of the photo in pixels.
        line: (h, w, 2) that make the log odds: a slope over the lightness of a pixel, and a base.
        kinds: (h, w) uint8 of `Damage`, the likeliest kind should it be damaged.
    """

    size: tuple[int, int]
    line: Plane
    kinds: Kinds

    @classmethod
    def of(cls, sight: Sight) -> Overview:
        """Read what the network answered: log odds of damage, and of each kind."""
        odds = np.ascontiguousarray(sight.answer[:, :, 0])
        line = np.dstack(follow(odds, luma(sight.small)))
        return cls(sight.size, line, (1 + sight.answer[:, :, 1:].argmax(axis=2)).astype(np.uint8))

    def probability(self, rows: slice, pixels: Pixels) -> Plane:
        """How likely some rows of the photo are damaged: (n, W), of their pixels (n, W, C)."""
        line = enlarged(self.line, (rows, slice(0, self.size[1])), self.size)
        odds = line[:, :, 0] * luma(pixels) + line[:, :, 1]
        return np.asarray(1 / (1 + np.exp(-odds)), np.float32)

    def kinds_of(self, rows: slice) -> Kinds:
        """Of what kind some rows of the photo would be: (n, W)."""
        down, across = (
            np.arange(length) * points // length
            for length, points in zip(self.size, self.kinds.shape, strict=True)
        )
        return np.asarray(self.kinds[down[rows]][:, across], np.uint8)


def take_in(
    sight: Sight, pixels: Pixels, probability: Plane, kinds: Kinds | None, darkroom: Darkroom
) -> None:
    """Add what is seen from afar to what is seen close up, in place.

    A pixel is whole only if neither calls it damaged: 1 - (1 - p) (1 - q). Its kind is told by
    the surer one.

    Args:
        pixels: (H, W, 1 or 3) of the photo.
        probability, kinds: (H, W), as seen close up.
    """
    afar = Overview.of(sight)

    def strip(rows: slice) -> None:
        seen, near = afar.probability(rows, pixels[rows]), probability[rows]
        if kinds is not None:
            kinds[rows] = np.where(seen > near, afar.kinds_of(rows), kinds[rows])
        probability[rows] = 1 - (1 - near) * (1 - seen)

    darkroom.strips(strip, sight.size)
