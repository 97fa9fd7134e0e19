"""What a file's numbers mean: tone curves and primaries, as an ICC matrix profile gives them.

A device value d becomes linear light c = curve(d), and c becomes X = M c, CIE XYZ with the white
D50 of ICC.1 (7.2.16, 8.2). Two such profiles are joined by inverting one of them. A grey profile
has one curve, and its light is that of a neutral.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]

BLOCK_ROWS = 256
ALIKE = 0.5 / 255
"""Profiles closer to sRGB than this, in sRGB-encoded units, are sRGB."""


@dataclasses.dataclass(frozen=True)
class Curve:
    """A rising tone curve from device values to linear light, both 0 to 1.

    Attributes:
        gamma, a, b, c, d, e, f: y = (a x + b)^gamma + e where x >= d, else c x + f; ICC.1, 10.18.
            Below 0 the pure power is continued as an odd function.
        table: Where not empty, samples of the curve at even distances instead.
    """

    gamma: float = 1.0
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 0.0
    f: float = 0.0
    table: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.table:
            rising = bool((np.diff(self.table) >= 0).all() and self.table[-1] > self.table[0])
        else:
            rising = self.gamma > 0 and self.a > 0 and (self.d <= 0 or self.c >= 0)
        if not rising:
            raise ValueError("a tone curve must rise")

    def decode(self, values: Pixels) -> Pixels:
        """Device values to linear light; any shape."""
        if self.table:
            return _interpolate(values, *self._samples)
        if self._is_identity:
            return values
        size = np.abs(values) if self._is_odd else values
        base = np.maximum(np.float32(self.a) * size + np.float32(self.b), 0)
        light = np.power(base, np.float32(self.gamma)) + np.float32(self.e)
        if self._is_odd:
            return np.copysign(light, values)
        straight = np.float32(self.c) * values + np.float32(self.f)
        return np.where(values >= np.float32(self.d), light, straight)

    def encode(self, light: Pixels) -> Pixels:
        """Linear light to device values; the inverse of `decode`."""
        if self.table:
            grid, samples = self._samples
            return _interpolate(light, samples, grid)
        if self._is_identity:
            return light
        size = np.abs(light) if self._is_odd else light
        root = np.power(np.maximum(size - np.float32(self.e), 0), np.float32(1 / self.gamma))
        values = (root - np.float32(self.b)) / np.float32(self.a)
        if self._is_odd:
            return np.copysign(values, light)
        knee = max((self.a * self.d + self.b), 0) ** self.gamma + self.e
        if self.c == 0:
            return np.maximum(values, np.float32(self.d))
        straight = (light - np.float32(self.f)) / np.float32(self.c)
        return np.where(light >= np.float32(knee), values, straight)

    @property
    def _is_identity(self) -> bool:
        return (self.gamma, self.a, self.b, self.e) == (1, 1, 0, 0) and self.d <= 0

    @property
    def _is_odd(self) -> bool:
        return self.b == self.e == 0 and self.d <= 0

    @property
    def _samples(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        samples = np.asarray(self.table)
        # A flat piece has no inverse; a slope far below a 16-bit step gives it one.
        samples = samples + np.linspace(0, 1e-7, len(samples))
        return np.linspace(0, 1, len(samples)), samples


@dataclasses.dataclass(frozen=True)
class Profile:
    """Curves and primaries of one color encoding.

    Attributes:
        name: What the profile calls itself.
        curves: One for grey, three for red, green and blue.
        primaries: XYZ (D50) of red, green and blue, a column each; empty for grey.
    """

    name: str
    curves: tuple[Curve, ...]
    primaries: tuple[tuple[float, float, float], ...] = ()

    def __post_init__(self) -> None:
        if (len(self.curves), len(self.primaries)) not in ((1, 0), (3, 3)):
            raise ValueError(
                "a profile has one curve, or three and three rows of primaries, got "
                f"{len(self.curves)} and {len(self.primaries)}"
            )
        if self.primaries and abs(float(np.linalg.det(self._matrix))) < 1e-6:
            raise ValueError("the primaries of a profile must not lie on a line")

    @property
    def channels(self) -> int:
        """1 or 3."""
        return len(self.curves)

    @property
    def _matrix(self) -> NDArray[np.float64]:
        return np.asarray(self.primaries, np.float64)

    @functools.cached_property
    def to_linear_srgb(self) -> NDArray[np.float32]:
        """(3, 3): linear light of this profile to that of sRGB."""
        return np.asarray(np.linalg.inv(SRGB._matrix) @ self._matrix, np.float32)

    @functools.cached_property
    def from_linear_srgb(self) -> NDArray[np.float32]:
        """(3, 3): the inverse of `to_linear_srgb`."""
        return np.asarray(np.linalg.inv(self._matrix) @ SRGB._matrix, np.float32)


SRGB_CURVE = Curve(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""IEC 61966-2-1:1999, 5.2."""

SRGB = Profile(
    "sRGB",
    (SRGB_CURVE,) * 3,
    (
        (0.4360747, 0.3850649, 0.1430804),
        (0.2225045, 0.7168786, 0.0606169),
        (0.0139322, 0.0971045, 0.7141733),
    ),
)
"""Primaries of ITU-R BT.709, brought from D65 to D50 by Bradford's matrix (ICC.1, annex E)."""

ADOBE_RGB = Profile(
    "Adobe RGB (1998) compatible",
    (Curve(563 / 256),) * 3,
    ((0.60974, 0.20528, 0.14919), (0.31111, 0.62567, 0.06322), (0.01947, 0.06087, 0.74457)),
)
"""Adobe RGB (1998) color image encoding, version 2005-05, 4.3 and annex A: gamma 563/256."""


def to_srgb(pixels: Pixels, profile: Profile | None) -> Pixels:
    """Bring pixels to sRGB-encoded values.

    Args:
        pixels: (H, W, C) float32 in [0, 1], C as the profile has channels.
        profile: What they mean; None is sRGB, and the pixels come back as they are.
    Returns:
        (H, W, C) float32; outside [0, 1] where sRGB does not hold the color.
    """
    if profile is None:
        return pixels
    return _by_rows(pixels, lambda block: _joined(block, profile))


def from_srgb(pixels: Pixels, profile: Profile | None) -> Pixels:
    """Bring sRGB-encoded values to those of a profile; the inverse of `to_srgb`.

    Returns:
        (H, W, C) float32; outside [0, 1] where the profile does not hold the color.
    """
    if profile is None:
        return pixels
    return _by_rows(pixels, lambda block: _parted(block, profile))


def carry_change(
    own: Pixels,
    before: Pixels,
    after: Pixels,
    profile: Profile | None,
    anew: NDArray[np.bool_] | None = None,
) -> Pixels:
    """Make the change of sRGB-encoded values in the numbers of a profile.

    A pixel that did not change keeps its very numbers. The change, not the result, is brought
    over, so that a color beyond sRGB stays there; but not where a pixel was made anew, for what
    stood there, such as a colored scratch, is gone.

    Args:
        own: (H, W, C) as encoded in the file.
        before: The same in sRGB, as the change was worked out from: clipped to [0, 1].
        after: Changed.
        profile: Of `own`; None is sRGB.
        anew: (H, W), which pixels owe nothing to what they were; None is none.
    Returns:
        (H, W, C) float32 in [0, 1] where it changed, else as in `own`.
    """
    result = from_srgb(after, profile)
    carried = own + (result - from_srgb(before, profile))
    if anew is not None:
        carried = np.where(anew[:, :, None], result, carried)
    differs = (after != before).any(axis=2, keepdims=True)
    return np.where(differs, np.clip(carried, 0, 1), own)


def is_srgb(profile: Profile) -> bool:
    """Whether a profile gives the values of sRGB, within half of an 8-bit step."""
    steps = np.linspace(0, 1, 9, dtype=np.float32)
    if profile.channels == 1:
        probe = np.linspace(0, 1, 256, dtype=np.float32).reshape(-1, 1, 1)
    else:
        probe = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 1, 3)
    return bool(np.abs(to_srgb(probe, profile) - probe).max() < ALIKE)


def _joined(block: Pixels, profile: Profile) -> Pixels:
    light = _each(block, [curve.decode for curve in profile.curves])
    if profile.primaries:
        light = light @ profile.to_linear_srgb.T
    return SRGB_CURVE.encode(light)


def _parted(block: Pixels, profile: Profile) -> Pixels:
    light = SRGB_CURVE.decode(block)
    if profile.primaries:
        light = light @ profile.from_linear_srgb.T
    return _each(light, [curve.encode for curve in profile.curves])


def _each(block: Pixels, functions: list[Any]) -> Pixels:
    parts = [function(block[:, :, c]) for c, function in enumerate(functions)]
    return np.stack(parts, axis=2)


def _by_rows(pixels: Pixels, change: Any) -> Pixels:
    """Run `change` over strips of rows, so that its intermediate arrays stay small."""
    out = np.empty_like(pixels)
    for top in range(0, pixels.shape[0], BLOCK_ROWS):
        out[top : top + BLOCK_ROWS] = change(pixels[top : top + BLOCK_ROWS])
    return out


def _interpolate(values: Pixels, x: NDArray[np.float64], y: NDArray[np.float64]) -> Pixels:
    """Straight lines between samples, continued beyond the ends along the whole range's slope."""
    inside = np.interp(values, x, y)
    slope = (y[-1] - y[0]) / (x[-1] - x[0])
    beyond = values - np.clip(values, x[0], x[-1])
    return np.asarray(inside + slope * beyond, np.float32)
