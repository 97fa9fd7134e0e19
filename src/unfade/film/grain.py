"""Film grain: measuring it in a photo, and drawing grain of the same strength and spectrum."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..photo import Grain, Mask, Pixels
from .noise import (
    FIRST,
    RADII,
    SIDE,
    Spectra,
    block_spectra,
    grain_spectrum,
    ring_coefficients,
    split_spectrum,
    texture_spectrum,
)

TONES = 6
FLATTEST = 0.0125
FEWEST_FLAT = 4
REFINEMENTS = 5
FEWEST_BLOCKS = 16
TEXTURE_DOUBT = 0.15
"""This much of the texture's power may pass for noise: its slope is not 2.7 in every photo."""

Field = NDArray[np.float32]
"""(H, W, C) float32 random field of mean 0 and standard deviation 1."""


def measure_grain(pixels: Pixels, damage: Mask | None = None) -> Grain:
    """Measure the grain (or noise) of a photo in its flattest blocks.

    Args:
        pixels: (H, W, C); a large one is sampled, so that scans cost no more than prints.
        damage: Places to leave out.
    Returns:
        Amplitude by tone and channel, radius and channel correlation. The amplitude is 0 where
        there is no grain and where the photo is too small to tell (some 40 px).
    """
    blocks = block_spectra(pixels, damage)
    channels = pixels.shape[2]
    if len(blocks) < FEWEST_BLOCKS:
        return Grain((0.5,), ((0.0,) * channels,))
    groups = _by_tone(blocks)
    chosen = [_flattest(group) for group in groups]
    radius = _fit_radius(chosen)
    for _ in range(REFINEMENTS):
        chosen = [_within_noise(g, c, radius) for g, c in zip(groups, chosen, strict=True)]
        radius = _fit_radius(chosen)
    variance = _variances(chosen, radius)
    return Grain(
        tones=tuple(float(group.tone.mean()) for group in chosen),
        amplitude=tuple(tuple(float(v) for v in row) for row in np.sqrt(variance)),
        radius_px=radius if variance.mean() > (0.3 / 255) ** 2 else 0.0,
        channel_correlation=_correlation(chosen, radius) if channels > 1 else 1.0,
    )


def noise_level(pixels: Pixels) -> float:
    """Measure the noise of a photo as one number: its mean standard deviation, in [0, 1] units."""
    return measure_grain(pixels).level


@dataclasses.dataclass(frozen=True)
class GrainTexture:
    """Endless grain of standard deviation 1: two periodic pictures of it, laid over each other.

    Their sides have no common divisor, so the sum repeats after a million pixels only. It is
    indexed by the place in the photo, and so does not depend on how the photo is tiled.
    """

    pictures: tuple[Field, Field]

    def piece(self, rows: slice, cols: slice) -> Field:
        """Cut out (rows, cols), absolute pixels of the photo: (h, w, C)."""
        first, second = (
            np.take(
                np.take(picture, np.arange(rows.start, rows.stop) % len(picture), axis=0),
                np.arange(cols.start, cols.stop) % len(picture),
                axis=1,
            )
            for picture in self.pictures
        )
        return _sum(first, second)

    def at(self, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> Field:
        """The same at single pixels (n,) of the photo: (n, C)."""
        first, second = (
            picture[rows % len(picture), cols % len(picture)] for picture in self.pictures
        )
        return _sum(first, second)


def _sum(first: Field, second: Field) -> Field:
    """The sum of two pieces of grain, as strong as each of them, in the place of the first."""
    first += second
    first *= np.float32(np.sqrt(0.5))
    return first


def grain_texture(grain: Grain, seed: int = 0) -> GrainTexture:
    """Draw grain with the radius and channel correlation that were measured; kept for reuse."""
    return _texture(grain.radius_px, grain.channel_correlation, len(grain.amplitude[0]), seed)


def grain_tile(
    texture: GrainTexture, grain: Grain, pixels: Pixels, rows: slice, cols: slice
) -> Field:
    """Make the grain for one tile.

    Args:
        texture: From `grain_texture`.
        grain: Says how strong it is at each tone.
        pixels: (h, w, C) what the tile shows without grain.
        rows, cols: Where the tile lies in the photo.
    Returns:
        (h, w, C) to be added to the pixels.
    """
    return _scaled(texture.piece(rows, cols), grain, pixels)


def grain_at(
    texture: GrainTexture,
    grain: Grain,
    pixels: Pixels,
    rows: NDArray[np.intp],
    cols: NDArray[np.intp],
) -> Field:
    """The same for single pixels (n, C), which lie at these rows and columns (n,) of the photo."""
    return _scaled(texture.at(rows, cols)[None], grain, pixels[None])[0]


def _scaled(noise: Field, grain: Grain, pixels: Pixels) -> Field:
    """Grain (h, w, c) as strong as at the tones of pixels (h, w, C), and of as many channels."""
    if noise.shape != pixels.shape:
        noise = np.repeat(noise[:, :, :1], pixels.shape[2], axis=2)
    noise *= amplitude_at(grain, pixels)
    return noise


def amplitude_at(grain: Grain, pixels: Pixels) -> Field:
    """Look up the grain's amplitude at the tone (mean of the channels) of each pixel.

    Between the tones that were measured it is interpolated. Black and white themselves cannot be
    measured; there it is a quarter of that at the nearest tone, as film's ends are smooth.

    Returns:
        (H, W, C) in [0, 1] units.
    """
    channels = pixels.shape[2]
    curve = np.asarray(grain.amplitude, np.float64)
    curve = np.vstack([curve[:1] / 4, curve, curve[-1:] / 4])
    knots = np.array([min(0.0, grain.tones[0]), *grain.tones, max(1.0, grain.tones[-1])])
    steps = np.linspace(0, 1, 256)
    table = np.stack([np.interp(steps, knots, line) for line in curve.T], axis=1)
    table = np.broadcast_to(
        table if table.shape[1] == channels else table.mean(axis=1, keepdims=True), (256, channels)
    )
    tone = pixels.mean(axis=2)
    index = np.clip(np.rint(tone * np.float32(255)), 0, 255).astype(np.uint8)
    return np.asarray(np.take(table.astype(np.float32), index, axis=0))


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


@functools.lru_cache(maxsize=4)
def _texture(radius_px: float, correlation: float, channels: int, seed: int) -> GrainTexture:
    rng = np.random.default_rng(seed)
    first, second = (
        _periodic_grain(rng, side, channels, radius_px, correlation) for side in (1024, 937)
    )
    return GrainTexture((first, second))


def _periodic_grain(
    rng: np.random.Generator, side: int, channels: int, radius_px: float, correlation: float
) -> Field:
    grey = channels == 1 or correlation >= 1
    white = rng.standard_normal((side, side, 1 if grey else channels), np.float32)
    margin = _reach(radius_px)
    wrapped = np.pad(white, ((margin, margin), (margin, margin), (0, 0)), mode="wrap")
    field = shape_spectrum(wrapped, radius_px)[margin : margin + side, margin : margin + side]
    field = (
        np.repeat(field, channels, axis=2)
        if grey
        else correlate_channels(np.ascontiguousarray(field), correlation)
    )
    field.flags.writeable = False
    return field


def _by_tone(blocks: Spectra) -> list[Spectra]:
    """Sort blocks into groups of equal number, from dark to bright."""
    count = int(np.clip(len(blocks) // 60, 1, TONES))
    order = np.argsort(blocks.tone.mean(axis=1))
    return [blocks[part] for part in np.array_split(order, count)]


def _flattest(group: Spectra) -> Spectra:
    count = max(FEWEST_FLAT, int(FLATTEST * len(group)))
    return group[np.argsort(_energy(group))[:count]]


def _within_noise(group: Spectra, chosen: Spectra, radius_px: float) -> Spectra:
    """Take every block that is no stronger than noise like that of the chosen ones would be.

    The flattest blocks of all have, by choice, less than the mean noise; taking in the others
    that noise explains removes this bias. Texture beyond the chosen blocks' stays out.
    """
    count = ring_coefficients()[FIRST:]
    amount, texture, _ = split_spectrum(chosen.power.mean(axis=(0, 1)), radius_px)
    noise = grain_spectrum(radius_px)[FIRST:]
    expected = np.sum(count * (amount * noise + texture * texture_spectrum()[FIRST:])) / SIDE**2
    # Degrees of freedom of a block: of its coefficients, shared by neighbors under the window.
    freedom = 0.264 * np.sum(count * noise) ** 2 / np.sum(count * noise**2)
    wanted = _energy(group) < expected * (1 + 1.5 * np.sqrt(2 / freedom))
    return group[wanted] if np.count_nonzero(wanted) > len(chosen) else chosen


def _energy(blocks: Spectra) -> NDArray[Any]:
    count = ring_coefficients()[FIRST:].astype(np.float32)
    return np.asarray(blocks.power.mean(axis=1)[:, FIRST:] @ count / SIDE**2)


def _fit_radius(chosen: list[Spectra]) -> float:
    """The radius whose spectrum, together with texture, fits all tones best."""
    power = np.stack([group.power.mean(axis=(0, 1)) for group in chosen])
    errors = [split_spectrum(power, radius)[2].mean() for radius in RADII]
    return float(RADII[int(np.argmin(errors))])


def _variances(chosen: list[Spectra], radius_px: float) -> NDArray[np.float64]:
    """Variance of the noise by group and channel; where texture hides it, as in flatter tones."""
    power = np.stack([group.power.mean(axis=0) for group in chosen])
    each, texture, _ = split_spectrum(power, radius_px)
    each = np.maximum(each - TEXTURE_DOUBT * texture, 0)
    mean, rest = each.mean(axis=1), texture.mean(axis=1)
    trust = np.square(mean / (mean + rest + 1e-12))
    low = np.sort(mean)[min(1, len(mean) - 1)]
    wanted = trust * mean + (1 - trust) * np.minimum(mean, low)
    return np.asarray(each * (wanted / np.maximum(mean, 1e-12))[:, None])


def _correlation(chosen: list[Spectra], radius_px: float) -> float:
    """Correlation of the noise between channels; texture is taken to be common to them all."""
    noise = ring_coefficients() * grain_spectrum(radius_px)
    shared = own = 0.0
    for group in chosen:
        power, both = group.power.mean(axis=(0, 1)), group.shared.mean(axis=0)
        texture = split_spectrum(power, radius_px)[1] * texture_spectrum()
        weight = (noise / (power + 1e-12))[FIRST:] / max(float(power[FIRST:].mean()), 1e-12)
        shared += float(np.sum(weight * (both - texture)[FIRST:]))
        own += float(np.sum(weight * (power - texture)[FIRST:]))
    return float(np.clip(shared / own, 0, 1)) if own > 0 else 1.0
