"""Photographic density, and what fading does to it: the physics that aging and restoring share.

An image is made of dye (or silver), and dye adds up in *density*, D = -log10(light passed or
reflected). When a photo fades, each dye keeps a share of its density, the dyes leak into one
another's channels, and the base takes on a stain that need not be even:

    D_faded = M D + base + field(x, y) tint,        M = (I + crosstalk) diag(dye)

All of it is affine in density, so restoring is the same thing with the inverse matrix:

    D = M^-1 (D_faded - base - field(x, y) tint)

Pixels count as sRGB-encoded. The curve's power part, ((p + 0.055) / 1.055) ** 2.4, is used down to
black: it never reaches zero light, so black has the density 3.08 of a good film base instead of an
infinite one, and density costs one logarithm. Against the standard's straight toe this differs
below 10/255 only.
"""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ..photo import Pixels

Place = tuple[slice, slice]
"""Rows and columns of the whole photo that a piece was cut from."""

POWER, TOE = 2.4, 0.055
DENSITY = POWER / math.log(10)
"""Density per natural logarithm of the encoded value (with its toe)."""

BLACK = DENSITY * math.log((1 + TOE) / TOE)
"""Density of the encoded value 0: 3.08."""

LUMA = (0.2126, 0.7152, 0.0722)
CHUNK_PIXELS = 2**16


@dataclasses.dataclass(frozen=True)
class Fade:
    """What happened to a photo, in physical numbers; the default is that nothing happened.

    Attributes:
        dye: Share of the density left in the red, green and blue channel, which is what is left
            of the cyan, magenta and yellow dye; 1 is all of it. Equal shares are lost contrast.
        crosstalk: Nine numbers, row by row: density that one unit of the (faded) dye of the
            column adds in the channel of the row. The diagonal is 0.
        base: Density added in each channel: stain (blue above red is yellow) or lost exposure;
            negative where the photo became lighter.
        field: Square grid of extra density, row by row from the upper left, or empty: control
            points of a smooth surface over the photo (see `surface`). Mean 0.
        tint: Share of the field that each channel takes; (1, 1, 1) is grey.
    """

    dye: tuple[float, ...] = (1.0, 1.0, 1.0)
    crosstalk: tuple[float, ...] = (0.0,) * 9
    base: tuple[float, ...] = (0.0, 0.0, 0.0)
    field: tuple[float, ...] = ()
    tint: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        if not len(self.dye) == len(self.base) == len(self.tint) == 3 or len(self.crosstalk) != 9:
            raise ValueError("dye, base and tint take 3 numbers, crosstalk 9")
        if math.isqrt(len(self.field)) ** 2 != len(self.field):
            raise ValueError(f"field must be a square grid, got {len(self.field)} numbers")
        if abs(np.linalg.det(self.matrix)) < 1e-6:
            raise ValueError(f"dye {self.dye} and crosstalk leave nothing to restore from")

    @classmethod
    def from_restoring(
        cls,
        matrix: NDArray[np.floating],
        base: NDArray[np.floating],
        field: NDArray[np.floating],
        tint: NDArray[np.floating],
    ) -> Fade:
        """Name the fade that `D = matrix (D_faded - base - field tint)` undoes."""
        forward = np.linalg.inv(np.asarray(matrix, np.float64))
        dye = np.diag(forward)
        crosstalk = forward / dye[None, :]
        np.fill_diagonal(crosstalk, 0.0)
        return cls(*(tuple(map(float, np.ravel(v))) for v in (dye, crosstalk, base, field, tint)))

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(3, 3): what fading does to the three densities of a pixel."""
        mixing = np.eye(3) + np.reshape(self.crosstalk, (3, 3))
        return np.asarray(mixing * np.asarray(self.dye)[None, :], np.float64)

    @property
    def grid(self) -> NDArray[np.float64]:
        """(n, n) control points of the uneven density; (1, 1) of 0 where it is even."""
        side = math.isqrt(len(self.field))
        return np.reshape(self.field, (side, side)) if side else np.zeros((1, 1))


def to_density(pixels: Pixels) -> Pixels:
    """Turn encoded pixels in [0, 1] into density: white is 0, black 3.08."""
    light = np.log((pixels + np.float32(TOE)) / np.float32(1 + TOE))
    return np.asarray(light * np.float32(-DENSITY), np.float32)


def from_density(density: Pixels) -> Pixels:
    """Turn density back into encoded pixels, clipped to [0, 1]."""
    light = np.exp(density * np.float32(-1 / DENSITY)) * np.float32(1 + TOE)
    return np.asarray(np.clip(light - np.float32(TOE), 0, 1), np.float32)


def fade(
    pixels: Pixels, fade: Fade, place: Place | None = None, size: tuple[int, int] | None = None
) -> Pixels:
    """Fade a photo, or the piece of a photo of (height, width) `size` that lies at `place`.

    Args:
        pixels: (H, W, 1 or 3) as encoded. A grey photo takes the luma-weighted mean of the three
            channels' changes.
        fade: What to do to it.
        place, size: Where the uneven field is read; the whole photo by default.
    Returns:
        New (H, W, C) float32 in [0, 1].
    """
    base, tint = np.asarray(fade.base), np.asarray(fade.tint)
    return change_density(pixels, fade.matrix, base, fade.grid, tint, place, size)


def unfade(
    pixels: Pixels, fade: Fade, place: Place | None = None, size: tuple[int, int] | None = None
) -> Pixels:
    """Undo `fade`; arguments as there. What was clipped does not come back."""
    inverse = np.linalg.inv(fade.matrix)
    offset, tint = -inverse @ np.asarray(fade.base), -inverse @ np.asarray(fade.tint)
    if pixels.shape[2] == 1:
        # Inverse of the mean change, which is not the mean of the inverse changes.
        gain, base, share = (np.dot(LUMA, v) for v in (fade.matrix.sum(1), fade.base, fade.tint))
        one = np.ones(3)
        inverse, offset, tint = np.eye(3) / gain, -one * base / gain, -one * share / gain
    return change_density(pixels, inverse, offset, fade.grid, tint, place, size)


def change_density(
    pixels: Pixels,
    matrix: NDArray[np.floating],
    offset: NDArray[np.floating],
    grid: NDArray[np.floating],
    tint: NDArray[np.floating],
    place: Place | None = None,
    size: tuple[int, int] | None = None,
    shadows: float = 0.0,
) -> Pixels:
    """Compute encoded pixels of density `matrix D + offset + surface(grid) tint`, D that of pixels.

    What would be darker than the encoded value `shadows` is rolled off (see `roll_off`).

    About 0.3 s for 12 megapixels on one core: strips that fit the cache, one logarithm and one
    exponential per sample.
    """
    height, width, channels = pixels.shape
    rows, cols = place or (slice(0, height), slice(0, width))
    size = size or (height, width)
    matrix, offset, tint = (np.asarray(v, np.float64) for v in (matrix, offset, tint))
    if channels == 1:
        luma = np.asarray(LUMA)
        matrix, offset, tint = (
            np.reshape(luma @ v, s)
            for v, s in ((matrix.sum(1), (1, 1)), (offset, (1,)), (tint, (1,)))
        )
    # In natural logarithms of the encoded value, density D is -D / DENSITY; the toe's scale
    # 1 / (1 + TOE) in front and (1 + TOE) behind are folded into the shift.
    scale = math.log(1 + TOE)
    shift = -offset / DENSITY - scale * matrix.sum(1) + scale
    mixing = np.column_stack([matrix, shift]).astype(np.float32)
    slope = [np.float32(share / -DENSITY) for share in tint]
    across = _bernstein(cols, size[1], grid.shape[1]).astype(np.float32)
    down = (_bernstein(rows, size[0], grid.shape[0]) @ grid).astype(np.float32)
    curved = bool(np.any(grid))
    out = np.empty((height, width, channels), np.float32)
    step = max(1, CHUNK_PIXELS // width)
    for top in range(0, height, step):
        strip = slice(top, min(top + step, height))
        light = np.asarray(cv2.log(pixels[strip] + np.float32(TOE)), np.float32)
        light = np.asarray(cv2.transform(light, mixing), np.float32)
        if curved:
            extra = down[strip] @ across.T
            light += cv2.merge([extra * share for share in slope]).reshape(light.shape)
        light = np.asarray(cv2.exp(light), np.float32)
        light -= np.float32(TOE)
        light = light.reshape(out[strip].shape)
        if shadows:
            roll_off(light, pixels[strip], shadows)
        np.clip(light, 0, 1, out=out[strip])
    return out


def roll_off(values: Pixels, before: Pixels, shadows: float) -> None:
    """Bend what became darker than `shadows` like the toe of a film's curve, in place.

    The curve leaves the straight line smoothly and comes near black without reaching it, so that
    shadows that differed still differ. Nothing gets lighter than it was before.

    Args:
        values: Encoded, also below 0.
        before: The same pixels before they were changed, of the same shape.
        shadows: Where the curve leaves the line, above 0.
    """
    if values.min() >= shadows:
        return
    bent = cv2.exp(values * np.float32(1 / shadows) + np.float32(math.log(shadows) - 1))
    bent = np.asarray(bent, np.float32).reshape(values.shape)
    np.copyto(bent, values, where=values >= shadows)
    np.maximum(values, np.minimum(bent, before), out=values)


def surface(
    grid: NDArray[np.floating], size: tuple[int, int], place: Place | None = None
) -> NDArray[np.float64]:
    """Spread a grid of control points over a photo as a Bezier surface.

    It is a polynomial, so it has no kinks that could show in a sky; it stays between the lowest
    and the highest control point, and its mean is the mean of the control points.

    Args:
        grid: (n, m) control points.
        size: (height, width) of the whole photo in pixels.
        place: The part wanted; all of it by default.
    Returns:
        (H, W) of the part.
    """
    rows, cols = place or (slice(0, size[0]), slice(0, size[1]))
    down, across = _bernstein(rows, size[0], len(grid)), _bernstein(cols, size[1], grid.shape[1])
    return np.asarray(down @ grid @ across.T, np.float64)


def _bernstein(span: slice, length: int, points: int) -> NDArray[np.float64]:
    """(pixels, points): weight of each control point at the center of each pixel."""
    t = (np.arange(span.start, span.stop)[:, None] + 0.5) / length
    k = np.arange(points)
    choose = np.array([math.comb(points - 1, int(i)) for i in k], np.float64)
    return np.asarray(choose * t**k * (1 - t) ** (points - 1 - k), np.float64)
