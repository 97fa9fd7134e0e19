"""Damage of one photo laid over another: the few real marks there are, on any ground, any way up.

A mark is taken for a film of white or of black over the photo, of the opacity that turns what would
be filled in its place into what is seen. Dust that hides all below it does so on another photo.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

RIM_PX = 1
"""How far a mark reaches, fainter, beyond the pixels that are damaged for certain."""

LEAST_ROOM = 0.1
"""Distance from white or black below which an opacity would mean nothing."""

COVERED = 0.4
"""Share of a pixel that damage covers once it is moved, from which that pixel is damaged."""

Colors = NDArray[np.float32]
"""(H, W, 3) in [0, 1]."""

Spots = NDArray[np.bool_]
"""(H, W): where damage is."""


@dataclasses.dataclass(frozen=True)
class Films:
    """The damage of a photo without the photo.

    Attributes:
        lighter, darker: (H, W, 3) in [0, 1], how opaque the films of white and of black are.
        spots: (H, W), what is damaged for certain; the films reach `RIM_PX` further.
    """

    lighter: Colors
    darker: Colors
    spots: Spots

    def moved(self, way: NDArray[np.float64]) -> Films:
        """The same turned, mirrored, larger or smaller; beyond the edges nothing is damaged.

        Args:
            way: (2, 3), where (x, y, 1) comes to lie.
        """
        spots = _warped(self.spots.astype(np.float32), way) >= COVERED
        return Films(_warped(self.lighter, way), _warped(self.darker, way), spots)

    def over(self, ground: Colors) -> Colors:
        """Lay it over a photo of the same size: a copy, elsewhere unchanged."""
        laid = ground + self.lighter * (1 - ground) - self.darker * ground
        return np.asarray(np.clip(laid, 0, 1), np.float32)


def lifted(marked: Colors, damaged: Spots) -> Films:
    """Take the damage off a photo."""
    rim = grown(damaged)
    whole = np.rint(255 * np.clip(marked, 0, 1)).astype(np.uint8)
    around = grown(rim).astype(np.uint8)
    filled = cv2.inpaint(whole, around, 3, cv2.INPAINT_NS) / np.float32(255)
    change = (marked - filled) * rim[:, :, None]
    lighter = change.clip(min=0) / (1 - filled).clip(min=LEAST_ROOM)
    darker = (-change).clip(min=0) / filled.clip(min=LEAST_ROOM)
    return Films(lighter, darker, damaged)


def grown(spots: Spots) -> Spots:
    """Spots and their rim."""
    element = np.ones((2 * RIM_PX + 1, 2 * RIM_PX + 1), np.uint8)
    return np.asarray(cv2.dilate(spots.astype(np.uint8), element), np.bool_)


def _warped(plane: NDArray[np.float32], way: NDArray[np.float64]) -> NDArray[np.float32]:
    size = (plane.shape[1], plane.shape[0])
    return np.asarray(cv2.warpAffine(plane, way, size, flags=cv2.INTER_LINEAR), np.float32)
