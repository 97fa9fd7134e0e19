"""Damage of one photo laid over another: the few real marks there are, seen on any ground.

A mark is taken for a film of white or of black over the photo, of the opacity that turns what would
be filled in its place into what is seen. Dust that hides all below it does so on another photo.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

RIM_PX = 1
"""How far a mark reaches, fainter, beyond the pixels that are damaged for certain."""

LEAST_ROOM = 0.1
"""Distance from white or black below which an opacity would mean nothing."""

Colors = NDArray[np.float32]
"""(H, W, 3) in [0, 1]."""

Spots = NDArray[np.bool_]
"""(H, W): where damage is."""


def transplanted(marked: Colors, damaged: Spots, ground: Colors) -> Colors:
    """Lay the damage of one photo over another of the same size: a copy, elsewhere unchanged."""
    lighter, darker = _films(marked, damaged)
    laid = ground + lighter * (1 - ground) - darker * ground
    return np.asarray(np.clip(laid, 0, 1), np.float32)


def grown(spots: Spots) -> Spots:
    """Spots and their rim."""
    element = np.ones((2 * RIM_PX + 1, 2 * RIM_PX + 1), np.uint8)
    return np.asarray(cv2.dilate(spots.astype(np.uint8), element), np.bool_)


def _films(marked: Colors, damaged: Spots) -> tuple[Colors, Colors]:
    """How opaque the films of white and of black are: (H, W, 3) each, 0 beyond the rim."""
    rim = grown(damaged)
    whole = np.rint(255 * np.clip(marked, 0, 1)).astype(np.uint8)
    around = grown(rim).astype(np.uint8)
    filled = cv2.inpaint(whole, around, 3, cv2.INPAINT_NS) / np.float32(255)
    change = (marked - filled) * rim[:, :, None]
    lighter = change.clip(min=0) / (1 - filled).clip(min=LEAST_ROOM)
    darker = (-change).clip(min=0) / filled.clip(min=LEAST_ROOM)
    return lighter, darker
