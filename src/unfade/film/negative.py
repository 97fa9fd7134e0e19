"""From a negative to the picture: the film's densities, turned around.

A negative records the logarithm of the light that fell on it. Above the base (clear film; for color
film with its orange mask) each channel's density is a mixture of the dyes, and a dye's density
rises with the log exposure E by the film's contrast (gamma, about 0.6):

    D = base + X (contrast E),        X = I + crosstalk

The picture has the density white - E, where `white` is the log exposure of its white, so the
inverse is affine in density: one logarithm and one exponential per sample.

    D_picture = white - X^-1 (D - base) / contrast

Hunt, "The Reproduction of Colour", 6th ed. (2004), ch. 14 and 15.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ..photo import Pixels
from .density import change_density, to_density

Numbers = NDArray[np.float64]

CROSSTALK = 0.06
"""What a dye adds in another's channel, beyond what the orange mask makes up for."""

USUAL_CONTRAST = 0.6
TRUSTED = 0.5
PLAUSIBLE = (0.35, 1.0)
"""Contrast of negative film. A measured one within the range is drawn towards the usual by half
(a flat scene is no flat film); one outside says that the scan is encoded in its own way."""

RANGE = 2.3
WHITE = 0.04
"""Density between black and white, and of white, of a well-toned picture: median over photos."""

CLEAR, SHADOW, LIGHT = 0.2, 0.5, 99.5
"""Percentiles of density that stand for the base, the scene's black, and its white."""

WHITES = (-1.0, 20.0)
"""Log exposures of white that are believed; a frame without any light has none."""

ROLL_PIXELS = 2_000_000
"""Of all frames of a roll together, from which it is measured."""

EMPTY, OPAQUE = 0.985, 0.02
"""Light of the empty gate and of the film holder, where they reach the edge of the scan."""

ORANGE = 0.2
"""Density by which an orange mask stops more blue than red, at least."""


@dataclasses.dataclass(frozen=True)
class Negative:
    """What must be known of a negative to invert it; per channel (one for black and white).

    Attributes:
        base: Density of the clear film.
        contrast: Density per log exposure.
        white: Log exposure of the scene's white, counted from the base.
    """

    base: tuple[float, ...]
    contrast: tuple[float, ...]
    white: tuple[float, ...]

    @property
    def orange(self) -> bool:
        """Whether the base is that of color negative film."""
        return len(self.base) == 3 and self.base[2] - self.base[0] >= ORANGE

    def exposed(self, white: Sequence[float]) -> Negative:
        """The same film, a frame of which has its white at another exposure, all channels alike."""
        more = float(np.mean(np.subtract(white, self.white)))
        return dataclasses.replace(self, white=tuple(value + more for value in self.white))


def measure_negative(frames: Sequence[Pixels]) -> Negative:
    """Measure base, contrast and white over the frames of one roll, or over one frame.

    The base is the clearest film anywhere, so a rebate or a black in one frame serves all. White
    is the brightest of all frames in each channel: no single scene decides the balance.

    Args:
        frames: Small copies (h, w, C) of the scans, as encoded; C alike.
    Raises:
        ValueError: No frame, or channels that differ.
    """
    if not frames or len({frame.shape[2] for frame in frames}) != 1:
        raise ValueError("a roll needs at least one frame, and all in color or all in grey")
    most = max(1, ROLL_PIXELS // len(frames))
    whole = np.concatenate([_film_density(frame, most) for frame in frames])
    base = np.percentile(whole, CLEAR, axis=0)
    dyes = (whole - base) @ _unmixing(len(base)).T
    dark, bright = np.percentile(dyes, (SHADOW, LIGHT), axis=0)
    contrast = _contrast(float(np.mean(bright - dark)))
    white = np.clip(bright / contrast + WHITE, *WHITES)
    return Negative(*(tuple(map(float, v)) for v in (base, np.full(len(base), contrast), white)))


def frame_white(frame: Pixels, film: Negative) -> tuple[float, ...]:
    """Log exposure of one frame's white, on a film that is known."""
    density = _film_density(frame)
    dyes = (density - film.base) @ _unmixing(len(film.base)).T
    white = np.percentile(dyes, LIGHT, axis=0) / film.contrast + WHITE
    return tuple(map(float, np.clip(white, *WHITES)))


def _film_density(frame: Pixels, most: int = 0) -> NDArray[np.float64]:
    """Densities (n, C) of the pixels that show film, evenly chosen where there are more."""
    shown = frame[film_area(frame)]
    step = -(-len(shown) // most) if most else 1
    return to_density(shown[:: max(1, step)]).astype(np.float64)


def invert_negative(pixels: Pixels, film: Negative) -> Pixels:
    """Turn a negative into the picture.

    Args:
        pixels: (H, W, C) float32 as encoded; any piece of the scan.
        film: As measured; C numbers each.
    Returns:
        New (H, W, C) float32 in [0, 1].
    """
    base, contrast, white = map(np.asarray, (film.base, film.contrast, film.white))
    matrix = -_unmixing(len(base)) / contrast[:, None]
    offset = white - matrix @ base
    if len(base) == 1:
        # Three equal channels, of which a grey picture takes the mean.
        matrix, offset = matrix[0, 0] * np.eye(3), np.repeat(offset, 3)
    return change_density(pixels, matrix, offset, np.zeros((1, 1)), np.zeros(3))


def film_area(frame: Pixels, opaque: float = OPAQUE, empty: float = EMPTY) -> NDArray[np.bool_]:
    """Which pixels show film: neither the holder nor the empty gate around it.

    Args:
        frame: (h, w, planes), as encoded.
        opaque, empty: Light of the holder in no plane above this, of the gate in no plane below.
    """
    outside = np.zeros(frame.shape[:2], np.bool_)
    for extreme in (frame.min(axis=2) > empty, frame.max(axis=2) < opaque):
        count, labels = cv2.connectedComponents(extreme.astype(np.uint8))
        edges = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        touches = np.zeros(count, np.bool_)
        touches[edges] = True
        touches[0] = False
        outside |= touches[labels]
    return ~outside if not outside.all() else outside


def looks_negative(frame: Pixels) -> str:
    """What speaks for a color negative, or `''`: its clear film is orange, its blacks are not."""
    if frame.shape[2] != 3:
        return ""
    base = measure_negative([frame]).base
    low, middle, high = base
    if low + 0.5 * ORANGE < middle < high - 0.25 * ORANGE and high - low >= 2 * ORANGE:
        return f"an orange base ({low:.2f}, {middle:.2f}, {high:.2f} of density)"
    return ""


def _contrast(measured: float) -> float:
    """Contrast from the density range of the dyes, drawn towards the usual where plausible."""
    contrast = max(measured / RANGE, 0.05)
    if PLAUSIBLE[0] <= contrast <= PLAUSIBLE[1]:
        return float(contrast**TRUSTED * USUAL_CONTRAST ** (1 - TRUSTED))
    return contrast


def _unmixing(channels: int) -> Numbers:
    """X^-1: from densities to dyes."""
    mixing = np.eye(channels) + CROSSTALK * (1 - np.eye(channels))
    return np.asarray(np.linalg.inv(mixing), np.float64)
