"""How near two pictures are: PSNR, SSIM, MS-SSIM, GMSD."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .shapes import same_shape

Plane = NDArray[np.float32]


def psnr(a: NDArray[Any], b: NDArray[Any], mask: NDArray[Any] | None = None) -> float:
    """Peak signal-to-noise ratio, for a peak of 1.

    Args:
        a, b: (H, W) or (H, W, C) floats in [0, 1], of equal shape.
        mask: (H, W); only pixels above 0.5 in it count.
    Returns:
        Decibels; infinite for equal pictures.
    Raises:
        ValueError: The shapes differ, or the mask leaves no pixel.
    """
    same_shape(a, b)
    if mask is not None:
        same_shape(a[..., 0] if a.ndim == 3 else a, mask)
        a, b = a[mask > 0.5], b[mask > 0.5]
    if a.size == 0:
        raise ValueError("psnr needs at least one pixel; the mask leaves none")
    error = float(np.mean(np.square(np.subtract(a, b, dtype=np.float32)), dtype=np.float64))
    return math.inf if error == 0 else -10 * math.log10(error)


def ssim(a: NDArray[Any], b: NDArray[Any], mask: NDArray[Any] | None = None) -> float:
    """Structural similarity, for a range of 1.

    As in the paper: Gaussian window of 11 x 11 with sigma 1.5, K1 = 0.01, K2 = 0.03, only windows
    that lie wholly inside the picture (5 pixels at each edge drop out), and at full size, without
    the shrinking to 256 pixels that the authors' script suggests. Channels are averaged.

    Args:
        a, b: (H, W) or (H, W, C) floats in [0, 1], of equal shape, at least 11 pixels a side.
        mask: (H, W); only windows whose middle is above 0.5 in it count.
    Returns:
        -1 to 1; 1 for equal pictures.
    Raises:
        ValueError: The shapes differ, a side is below 11 pixels, or the mask leaves no window.
    References:
        Wang, Bovik, Sheikh and Simoncelli (2004), IEEE Trans. Image Processing 13(4), 600-612,
        doi:10.1109/TIP.2003.819861.
    """
    _same_sides(a, b, 11, "ssim")
    keep = np.ones((a.shape[0] - 10, a.shape[1] - 10), np.bool_)
    if mask is not None:
        same_shape(a[..., 0] if a.ndim == 3 else a, mask)
        keep = np.asarray(mask[5:-5, 5:-5] > 0.5)
    if not keep.any():
        raise ValueError("ssim needs at least one window; the mask leaves none")
    return float(np.mean([(s * c)[keep].mean(dtype=np.float64) for s, c in _maps(a, b)]))


def ms_ssim(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Structural similarity over five scales, each half the one before, for a range of 1.

    Windows and constants as in `ssim`; contrast and structure of the four finer scales and all of
    the coarsest, to the powers the authors fitted to people's judgments. Means below 0 count as 0.
    Channels are averaged.

    Args:
        a, b: (H, W) or (H, W, C) floats in [0, 1], of equal shape, at least 176 pixels a side.
    Returns:
        0 to 1; 1 for equal pictures.
    Raises:
        ValueError: The shapes differ, or a side is below 176 pixels.
    References:
        Wang, Simoncelli and Bovik (2003), Asilomar Conference 37, 1398-1402,
        doi:10.1109/ACSSC.2003.1292216.
    """
    _same_sides(a, b, 11 * 2**4, "ms_ssim")
    product = np.ones(np.atleast_3d(a).shape[2])
    for level, power in enumerate(SCALES):
        last = level == len(SCALES) - 1
        means = [
            (shared * light if last else shared).mean(dtype=np.float64)
            for light, shared in _maps(a, b)
        ]
        product *= np.maximum(means, 0) ** power
        a, b = _half(a), _half(b)
    return float(product.mean())


SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Powers of the five scales, from the finest, in the paper's section 3.2."""


def gmsd(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Gradient magnitude similarity deviation: how unevenly edges were kept.

    On the brightness (0.299 R + 0.587 G + 0.114 B), halved, with Prewitt gradients; the constant
    is the paper's 170 for a range of 255.

    Args:
        a, b: (H, W) or (H, W, 3) floats in [0, 1], of equal shape, at least 6 pixels a side.
    Returns:
        0 for equal pictures; above 0.2 is bad.
    Raises:
        ValueError: The shapes differ, or a side is below 6 pixels.
    References:
        Xue, Zhang, Mou and Bovik (2014), IEEE Trans. Image Processing 23(2), 684-695,
        doi:10.1109/TIP.2013.2293423.
    """
    _same_sides(a, b, 6, "gmsd")
    x, y = (_gradient(_half(_brightness(picture))) for picture in (a, b))
    constant = np.float32(170 / 255**2)
    return float(np.std((2 * x * y + constant) / (x * x + y * y + constant), dtype=np.float64))


def _maps(a: NDArray[Any], b: NDArray[Any]) -> Iterator[tuple[Plane, Plane]]:
    """Per channel the map of luminance, and that of contrast and structure together."""
    for channel in range(np.atleast_3d(a).shape[2]):
        x, y = (np.atleast_3d(p)[:, :, channel].astype(np.float32) for p in (a, b))
        c1, c2 = np.float32(0.01**2), np.float32(0.03**2)
        mean_x, mean_y = _window(x), _window(y)
        variances = _window(x * x) - mean_x**2 + _window(y * y) - mean_y**2
        covariance = _window(x * y) - mean_x * mean_y
        light = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
        yield light, (2 * covariance + c2) / (variances + c2)


def _window(plane: Plane) -> Plane:
    blurred = cv2.GaussianBlur(np.ascontiguousarray(plane), (11, 11), 1.5)
    return np.asarray(blurred[5:-5, 5:-5], np.float32)


def _half(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Means of 2 x 2 pixels; an odd last row or column is dropped."""
    size = (picture.shape[1] // 2, picture.shape[0] // 2)
    even = np.asarray(picture[: size[1] * 2, : size[0] * 2], np.float32)
    half = cv2.resize(even, size, interpolation=cv2.INTER_AREA)
    return np.asarray(half, np.float32).reshape(size[1], size[0], *picture.shape[2:])


def _brightness(picture: NDArray[Any]) -> Plane:
    if picture.ndim == 2 or picture.shape[2] == 1:
        return np.asarray(picture, np.float32).reshape(picture.shape[:2])
    return np.asarray(picture, np.float32) @ np.asarray((0.299, 0.587, 0.114), np.float32)


def _gradient(plane: Plane) -> Plane:
    across = np.repeat(np.array([[1, 0, -1]], np.float32) / 3, 3, axis=0)
    both = [cv2.filter2D(plane, -1, k, borderType=cv2.BORDER_CONSTANT) for k in (across, across.T)]
    return np.asarray(np.hypot(*both), np.float32)


def _same_sides(a: NDArray[Any], b: NDArray[Any], least: int, name: str) -> None:
    same_shape(a, b)
    if min(a.shape[:2]) < least:
        raise ValueError(f"{name} needs at least {least} pixels a side, got {a.shape[:2]}")
