"""Damage too large for a tile: it is found on the whole photo, seen small.

To a network that sees one tile, what fills the tile is a wall or a sky. From afar the same is a
patch with an edge all around. What is said from afar ends where the photo has its edges.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from ..color import luma
from ..photo import Pixels
from .sight import Plane, Sight, enlarged, follow

Kinds = NDArray[np.uint8]
Place = tuple[slice, slice]

SILENT = 0.01
"""Probability that counts as none: where nothing is more likely, nothing need be computed."""


@dataclasses.dataclass(frozen=True)
class Overview:
    """How likely what is seen from afar is damage, and how: for any part of the photo.

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

    def probability(self, place: Place, pixels: Pixels) -> Plane:
        """How likely a part of the photo is damaged: (h, w), of its pixels (h, w, C)."""
        line = enlarged(self.line, place, self.size)
        odds = line[:, :, 0] * luma(pixels) + line[:, :, 1]
        likely = 1 / (1 + np.exp(-odds))
        return np.asarray(np.maximum(likely - SILENT, 0) / np.float32(1 - SILENT), np.float32)

    def is_silent(self, place: Place) -> bool:
        """Whether no pixel of a part of the photo can be damaged, whatever its lightness."""
        rows, cols = (
            slice(max(0, part.start * points // length - 1), part.stop * points // length + 2)
            for part, length, points in zip(place, self.size, self.kinds.shape, strict=True)
        )
        slope, base = self.line[rows, cols, 0], self.line[rows, cols, 1]
        surest = float((base + np.maximum(slope, 0)).max())
        return surest < math.log(SILENT / (1 - SILENT))

    def joined(
        self, place: Place, pixels: Pixels, near: Plane, kinds: Kinds | None = None
    ) -> tuple[Plane, Kinds | None]:
        """Add what is seen from afar to what is seen close up.

        A pixel is whole only if neither calls it damaged: 1 - (1 - p) (1 - q). Its kind is told by
        the surer one.

        Args:
            place: Rows and columns of a part of the photo.
            pixels: (h, w, 1 or 3) there.
            near, kinds: (h, w) there, as seen close up.
        """
        if self.is_silent(place):
            return near, kinds
        afar = self.probability(place, pixels)
        both = np.asarray(1 - (1 - near) * (1 - afar), np.float32)
        if kinds is None:
            return both, None
        return both, np.where(afar > near, self._kinds(place), kinds)

    def _kinds(self, place: Place) -> Kinds:
        down, across = (
            np.arange(part.start, part.stop) * points // length
            for part, length, points in zip(place, self.size, self.kinds.shape, strict=True)
        )
        return np.asarray(self.kinds[down][:, across], np.uint8)
