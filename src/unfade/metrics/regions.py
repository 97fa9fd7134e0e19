"""Where a figure is taken: inside the damage, near it, and outside of it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

NEAR_PX = 8


def regions(damage: NDArray[Any], near_px: int = NEAR_PX) -> dict[str, NDArray[np.bool_]]:
    """Divide a picture by its damage.

    Args:
        damage: (H, W); damaged above 0.5.
        near_px: How far `near` reaches from the damage, in pixels.
    Returns:
        (H, W) each: `inside`; `outside`, all else; and `near`, the part of `outside` that lies
        within `near_px` of the damage.
    """
    inside = damage > 0.5
    if not inside.any():
        return {"inside": inside, "near": inside.copy(), "outside": ~inside}
    away = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    near = ~inside & (away <= near_px)
    return {"inside": inside, "near": near, "outside": ~inside}
