"""From the infrared plane of a scan to the probability of dust, strip by strip."""

from __future__ import annotations

import dataclasses
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..film.infrared import (
    HALO_PX,
    NOISIEST,
    CrossTalk,
    find_dust,
    measure_crosstalk,
    noise_of,
)
from ..film.registration import Alignment, align, register
from ..photo import Photo, Pixels
from ..tiling import Tile, tiles

Plane = NDArray[np.float32]

PROXY = 1024
SAMPLES = 24


@dataclasses.dataclass(frozen=True)
class InfraredReading:
    """What the infrared plane of a scan says.

    Attributes:
        probability: (H, W) float32 in [0, 1] of dust, or None where the plane was refused.
        evidence: One short sentence for people.
        alignment: Where the plane lies over the picture.
        notes: The measurements, for the history.
    """

    probability: Plane | None
    evidence: str
    alignment: Alignment
    notes: dict[str, Any]


def read_infrared_damage(
    photo: Photo, darkroom: Darkroom, alignment: Alignment | None = None
) -> InfraredReading:
    """Register the infrared plane, take the picture off it, and find the dust.

    Args:
        photo: With an infrared plane.
        darkroom: For full-size arrays.
        alignment: Where the plane lies, if that is known; found by `register` by default.
    """
    assert photo.infrared is not None
    where = register(photo.infrared, photo.pixels) if alignment is None else alignment
    crosstalk = _measure(photo.infrared, photo.proxy(PROXY), where)
    work = _Work(photo.size, where, crosstalk)
    noise = work.noise(photo.infrared, photo.pixels)
    notes = {
        "shift_px": where.shift_px,
        "scale": where.scale,
        "rotation": where.rotation,
        "registered_by": where.patches,
        "rest_px": where.rest_px,
        "picture_slope": crosstalk.slope,
        "picture_explained": crosstalk.explained,
        "noise": noise,
    }
    why = crosstalk.refusal()
    if not why and noise > NOISIEST:
        why = f"the infrared plane is too noisy ({noise:.2f} of density)"
    if why:
        return InfraredReading(None, f"infrared not used: {why}", where, notes)
    probability = darkroom.map(
        lambda tile, infrared, pixels: find_dust(work.rest(tile, infrared, pixels), noise),
        photo.infrared,
        photo.pixels,
        out=darkroom.empty(photo.size),
        halo=work.halo,
    )
    return InfraredReading(probability, _told(where), where, notes)


def _told(where: Alignment) -> str:
    if not where.patches:
        return "infrared used as it lies"
    x, y = where.shift_px
    return f"infrared moved by {x:+.1f}, {y:+.1f} px and scaled by {where.scale:+.2%}"


@dataclasses.dataclass(frozen=True)
class _Work:
    """What is done to every tile."""

    size: tuple[int, int]
    alignment: Alignment
    crosstalk: CrossTalk

    @property
    def halo(self) -> int:
        return HALO_PX + self.alignment.reach_px(self.size) + 3

    def rest(self, tile: Tile, infrared: Plane, pixels: Pixels) -> Plane:
        """Infrared density of the read area that neither picture nor lamp explain."""
        laid = align(infrared, self.alignment, self.size, tile.read)
        return self.crosstalk.take_off(laid, pixels, tile.read, self.size)

    def noise(self, infrared: Plane, pixels: Pixels) -> float:
        """The median over tiles spread over the photo."""
        every = list(tiles(self.size, 256, self.halo))
        chosen = every[:: max(1, len(every) // SAMPLES)]
        return float(
            np.median(
                [
                    noise_of(self.rest(tile, infrared[tile.read], pixels[tile.read])[tile.inner])
                    for tile in chosen
                ]
            )
        )


def _measure(infrared: Plane, proxy: Pixels, where: Alignment) -> CrossTalk:
    """Measure the cross-talk on a small copy of both."""
    size = (proxy.shape[1], proxy.shape[0])
    factor = size[0] / infrared.shape[1]
    small = np.asarray(cv2.resize(infrared, size, interpolation=cv2.INTER_AREA), np.float32)
    x, y = where.shift_px
    moved = dataclasses.replace(where, shift_px=(x * factor, y * factor))
    return measure_crosstalk(align(small, moved, (size[1], size[0])), proxy)
