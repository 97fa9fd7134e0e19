"""Fading as an aging stage: dyes that shrink, a base that stains, and prints without color."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..film.density import LUMA, Fade, fade
from ..photo import Edit, Origin, Photo
from ..recipe import Finding
from ..settings import check_settings, setting

MEDIA = ("print", "slide", "silver")
FIELD_SIDE = 4


@dataclasses.dataclass(frozen=True)
class FadeDyes:
    """Fade a photo with parameters that say everything, so that history replays it exactly."""

    name: ClassVar[str] = "fade"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.TONE

    dye: tuple[float, ...] = setting(
        (1.0, 1.0, 1.0), "Share of density left in red, green and blue", low=0.05, high=2
    )
    crosstalk: tuple[float, ...] = setting(
        (0.0,) * 9, "Density a dye (column) adds in a channel (row)", low=-0.5, high=0.5
    )
    base: tuple[float, ...] = setting(
        (0.0, 0.0, 0.0), "Density of the stain in red, green and blue", low=-1, high=2, unit="D"
    )
    field: tuple[float, ...] = setting(
        (), "Uneven density, a square grid from the upper left", low=-2, high=2, unit="D"
    )
    tint: tuple[float, ...] = setting(
        (1.0, 1.0, 1.0), "Share of the uneven density in red, green and blue", low=-5, high=5
    )

    def __post_init__(self) -> None:
        check_settings(self)
        _ = self.fade

    @property
    def fade(self) -> Fade:
        """The physics of it."""
        return Fade(self.dye, self.crosstalk, self.base, self.field, self.tint)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        """Aging always has work."""
        return Finding(True, _describe(self.fade))

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        """Fade the whole photo."""
        pixels = fade(photo.pixels, self.fade)
        return Edit(pixels=pixels, notes={"evidence": _describe(self.fade)})


@dataclasses.dataclass(frozen=True)
class ToGrey:
    """Make a photo monochrome, as a silver print would show it, toned if asked.

    The number of channels stays. Toning swaps silver for a colored compound, so it adds color in
    proportion to density: whites stay white, which is what tells it from a yellowed base.
    """

    name: ClassVar[str] = "grey"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.TONE

    weights: tuple[float, ...] = setting(
        LUMA, "Share of red, green and blue light in the grey", low=0, high=1
    )
    tone: tuple[float, ...] = setting(
        (1.0, 1.0, 1.0), "Density of the tone in red, green and blue; 1 is neutral", low=0.2, high=3
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if len(self.weights) != 3 or len(self.tone) != 3 or sum(self.weights) <= 0:
            raise ValueError("grey.weights and grey.tone take 3 numbers, weights not all 0")

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        """Aging always has work."""
        return Finding(True, "turned grey")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        """Mix the channels; tone them if there are three."""
        pixels = photo.pixels
        if pixels.shape[2] == 3:
            shares = np.asarray(self.weights, np.float32) / np.float32(sum(self.weights))
            grey = (pixels @ shares)[:, :, None]
            pixels = np.ascontiguousarray(np.repeat(np.clip(grey, 0, 1), 3, axis=2))
            if self.tone != (1.0, 1.0, 1.0):
                pixels = fade(pixels, Fade(dye=self.tone))
        return Edit(pixels=pixels, notes={"evidence": "turned grey"})


def draw_fade(rng: np.random.Generator, severity: float, medium: str = "") -> FadeDyes:
    """Draw how a photo faded.

    Prints lose one dye most (cyan in the dark, magenta in light) and yellow; slides keep magenta;
    silver prints lose density evenly and yellow. All may fade unevenly, most at the edges.

    Args:
        rng: Where chance comes from.
        severity: 0 (nothing happens) to 1 (as bad as family albums hold).
        medium: `print`, `slide` or `silver` (black and white); drawn, mostly print, by default.
    Raises:
        ValueError: Severity outside 0 to 1, or no such medium.
    """
    if not 0 <= severity <= 1:
        raise ValueError(f"severity must be within 0 to 1, got {severity}")
    medium = medium or str(rng.choice(MEDIA, p=(0.6, 0.2, 0.2)))
    if medium not in MEDIA:
        raise ValueError(f"medium must be {', '.join(MEDIA)}, got {medium!r}")
    dye, crosstalk, base = _DRAW[medium](rng, severity)
    base = base + severity * rng.normal(0, 0.05)  # exposure
    field, tint = _draw_field(rng, severity)
    return FadeDyes(*(_plain(v) for v in (dye, crosstalk, base, field, tint)))


def draw_grey(rng: np.random.Generator, toned: float = 0.5) -> ToGrey:
    """Draw a monochrome print: film sensitivity, and a sepia, selenium or blue tone for some.

    Args:
        rng: Where chance comes from.
        toned: Probability of a tone.
    """
    weights = [(0.2126, 0.7152, 0.0722), (0.33, 0.34, 0.33), (0.1, 0.45, 0.45), (0.4, 0.5, 0.1)]
    tone = np.ones(3)
    if rng.random() < toned:
        depth = rng.uniform(0.05, 0.45)
        kind = rng.choice(3, p=(0.75, 0.15, 0.1))
        tints = ((-0.55, 0.05, 1.0), (-0.2, 0.25, 0.0), (0.4, 0.0, -0.3))
        tone = tone + depth * (np.asarray(tints[kind]) + rng.normal(0, 0.06, 3))
    return ToGrey(weights[rng.integers(len(weights))], _plain(tone))


Numbers = NDArray[np.float64]
Drawn = tuple[Numbers, Numbers, Numbers]


def _draw_print(rng: np.random.Generator, severity: float) -> Drawn:
    loss = rng.uniform(0.12, 0.55, 3)
    loss[rng.choice(3, p=(0.5, 0.3, 0.2))] = rng.uniform(0.45, 0.8)
    stain = rng.uniform(0, 0.05) + rng.gamma(2.0, 0.09) * np.array([0.1, rng.uniform(0.3, 0.7), 1])
    return 1 - severity * loss, _draw_crosstalk(rng, severity, 0.1), severity * stain


def _draw_slide(rng: np.random.Generator, severity: float) -> Drawn:
    loss = np.array([rng.uniform(0.35, 0.8), rng.uniform(0, 0.25), rng.uniform(0.25, 0.65)])
    if rng.random() < 0.2:
        loss = rng.permutation(loss)
    stain = rng.normal(0.02, 0.04, 3)
    return 1 - severity * loss, _draw_crosstalk(rng, severity, 0.12), severity * stain


def _draw_silver(rng: np.random.Generator, severity: float) -> Drawn:
    loss = rng.uniform(0.15, 0.7) + rng.normal(0, 0.02, 3)
    if rng.random() < 0.3:  # sulfided silver turns warm
        loss = loss + rng.uniform(0, 0.2) * np.array([0.6, 0.1, -0.6])
    stain = rng.uniform(0, 0.08) + rng.gamma(2.0, 0.08) * np.array([0.1, rng.uniform(0.3, 0.6), 1])
    return 1 - severity * loss, np.zeros(9), severity * stain


def _draw_crosstalk(rng: np.random.Generator, severity: float, most: float) -> Numbers:
    leak = rng.uniform(0, most, (3, 3)) * severity
    np.fill_diagonal(leak, 0)
    return leak.ravel()


def _draw_field(rng: np.random.Generator, severity: float) -> tuple[Numbers, Numbers]:
    if rng.random() < 0.4:
        return np.zeros(0), np.ones(3)
    axis = np.abs(np.linspace(-1, 1, FIELD_SIDE))
    edges = np.maximum(axis[:, None], axis[None, :]) - axis.mean()
    field = rng.normal(0, 0.12, (FIELD_SIDE, FIELD_SIDE))
    field = field * rng.random() + edges * rng.normal(0.05, 0.2)
    tint = np.ones(3) + rng.normal(0, 0.15, 3)
    if rng.random() < 0.4:
        tint = tint + np.array([-0.7, 0.0, 0.7])
    return (severity * (field - field.mean())).ravel(), tint


_DRAW = {"print": _draw_print, "slide": _draw_slide, "silver": _draw_silver}


def _plain(values: Numbers) -> tuple[float, ...]:
    return tuple(round(float(v), 5) for v in np.ravel(values))


def _describe(fade: Fade) -> str:
    left = ", ".join(f"{share:.0%}" for share in fade.dye)
    return f"faded: {left} of red, green, blue density left"
