"""How much of a picture is noise: power spectra of its flattest blocks, and traces of JPEG.

A block of a photograph holds noise plus texture. Noise is everywhere and has a spectrum that is
flat up to the grain's own cut-off; texture differs from block to block and its power falls with
frequency about as f^-2.7. So the flattest blocks are looked for, tone by tone, and their mean
spectrum is written as  P(f) = A M(f; radius) + T f^-2.7,  where A is the variance of the noise.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..photo import Mask, Pixels
from ..scratch import release

GATHERED = 128
SIDE = 16
RINGS = 12
FIRST = 2
TEXTURE_SLOPE = 2.7
FLOOR = 0.05
BLACK, WHITE = 0.5 / 255, 254.5 / 255
CUT_SHARE = 0.02
"""Share of a block that is cut off from which it tells nothing of noise."""

RADII = (0.0, *(round(0.25 * 1.12**n, 3) for n in range(23)))

Array = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Spectra:
    """Blocks of a picture, each with its tone and its power per ring of frequency.

    Attributes:
        tone: (N, C) mean of each block in [0, 1].
        power: (N, C, RINGS) variance per coefficient; white noise of standard deviation s has
            s**2 in every ring. Ring j is j/16 cycles per pixel.
        shared: (N, RINGS) the same, of products of two channels, averaged over the pairs.
    """

    tone: Array
    power: Array
    shared: Array

    def __len__(self) -> int:
        return len(self.tone)

    def __getitem__(self, which: NDArray[Any]) -> Spectra:
        return Spectra(self.tone[which], self.power[which], self.shared[which])


def block_spectra(pixels: Pixels, damage: Mask | None = None, most: int = 2000) -> Spectra:
    """Measure blocks of 16 px, spread evenly, that are not clipped, damaged or painted flat.

    Args:
        most: Number of blocks at most; large pictures are sampled.
    """
    rows, cols = _places((pixels.shape[0], pixels.shape[1]), most)
    if damage is not None and len(rows):
        hurt = _gather(damage, rows, cols)
        whole = hurt.max(axis=(1, 2)) < 0.1
        rows, cols = rows[whole], cols[whole]
    if not len(rows):
        return _spectra(np.zeros((0, pixels.shape[2], SIDE**2), np.float32))
    blocks = _gather(pixels, rows, cols).reshape(len(rows), pixels.shape[2], SIDE**2)
    share = np.full(SIDE**2, SIDE**-2, np.float32)
    blocks = blocks[(cut_off(blocks).astype(np.float32) @ share).max(axis=1) < CUT_SHARE]
    # Mats and borders painted by software say nothing about the photo within them; where most of
    # the picture is like that it is a graphic, and its flatness is the answer.
    painted = (blocks == blocks[:, :, :1]).all(axis=(1, 2))
    if 2 * np.count_nonzero(painted) < len(blocks):
        blocks = blocks[~painted]
    return _spectra(blocks)


def cut_off(values: Array) -> NDArray[np.bool_]:
    """Which values are black or white as 8 bits have it: what noise was there is cut off."""
    return (values < BLACK) | (values > WHITE)


def _gather(
    array: NDArray[np.float32], rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Copy the blocks at some places, a few at a time: each draws in far more of a scratch file."""
    windows = np.lib.stride_tricks.sliding_window_view(array, (SIDE, SIDE), axis=(0, 1))
    pieces = []
    for at in range(0, len(rows), GATHERED):
        pieces.append(windows[rows[at : at + GATHERED], cols[at : at + GATHERED]])
        release(array)
    return np.concatenate(pieces)


def ring_coefficients() -> NDArray[np.float64]:
    """How many of the 256 coefficients of a block lie in each ring."""
    return np.asarray(_grid()[1].sum(axis=0))


@functools.lru_cache(maxsize=64)
def grain_spectrum(radius_px: float) -> NDArray[np.float64]:
    """Spectrum of Gaussian grain of variance 1 as a block sees it, per ring."""
    fine = 96
    reach = int(np.ceil(3 * radius_px))
    kernel = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / max(radius_px, 1e-6)))
    kernel /= np.sqrt(np.sum(kernel**2))
    power = np.square(np.abs(np.fft.fft(kernel, fine)))
    window = np.square(np.abs(np.fft.fft(_window(), fine)))
    seen = np.fft.ifft(np.fft.fft(power) * np.fft.fft(window / window.sum())).real
    line = seen[np.arange(SIDE) * fine // SIDE]
    plane = np.outer(line, line[: SIDE // 2 + 1]).ravel()
    rings = _grid()[1]
    return np.asarray(plane @ rings / rings.sum(axis=0))


def texture_spectrum() -> NDArray[np.float64]:
    """Spectrum of texture, per ring, 1 at ring 4; the rings below FIRST are not used."""
    return np.asarray((np.maximum(np.arange(RINGS), 1) / 4) ** -TEXTURE_SLOPE)


def split_spectrum(
    power: NDArray[Any], radius_px: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Split spectra into grain of a radius and texture: least squares of the relative error.

    Errors are relative to the power plus a twentieth of its mean, so that rounding to 8 bits,
    which shows where coarse grain has no power, does not decide.

    Args:
        power: (..., RINGS).
    Returns:
        Variance of the grain, power of the texture at ring 4, and the mean squared relative
        error that remains, each (...).
    """
    used = slice(FIRST, RINGS)
    weight = ring_coefficients()[used]
    weight = weight / weight.sum()
    seen = np.maximum(np.asarray(power, np.float64)[..., used], 1e-12)
    unit = seen + FLOOR * np.sum(weight * seen, axis=-1, keepdims=True)
    seen = seen / unit
    grain = grain_spectrum(radius_px)[used] / unit
    texture = texture_spectrum()[used] / unit
    gg, gt, tt = (
        np.sum(weight * a * b, axis=-1)
        for a, b in ((grain, grain), (grain, texture), (texture, texture))
    )
    g, t = np.sum(weight * grain * seen, axis=-1), np.sum(weight * texture * seen, axis=-1)
    determinant = np.maximum(gg * tt - gt * gt, 1e-30)
    both = (g * tt - t * gt) / determinant, (t * gg - g * gt) / determinant
    amount = np.where(both[1] < 0, g / gg, np.maximum(both[0], 0))
    rest = np.where(both[0] < 0, t / tt, np.maximum(both[1], 0))
    miss = seen - amount[..., None] * grain - rest[..., None] * texture
    error = np.sum(weight * np.square(miss), axis=-1)
    return amount, rest, error


def jpeg_blockiness(pixels: Pixels, most: int = 2**20) -> float:
    """Measure the 8 px grid that JPEG leaves: the excess of jumps across it over those beside it.

    Args:
        pixels: (H, W, C); large pictures are sampled by strips.
        most: Pixels looked at, at most.
    Returns:
        Median excess in [0, 1] units at the grid's strongest position, along rows and columns,
        the smaller of the two; about 0 where there is no grid.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < 4 * 8:
        return 0.0
    side = int(np.sqrt(most))
    top, left = max(0, height - side) // 2, max(0, width - side) // 2
    middle = pixels[top : top + side, left : left + side]
    luma = np.ascontiguousarray(middle.mean(axis=2))
    return min(_grid_excess(luma), _grid_excess(np.ascontiguousarray(luma.T)))


def _grid_excess(luma: Array) -> float:
    """Second differences across each column: a step between flat blocks stands out in them."""
    slope = np.diff(luma, axis=1)
    jump = np.abs(slope[:, 1:-1] - 0.5 * (slope[:, :-2] + slope[:, 2:]))
    jump = jump[:, : jump.shape[1] // 8 * 8]
    phases = np.minimum(jump, 0.1).mean(axis=0).reshape(-1, 8)
    # The median over the picture's columns keeps single edges out.
    level = np.median(phases, axis=0)
    best = int(level.argmax())
    others = np.delete(level, best)
    return float(max(0.0, level[best] - others.max()))


def _places(size: tuple[int, int], most: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Corners of blocks on an even lattice, each moved a little so as not to follow a grid."""
    height, width = size[0] - SIDE + 1, size[1] - SIDE + 1
    if height < 1 or width < 1:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    step = max(SIDE / 2, np.sqrt(height * width / most))
    rows, cols = np.meshgrid(np.arange(0, height, step), np.arange(0, width, step), indexing="ij")
    jitter = np.random.default_rng(0).uniform(0, step, (2, rows.size))
    rows = np.minimum(rows.ravel() + jitter[0], height - 1).astype(np.intp)
    cols = np.minimum(cols.ravel() + jitter[1], width - 1).astype(np.intp)
    return rows, cols


def _window() -> NDArray[np.float64]:
    window = np.hanning(SIDE + 1)[:SIDE]
    return np.asarray(window / np.sqrt(np.mean(window**2)))


@functools.lru_cache(maxsize=1)
def _grid() -> tuple[Array, NDArray[np.float64]]:
    """The projector that takes out a block's mean and slope; and which ring a coefficient is in.

    The second is (16 * 9, RINGS): 2 for a coefficient that stands for its mirror image as well.
    """
    ramp = np.arange(SIDE) - (SIDE - 1) / 2
    plane = np.stack(
        [np.ones((SIDE, SIDE)), np.add.outer(ramp, 0 * ramp), np.add.outer(0 * ramp, ramp)]
    ).reshape(3, -1)
    unit = plane / np.linalg.norm(plane, axis=1, keepdims=True)
    down, right = np.fft.fftfreq(SIDE) * SIDE, np.arange(SIDE // 2 + 1)
    ring = np.rint(np.hypot(down[:, None], right[None])).astype(int).ravel()
    twice = np.broadcast_to(np.where(right % (SIDE // 2) == 0, 1, 2), (SIDE, right.size)).ravel()
    member = (ring[:, None] == np.arange(RINGS)) * twice[:, None].astype(np.float64)
    return unit.astype(np.float32), member


def _spectra(blocks: Array) -> Spectra:
    """Spectra of (N, C, 256) blocks; the transform is a product of small matrices, as is fast."""
    count, channels = blocks.shape[:2]
    plane, member = _grid()
    flat = np.ascontiguousarray(blocks, np.float32).reshape(-1, SIDE**2)
    tone = flat.mean(axis=1).reshape(count, channels)
    level = np.asarray(flat - (flat @ plane.T) @ plane, np.float32)
    down, right = _waves()
    half = (level.reshape(-1, SIDE) @ right).reshape(-1, SIDE, right.shape[1])
    both = np.matmul(down, half)
    n = SIDE // 2 + 1
    cc, cs = both[:, :SIDE, :n], both[:, :SIDE, n:]
    sc, ss = both[:, SIDE:, :n], both[:, SIDE:, n:]
    real = (cc - ss).reshape(count, channels, SIDE * n)
    imag = (cs + sc).reshape(count, channels, SIDE * n)
    mean = (member / member.sum(axis=0)).astype(np.float32)
    power = np.square(real) + np.square(imag)
    if channels == 1:
        return Spectra(tone, power @ mean, (power @ mean)[:, 0])
    # The power of the sum holds the channels' own powers and each product of two of them twice.
    total = np.square(real.sum(axis=1)) + np.square(imag.sum(axis=1)) - power.sum(axis=1)
    return Spectra(tone, power @ mean, total @ mean / (channels * (channels - 1)))


@functools.lru_cache(maxsize=1)
def _waves() -> tuple[Array, Array]:
    """Windowed cosines above sines, (2 * 16, 16), and cosines beside sines, (16, 2 * 9)."""
    place = np.arange(SIDE)
    angle = 2 * np.pi / SIDE * np.outer(place, place)
    waves = np.concatenate([np.cos(angle), np.sin(angle)]) * _window() / np.sqrt(SIDE)
    right = np.concatenate([waves[: SIDE // 2 + 1], waves[SIDE : SIDE + SIDE // 2 + 1]]).T
    return waves.astype(np.float32), np.ascontiguousarray(right, np.float32)
