"""`MeasureGrain`: measure grain and noise before anything is changed, for the stages after it."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ..darkroom import Darkroom
from ..film.grain import measure_grain
from ..photo import Edit, Grain, Origin, Photo
from ..recipe import Finding
from ..settings import check_settings
from .denoise import known_grain


@dataclasses.dataclass(frozen=True)
class MeasureGrain:
    """Fill in `Photo.grain`; change no pixels. Before `denoise`, which takes the grain away.

    What is known stays, unless the photo was denoised since, such as one that was restored before.
    """

    name: ClassVar[str] = "measure"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.UNTOUCHED

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        if grain := known_grain(photo):
            return Finding(False, f"{describe(grain)}: known")
        return Finding(True, describe(measure_grain(photo.pixels, photo.damage)))

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        if known_grain(photo):
            return Edit(notes={"evidence": self.look(photo, darkroom).evidence})
        grain = measure_grain(photo.pixels, photo.damage)
        return Edit(
            grain=grain,
            notes={
                "evidence": describe(grain),
                "level": grain.level,
                "radius_px": grain.radius_px,
                "channel_correlation": grain.channel_correlation,
            },
        )


def describe(grain: Grain) -> str:
    """Say it in words: `grain 4.2/255, radius 1.1 px`."""
    return f"grain {grain.level * 255:.1f}/255, radius {grain.radius_px:.1f} px"
