"""Correct fading: a network estimates a few physical numbers, the whole photo is computed back."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..film.density import LUMA, Fade, change_density, surface, to_density
from ..film.tone import tone_of
from ..photo import Edit, Origin, Photo, Pixels
from ..recipe import Finding
from ..settings import check_settings, setting
from ..tiling import Tile

PROXY_SIDE = 128
"""The network sees the whole photo, squeezed into a square of this side."""

FIELD_SIDE = 4

BLANK = "hardly any tones to judge by: skipped"

ANSWER = {"gate": 1, "matrix": 9, "base": 3, "tint": 3, "field": FIELD_SIDE**2}
"""What the network answers with, in order: the probability that the photo faded, and the numbers
in `D = matrix (D_faded - base - field tint)`."""

WHITE = 0.98
BLOWN = 0.01
"""Share of the photo that may become pure white."""

SHADOWS = 0.04
"""Encoded value below which what gets darker is rolled off: black is not cut."""

MOST_DIMMING = 0.25
MIDDLE = 0.75
"""Density of middle grey, which contrast turns around."""

WORN, WORN_MARKS = 0.0025, 3
"""Share of damaged pixels, and how many marks, from which a photo counts as worn: one or two may be
mistakes."""

LEAST_RANGE = 16 / 255
"""Between the 5th and the 95th percentile of luma, below which there are no tones to judge by: the
back of a print, a blank page. Of 470 old and aged photos none has less than 78/255."""

STOP = 0.30103
WARM = (-0.05, 0.0, 0.1)

Numbers = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Correction:
    """An affine change of density: `matrix D + offset + surface(grid) tint`."""

    matrix: Numbers
    offset: Numbers
    grid: Numbers
    tint: Numbers

    def __call__(self, tile: Tile | None, pixels: Pixels, size: tuple[int, int]) -> Pixels:
        """Change the pixels that lie at a tile of a photo of (height, width) `size`."""
        place = None if tile is None else tile.read
        numbers = (self.matrix, self.offset, self.grid, self.tint)
        return change_density(pixels, *numbers, place, size, shadows=SHADOWS)

    def scaled(self, strength: float, even: float) -> Correction:
        """Go only part of the way from no change; `even` for the field alone."""
        one = np.eye(3)
        matrix = one + strength * (self.matrix - one)
        return Correction(matrix, strength * self.offset, strength * even * self.grid, self.tint)

    def mixed(self, other: Correction, share: float) -> Correction:
        """Go a share of the way to another correction with the same grid."""
        values = ((getattr(self, n), getattr(other, n)) for n in ("matrix", "offset", "tint"))
        matrix, offset, tint = ((1 - share) * a + share * b for a, b in values)
        return Correction(matrix, offset, self.grid, tint)

    @property
    def fade(self) -> Fade:
        """The fade that this correction undoes."""
        forward = np.linalg.inv(self.matrix)
        base, tint = -forward @ self.offset, -forward @ self.tint
        return Fade.from_restoring(self.matrix, base, self.grid, tint)


@dataclasses.dataclass(frozen=True)
class CorrectFading:
    """Bring back the density, balance and evenness that dyes and silver lost.

    The numbers come from a proxy of the whole photo and are applied at full depth. A photo that
    the network takes for well toned is left alone, unless a knob asks for a change. Photos that
    are damaged or monochrome, as old ones are, faded far more often than others do and need less
    certainty. Grey stays grey: a photo without color changes in density only.
    """

    name: ClassVar[str] = "fading"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.TONE

    strength: float = setting(1.0, "how much of the estimated fading is undone", low=0, high=1)
    gate: float = setting(
        0.995, "certainty that a photo faded below which it is left", low=0, high=1
    )
    old_gate: float = setting(
        0.85, "the same for a photo without color, or on which damage was found", low=0, high=1
    )
    even: float = setting(1.0, "how much of the uneven fading is undone", low=0, high=1)
    keep_tone: float = setting(
        0.5, "how much of the tint of a monochrome print is kept as a tone", low=0, high=1
    )
    exposure: float = setting(
        0.0, "lighter or darker, after all else", low=-2, high=2, unit="stops", wish=True
    )
    contrast: float = setting(
        0.0, "more or less contrast, after all else", low=-1, high=1, wish=True
    )
    warmth: float = setting(0.0, "warmer or cooler, after all else", low=-1, high=1, wish=True)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        """Estimate the fading on a proxy and say what its correction would change."""
        needed, _, notes = self._measure(photo, darkroom)
        return Finding(needed, str(notes["evidence"]))

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        """Compute the photo back, tile by tile; the notes hold the physical numbers."""
        needed, correction, notes = self._measure(photo, darkroom)
        if not needed:
            return Edit(notes=notes)
        out = darkroom.empty(photo.pixels.shape)

        def work(tile: Tile, piece: Pixels) -> Pixels:
            return correction(tile, piece, photo.size)

        return Edit(pixels=darkroom.map(work, photo.pixels, out=out), notes=notes)

    def _measure(self, photo: Photo, darkroom: Darkroom) -> tuple[bool, Correction, dict[str, Any]]:
        """Whether there is work, the correction, and the notes that explain both."""
        proxy = _square(photo)
        certainty, estimate = read_answer(darkroom.model("fading")(proxy))
        tone = tone_of(proxy)
        if tone == "neutral":
            estimate = _neutral(estimate)
        elif tone == "toned":
            estimate = estimate.mixed(_tone_kept(estimate), self.keep_tone)
        correction = estimate.scaled(self.strength, self.even)
        correction, dimmed = _guard_highlights(correction, proxy)
        change = _change(correction, proxy)
        worn = is_worn(photo)
        gate = min(self.gate, self.old_gate) if worn or tone != "color" else self.gate
        toneless = tonal_range(proxy) < LEAST_RANGE
        faded = certainty >= gate and change >= 1 and not toneless
        notes: dict[str, Any] = {
            "evidence": BLANK if toneless else _evidence(estimate.fade, change, faded),
            "certainty": round(certainty, 3),
            "gate": gate,
            "worn": worn,
            "change_255": round(change, 2),
            "tone": tone,
            "dimmed_density": round(dimmed, 4),
        }
        notes |= {key: _plain(value) for key, value in vars(estimate.fade).items()}
        if not faded:
            none = np.zeros(3)
            correction = Correction(np.eye(3), none, np.zeros((FIELD_SIDE, FIELD_SIDE)), none)
        if self.exposure or self.contrast or (self.warmth and photo.pixels.shape[2] == 3):
            notes["evidence"] = notes["evidence"].removesuffix(": skipped") + "; adjusted by hand"
            return True, self._adjusted(correction, photo.pixels.shape[2]), notes
        return faded, correction, notes

    def _adjusted(self, correction: Correction, channels: int) -> Correction:
        """Add what a person asked for."""
        gain = 1 + 0.5 * self.contrast
        shift = MIDDLE * (1 - gain) - STOP * self.exposure
        warm = np.asarray(WARM) * self.warmth * (channels == 3)
        return Correction(
            gain * correction.matrix,
            gain * correction.offset + shift + warm,
            correction.grid,
            gain * correction.tint,
        )


def is_worn(photo: Photo) -> bool:
    """Whether damage speaks for an old photo, which is likelier to have faded."""
    if photo.damage is None:
        return False
    looked = photo.last("damage")
    marks = WORN_MARKS if looked is None else looked.notes.get("marks", WORN_MARKS)
    share = np.count_nonzero(photo.damage) / photo.damage.size
    return bool(marks >= WORN_MARKS and share >= WORN)


def read_answer(answer: NDArray[np.float32]) -> tuple[float, Correction]:
    """Split the network's numbers into the certainty that the photo faded and the correction."""
    numbers = np.asarray(answer, np.float64).ravel()
    parts = np.split(numbers, np.cumsum(list(ANSWER.values()))[:-1])
    gate, matrix, base, tint, field = parts
    matrix = matrix.reshape(3, 3)
    grid = field.reshape(FIELD_SIDE, FIELD_SIDE)
    return float(gate[0]), Correction(matrix, -matrix @ base, grid, -matrix @ tint)


def tonal_range(proxy: Pixels) -> float:
    """Luma between the 5th and the 95th percentile of a photo (H, W, 3) as encoded."""
    low, high = np.percentile(proxy @ np.asarray(LUMA, np.float32), (5, 95))
    return float(high - low)


def _square(photo: Photo) -> Pixels:
    small = photo.proxy(4 * PROXY_SIDE)
    square = cv2.resize(small, (PROXY_SIDE, PROXY_SIDE), interpolation=cv2.INTER_AREA)
    square = square.reshape(PROXY_SIDE, PROXY_SIDE, -1)
    return np.ascontiguousarray(np.broadcast_to(square, (PROXY_SIDE, PROXY_SIDE, 3)), np.float32)


def _grey_part(estimate: Correction) -> tuple[float, float, float]:
    """What a correction does to the luma-weighted density of a grey: gain, offset, share."""
    luma = np.asarray(LUMA)
    matrix, offset, tint = estimate.matrix.sum(axis=1), estimate.offset, estimate.tint
    return float(luma @ matrix), float(luma @ offset), float(luma @ tint)


def _neutral(estimate: Correction) -> Correction:
    """The same change in every channel, so that grey stays exactly grey."""
    gain, offset, share = _grey_part(estimate)
    return Correction(gain * np.eye(3), np.full(3, offset), estimate.grid, np.full(3, share))


def _tone_kept(estimate: Correction) -> Correction:
    """Change the density and leave the differences between the channels, which are the tone."""
    gain, offset, share = _grey_part(estimate)
    matrix = np.eye(3) + (gain - 1) * np.outer(np.ones(3), LUMA)
    return Correction(matrix, np.full(3, offset), estimate.grid, np.full(3, share))


def _guard_highlights(correction: Correction, proxy: Pixels) -> tuple[Correction, float]:
    """Add just enough density that hardly any pixel becomes white that was not."""
    density = to_density(proxy) @ correction.matrix.T + correction.offset
    field = surface(correction.grid, (PROXY_SIDE, PROXY_SIDE))
    density = density + field[:, :, None] * correction.tint
    lowest = density.min(axis=2)[proxy.max(axis=2) < WHITE]
    if lowest.size == 0:
        return correction, 0.0
    dimmed = float(np.clip(-np.percentile(lowest, 100 * BLOWN), 0, MOST_DIMMING))
    return dataclasses.replace(correction, offset=correction.offset + dimmed), dimmed


def _change(correction: Correction, proxy: Pixels) -> float:
    """Mean change of the proxy in 255ths."""
    changed = correction(None, proxy, (PROXY_SIDE, PROXY_SIDE))
    return 255 * float(np.abs(changed - proxy).mean())


def _evidence(fade: Fade, change: float, faded: bool) -> str:
    if not faded and change < 1:
        return f"tone within {change:.1f} of 255 of well-toned: skipped"
    if not faded:
        return f"tone may be off by {change:.1f} of 255, not certain enough: skipped"
    weakest = int(np.argmin(fade.dye))
    even = max(fade.dye) - min(fade.dye) < 0.08
    what = "density" if even else f"{('cyan', 'magenta', 'yellow')[weakest]} dye"
    words = [f"{what} at {fade.dye[weakest]:.0%}"]
    stain = fade.base[2] - fade.base[0]
    if abs(stain) >= 0.02:
        words.append(f"base {'yellowed' if stain > 0 else 'turned blue'} by {abs(stain):.2f} D")
    spread = float(np.ptp(surface(fade.grid, (9, 9))))
    if spread >= 0.1:
        words.append(f"uneven by {spread:.2f} D")
    return f"{', '.join(words)}: corrected by {change:.1f} of 255"


def _plain(values: tuple[float, ...]) -> list[float]:
    return [round(float(value), 4) for value in values]
