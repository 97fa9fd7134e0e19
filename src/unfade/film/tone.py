"""Whether a photo has color, or is monochrome: silver, and what toned or yellowed it."""

from __future__ import annotations

import cv2
import numpy as np

from ..color import in_color
from ..photo import Photo, Pixels


def tone_of(proxy: Pixels) -> str:
    """Say how a photo is colored.

    Args:
        proxy: (H, W, 3) as encoded.
    Returns:
        `neutral` for a photo without color, `toned` for one whose color follows from its density
        alone (a toned, stained or yellowed monochrome print), else `color`.
    """
    red, green, blue = (cv2.GaussianBlur(proxy, (0, 0), 1.5)[:, :, c].ravel() for c in range(3))
    chroma = np.stack([red - green, blue - green])
    if np.percentile(np.abs(chroma).max(axis=0), 98) < 2.5 / 255:
        return "neutral"
    powers = np.stack([green**k for k in range(4)], axis=1)
    fitted = powers @ np.linalg.lstsq(powers, chroma.T, rcond=None)[0]
    off = np.abs(chroma.T - fitted).max(axis=1)
    return "toned" if np.percentile(off, 95) < 10 / 255 else "color"


def photo_tone(photo: Photo) -> str:
    """Say how a photo is colored, as `tone_of` does, by a small copy of it."""
    return tone_of(in_color(photo.proxy(512)))
