"""Color as numbers: the sRGB curve, luma and CIE Lab. Plain functions on arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LUMA = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue in ITU-R BT.709-6, 3.2."""

_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
"""Linear sRGB to XYZ, white D65; a row adds up to the white point, so that grey has a = b = 0."""


def decode_srgb(encoded: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn sRGB-encoded values into linear light.

    Args:
        encoded: Any shape, float32; 0 to 1, values outside go on along the same curve (below 0
            along the straight part).
    Returns:
        The same shape, float32. `encode_srgb` brings it back within 1e-6.
    References:
        IEC 61966-2-1:1999, 5.2.
    """
    curve = np.power(
        (np.maximum(encoded, 0) + np.float32(0.055)) / np.float32(1.055), np.float32(2.4)
    )
    return np.where(encoded <= 0.04045, encoded / np.float32(12.92), curve)


def encode_srgb(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn linear light into sRGB-encoded values; the inverse of `decode_srgb`.

    Args:
        linear: Any shape, float32; 0 to 1, values outside as in `decode_srgb`.
    Returns:
        The same shape, float32.
    References:
        IEC 61966-2-1:1999, 5.2.
    """
    root = np.power(np.maximum(linear, 0), np.float32(1 / 2.4))
    curve = np.float32(1.055) * root - np.float32(0.055)
    return np.where(linear <= 0.0031308, linear * np.float32(12.92), curve)


def luma(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weigh the channels into one plane of brightness, without touching the curve.

    Args:
        pixels: (H, W, 1 or 3) float32.
    Returns:
        (H, W) float32; for one channel that channel itself.
    References:
        ITU-R BT.709-6, 3.2.
    """
    if pixels.shape[2] == 1:
        return pixels[:, :, 0]
    return pixels @ np.asarray(LUMA, np.float32)


def to_lab(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn sRGB pixels into CIE L*a*b* with the white point D65.

    Args:
        pixels: (H, W, 1 or 3) float32 in [0, 1], sRGB-encoded; one channel is grey.
    Returns:
        (H, W, 3) float32: L* from 0 to 100, a* and b* around 0 for grey.
    References:
        CIE 015:2018, 8.2.1.
    """
    rgb = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    relative = decode_srgb(rgb) @ np.asarray(_XYZ / _XYZ.sum(axis=1, keepdims=True), np.float32).T
    delta = 6 / 29
    straight = relative / np.float32(3 * delta**2) + np.float32(4 / 29)
    x, y, z = np.moveaxis(np.where(relative > delta**3, np.cbrt(relative), straight), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def in_color(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Repeat a grey picture (H, W, 1) to (H, W, 3); a color picture comes back as it is."""
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
