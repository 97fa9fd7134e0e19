"""Film grain: a random field with the spectrum and the channel correlation of a film."""

from __future__ import annotations

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
"""(H, W, C) float32 random field of mean 0 and standard deviation 1."""


def grain_field(
    rng: np.random.Generator,
    size: tuple[int, int],
    channels: int,
    radius_px: float = 0.0,
    channel_correlation: float = 1.0,
    sharpening: float = 0.0,
) -> Field:
    """Draw grain of unit strength.

    Args:
        size: (height, width) in pixels.
        channels: 1 or 3.
        radius_px: Standard deviation of the Gaussian run over white noise; 0 is white.
        channel_correlation: Correlation between color channels, 0 to 1; 1 is grey grain.
        sharpening: How much a scanner sharpened it: share of an unsharp mask, 0 is none.
    Returns:
        (H, W, channels) with standard deviation 1 in every channel.
    """
    grey = channels == 1 or channel_correlation >= 1
    margin = _reach(radius_px) + (_reach(_mask_radius(radius_px)) if sharpening > 0 else 0)
    padded = (size[0] + 2 * margin, size[1] + 2 * margin, 1 if grey else channels)
    white = rng.standard_normal(padded, np.float32)
    field = shape_spectrum(white, radius_px, sharpening)
    field = field[margin : margin + size[0], margin : margin + size[1]]
    if grey:
        return np.repeat(field, channels, axis=2)
    return correlate_channels(field, channel_correlation)


def shape_spectrum(white: Field, radius_px: float, sharpening: float = 0.0) -> Field:
    """Blur (and sharpen) white noise, keeping its standard deviation at 1.

    The border, as wide as the filter reaches, is not exact: draw more and cut it off.
    """
    if radius_px <= 0 and sharpening <= 0:
        return white
    field = _blur(white, radius_px)
    if sharpening > 0:
        wide = _blur(field, _mask_radius(radius_px))
        field *= np.float32(1 + sharpening)
        field -= np.float32(sharpening) * wide
    field *= np.float32(1 / _filter_norm(radius_px, sharpening))
    return field


def correlate_channels(field: Field, correlation: float) -> Field:
    """Mix independent channels so that each pair has the correlation asked for, 0 to 1.

    The mixing matrix is the symmetric square root of (1 - rho) I + rho 11', which is a I + b 11'.
    """
    channels = field.shape[2]
    own = np.sqrt(1 - correlation)
    shared = (np.sqrt(1 + (channels - 1) * correlation) - own) / channels
    matrix = np.full((channels, channels), shared, np.float32) + np.float32(own) * np.eye(
        channels, dtype=np.float32
    )
    return np.asarray(cv2.transform(field, matrix), np.float32).reshape(field.shape)


def _reach(radius_px: float) -> int:
    """Half the width of the Gaussian kernel, in pixels; none below a twentieth of a pixel."""
    return int(np.ceil(3 * radius_px)) if radius_px >= 0.05 else 0


def _mask_radius(radius_px: float) -> float:
    """Radius of the unsharp mask for grain of a radius: scanners sharpen at the pixel scale."""
    return radius_px + 0.8


def _blur(field: Field, radius_px: float) -> Field:
    width = 2 * _reach(radius_px) + 1
    if width == 1:
        return field
    blurred = cv2.GaussianBlur(field, (width, width), radius_px)
    return np.asarray(blurred, np.float32).reshape(field.shape)


@functools.lru_cache(maxsize=256)
def _filter_norm(radius_px: float, sharpening: float) -> float:
    """Standard deviation that the filter gives to white noise: the root of its energy."""
    reach = _reach(radius_px) + _reach(_mask_radius(radius_px))
    impulse = np.zeros((2 * reach + 1, 2 * reach + 1, 1), np.float32)
    impulse[reach, reach] = 1
    kernel = _blur(impulse, radius_px)
    if sharpening > 0:
        kernel = (1 + sharpening) * kernel - sharpening * _blur(kernel, _mask_radius(radius_px))
    return float(np.sqrt(np.sum(np.square(kernel, dtype=np.float64))))
