"""How a picture's fine texture fares: its grain against the truth's, and how blurred it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 16
RINGS = 8
TONES = 4
FLAT_SHARE = 0.1
FEWEST = 8
FLOOR = (0.25 / 255) ** 2
"""Variance below which grain is not told apart: that of rounding to 8 bits and as much again."""

Blocks = NDArray[np.float64]


class GrainError(NamedTuple):
    """How far the grain of a picture is from that of the truth.

    Attributes:
        amplitude: Mean over tones of the difference of the standard deviations, in 1/255.
        spectrum_db: Mean over rings of frequency of the difference of the powers, in decibels.
    """

    amplitude: float
    spectrum_db: float


def grain_error(
    picture: NDArray[Any], truth: NDArray[Any], damage: NDArray[Any] | None = None
) -> GrainError | None:
    """Compare the grain of two pictures where the truth is flattest.

    Blocks of 16 px are taken in a grid; the flattest tenth of each of four groups of tone, by the
    truth, is compared with the same places of the picture, in the mean of the channels and
    without each block's mean and slope.

    Args:
        picture, truth: (H, W, C) floats in [0, 1], of equal size.
        damage: (H, W); blocks with any of it are left out.
    Returns:
        None where fewer than 32 blocks are left.
    """
    mine, true = _blocks(picture), _blocks(truth)
    if damage is not None:
        whole = _blocks(damage[:, :, None]).max(axis=(1, 2)) <= 0.5
        mine, true = mine[whole], true[whole]
    if len(true) < TONES * FEWEST:
        return None
    groups = np.array_split(np.argsort(true.mean(axis=(1, 2))), TONES)
    levels, powers = [], []
    for group in groups:
        flat = group[np.argsort(_level(true[group]).std(axis=(1, 2)))]
        flat = flat[: max(FEWEST, int(FLAT_SHARE * len(flat)))]
        pair = [_level(blocks[flat]) for blocks in (mine, true)]
        levels.append([np.sqrt(np.mean(np.square(blocks))) for blocks in pair])
        powers.append([ring_power(blocks) for blocks in pair])
    apart = np.abs(np.diff(np.asarray(levels), axis=1)).mean()
    decibels = 10 * np.log10(np.mean(powers, axis=0) + FLOOR)
    return GrainError(float(apart * 255), float(np.abs(decibels[0] - decibels[1]).mean()))


def ring_power(blocks: Blocks) -> NDArray[np.float64]:
    """Mean power per ring of frequency of (N, 16, 16) blocks; white noise has its variance in each.

    Ring j of the 8 holds the frequencies around (j + 1) / 16 cycles per pixel.
    """
    window = np.outer(np.hanning(SIDE + 1)[:SIDE], np.hanning(SIDE + 1)[:SIDE])
    power = np.square(np.abs(np.fft.fft2(blocks * window))) / np.sum(window**2)
    frequency = np.fft.fftfreq(SIDE) * SIDE
    ring = np.rint(np.hypot(frequency[:, None], frequency[None])).astype(int)
    mean = power.mean(axis=0)
    return np.array([mean[ring == j].mean() for j in range(1, RINGS + 1)])


def blur_effect(pixels: NDArray[Any]) -> float:
    """How blurred a picture is, judged by itself: how little it loses by being blurred again.

    Args:
        pixels: (H, W, 1 or 3) floats in [0, 1], at least 12 pixels a side.
    Returns:
        0 (sharp) to 1 (all blur), along the more blurred of the two directions; 1 for a plain
        surface.
    References:
        Crete, Dolmiere, Ladret and Nicolas (2007), Proc. SPIE 6492, doi:10.1117/12.702790.
    """
    grey = np.ascontiguousarray(_grey(pixels))
    return max(_blur_along(grey), _blur_along(np.ascontiguousarray(grey.T)))


def _blur_along(grey: NDArray[np.float64]) -> float:
    again = cv2.blur(grey, (11, 1), borderType=cv2.BORDER_REFLECT)
    before, after = (
        np.abs(cv2.Sobel(plane, -1, 1, 0, borderType=cv2.BORDER_REFLECT))[2:-1, 2:-1]
        for plane in (grey, again)
    )
    whole = float(before.sum())
    return 1 - float(np.maximum(0, before - after).sum()) / whole if whole else 1.0


def _grey(pixels: NDArray[Any]) -> NDArray[np.float64]:
    if pixels.shape[2] == 1:
        return np.asarray(pixels[:, :, 0], np.float64)
    return np.asarray(pixels, np.float64) @ (0.2125, 0.7154, 0.0721)


def _blocks(pixels: NDArray[Any]) -> Blocks:
    """(N, 16, 16) blocks of the mean of the channels, in a grid from the upper left corner."""
    rows, cols = pixels.shape[0] // SIDE, pixels.shape[1] // SIDE
    plane = pixels[: rows * SIDE, : cols * SIDE].mean(axis=2, dtype=np.float64)
    grid = plane.reshape(rows, SIDE, cols, SIDE).swapaxes(1, 2)
    return grid.reshape(-1, SIDE, SIDE)


def _level(blocks: Blocks) -> Blocks:
    """Take out each block's mean and slope."""
    ramp = np.arange(SIDE) - (SIDE - 1) / 2
    ramp = ramp / np.sqrt(SIDE * np.sum(ramp**2))
    level = blocks - blocks.mean(axis=(1, 2), keepdims=True)
    down = np.einsum("nij,i->n", level, ramp)[:, None, None] * ramp[:, None]
    across = np.einsum("nij,j->n", level, ramp)[:, None, None] * ramp[None]
    return np.asarray(level - down - across)
