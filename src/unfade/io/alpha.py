"""Colors that are stored multiplied by their alpha (associated), and colors as they are (straight).

Of the formats here only TIFF says which it has: a 1 in its extra samples is associated alpha. A
photo keeps its colors as stored; every other format, and whoever lays it on white, wants them
straight.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ..photo import Metadata, Pixels

ASSOCIATED = 1
"""Kind of an extra sample of a TIFF; TIFF 6.0, section 18."""


def is_associated(metadata: Metadata) -> bool:
    """Whether the colors of a photo that has alpha are multiplied by it."""
    return ASSOCIATED in metadata.encoding.get("extra_samples", ())


def straight(pixels: Pixels, alpha: NDArray[np.float32]) -> Pixels:
    """Divide colors by the alpha they were multiplied by; where it is 0 they stay.

    Args:
        pixels: (H, W, C) in [0, 1].
        alpha: (H, W) in [0, 1].
    """
    share = np.where(alpha > 0, alpha, 1)[:, :, None]
    return np.asarray(np.minimum(pixels / share, 1), np.float32)


@dataclasses.dataclass(frozen=True, eq=False)
class Straight:
    """Straight colors of associated ones, made for the rows that are asked for."""

    pixels: Pixels
    alpha: NDArray[np.float32]

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W, C)."""
        return self.pixels.shape

    def __getitem__(self, rows: slice) -> Pixels:
        return straight(self.pixels[rows], self.alpha[rows])
