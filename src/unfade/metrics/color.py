"""How near two colors are, and how colorful a picture is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .shapes import same_shape


def ciede2000(lab1: NDArray[Any], lab2: NDArray[Any]) -> NDArray[np.float64]:
    """Color difference as seen: about 1 can just be noticed.

    Args:
        lab1, lab2: (..., 3) CIE L*a*b*, as from `color.to_lab`.
    Returns:
        (...) differences, with kL = kC = kH = 1.
    Raises:
        ValueError: The shapes differ or do not end in 3.
    References:
        Sharma, Wu and Dalal (2005), Color Research and Application 30(1), 21-30,
        doi:10.1002/col.20070; the numbers in the comments are the paper's equations.
    """
    same_shape(lab1, lab2)
    if lab1.shape[-1] != 3:
        raise ValueError(f"Lab colors must be (..., 3), got {lab1.shape}")
    (l1, a1, b1), (l2, a2, b2) = (np.moveaxis(np.asarray(x, float), -1, 0) for x in (lab1, lab2))
    c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7  # (2), (3)
    stretch = 1 + 0.5 * (1 - np.sqrt(c7 / (c7 + 25.0**7)))  # (4)
    a1, a2 = a1 * stretch, a2 * stretch  # (5)
    chroma1, chroma2 = np.hypot(a1, b1), np.hypot(a2, b2)  # (6)
    hue1, hue2 = np.arctan2(b1, a1) % (2 * np.pi), np.arctan2(b2, a2) % (2 * np.pi)  # (7)
    grey = chroma1 * chroma2 == 0
    turn = (hue2 - hue1 + np.pi) % (2 * np.pi) - np.pi  # (10), but +180 degrees gives -180
    turn = np.where(hue2 - hue1 == np.pi, np.pi, turn)
    d_hue = np.where(grey, 0, 2 * np.sqrt(chroma1 * chroma2) * np.sin(turn / 2))  # (11)
    apart = np.abs(hue1 - hue2) > np.pi
    middle = (hue1 + hue2) / 2 + np.where(
        apart, np.where(hue1 + hue2 < 2 * np.pi, 1, -1) * np.pi, 0
    )
    hue = np.where(grey, hue1 + hue2, middle)  # (14)
    t = (
        1
        - 0.17 * np.cos(hue - np.radians(30))
        + 0.24 * np.cos(2 * hue)
        + 0.32 * np.cos(3 * hue + np.radians(6))
        - 0.20 * np.cos(4 * hue - np.radians(63))
    )  # (15)
    lightness, chroma = (l1 + l2) / 2, (chroma1 + chroma2) / 2  # (12), (13)
    s_l = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)  # (18)
    s_c, s_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t  # (19), (20)
    swing = np.radians(30) * np.exp(-(((np.degrees(hue) - 275) / 25) ** 2))  # (16)
    r_t = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)) * np.sin(2 * swing)  # (17), (21)
    d_l, d_c, d_h = (l2 - l1) / s_l, (chroma2 - chroma1) / s_c, d_hue / s_h
    squared = d_l**2 + d_c**2 + d_h**2 + r_t * d_c * d_h  # (22)
    return np.asarray(np.sqrt(np.maximum(squared, 0)))


def colorfulness(pixels: NDArray[Any]) -> float:
    """How colorful a picture looks to people: about 0 for grey, 15 slightly, 59 quite, 109 very.

    Args:
        pixels: (H, W, 1 or 3) floats in [0, 1], sRGB-encoded; grey has 0.
    References:
        Hasler and Suesstrunk (2003), Proc. SPIE 5007, doi:10.1117/12.477378: the simplified
        measure, M(3), for values of 0 to 255.
    """
    if pixels.shape[2] == 1:
        return 0.0
    red, green, blue = np.moveaxis(np.asarray(pixels, np.float64) * 255, -1, 0)
    across, along = red - green, (red + green) / 2 - blue
    spread = np.hypot(across.std(), along.std())
    return float(spread + 0.3 * np.hypot(across.mean(), along.mean()))
