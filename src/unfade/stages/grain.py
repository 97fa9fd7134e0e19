"""`KeepGrain`: give a denoised photo back some of the grain that it came with."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..film.grain import grain_texture, grain_tile, measure_grain
from ..photo import Edit, Grain, Origin, Photo, Pixels
from ..recipe import Finding
from ..settings import check_settings, setting
from ..tiling import Tile
from .denoise import is_denoised

FAINTEST = 0.3 / 255
"""Grain below this is not worth adding: rounding to 8 bits alone is 0.29/255."""


@dataclasses.dataclass(frozen=True)
class KeepGrain:
    """Add synthesized grain, of the spectrum and tone curve measured, to denoised pixels.

    What noise is left after denoising counts: only the missing variance is added. Filled places
    have the grain that their surroundings had when they were filled, and lost it with these;
    untouched ones have their own.
    """

    name: ClassVar[str] = "grain"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.DENOISED

    keep: float = setting(
        0.35, "how much grain the photo keeps: 0 smooth, 1 as it came", low=0, high=1
    )
    seed: int = setting(0, "fixes the grain", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        if self.keep == 0:
            return Finding(False, "none is to be kept: skipped")
        if photo.origin is None or not is_denoised(photo):
            return Finding(False, "nothing was denoised: skipped")
        missing = self._missing(photo)
        if missing is None:
            return Finding(False, "nobody measured it before denoising: skipped")
        if missing.level < FAINTEST:
            return Finding(False, "enough grain is left: skipped")
        return Finding(True, f"grain of {missing.level * 255:.1f}/255 added")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        finding, missing = self.look(photo, darkroom), self._missing(photo)
        if not finding.needed or missing is None or photo.origin is None:
            return Edit(notes={"evidence": finding.evidence})
        texture = grain_texture(missing, self.seed)

        def lay(tile: Tile, pixels: Pixels, origin: NDArray[Any]) -> Pixels:
            smooth = origin >= Origin.DENOISED
            if not smooth.any():
                return pixels
            grainy = grain_tile(texture, missing, pixels, *tile.read)
            grainy += pixels
            np.clip(grainy, 0, 1, out=grainy)
            return np.where(smooth[:, :, None], grainy, pixels)

        pixels = darkroom.map(
            lay, photo.pixels, photo.origin, out=darkroom.empty(photo.pixels.shape)
        )
        return Edit(pixels=pixels, notes={"evidence": finding.evidence, "level": missing.level})

    def _missing(self, photo: Photo) -> Grain | None:
        """The grain to add, or None where nothing was denoised or nobody measured the grain."""
        if photo.grain is None or photo.origin is None or self.keep == 0 or not is_denoised(photo):
            return None
        return missing_grain(photo.grain, measure_grain(photo.pixels, photo.damage), self.keep)


def missing_grain(before: Grain, left: Grain, keep: float) -> Grain:
    """Work out the grain that brings a photo from what is left to a share of what it had.

    Independent noises add by variance, so the amplitude to add is sqrt((keep a)^2 - left^2).
    """
    wanted = keep * np.asarray(before.amplitude)
    there = np.stack(
        [np.interp(before.tones, left.tones, line) for line in np.asarray(left.amplitude).T],
        axis=1,
    )
    if there.shape[1] != wanted.shape[1]:
        there = there.mean(axis=1, keepdims=True)
    add = np.sqrt(np.maximum(wanted**2 - there**2, 0))
    return dataclasses.replace(before, amplitude=tuple(tuple(map(float, row)) for row in add))
