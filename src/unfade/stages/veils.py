"""`LiftVeils`: what lies over the photo and lets it through is computed away, not painted over."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import cv2
import numpy as np

from ..darkroom import Darkroom
from ..photo import Edit, Mask, Origin, Photo, Pixels
from ..recipe import Finding
from ..settings import check_settings, setting
from ..tiling import Tile
from .sight import Plane, Sight, enlarged, follow, see, spread

FIELDS = 7
"""What it answers for each pixel: log odds of a veil, and of each channel two numbers, see
`read_answer`."""

MOST_GAIN = 1.5
"""Largest change in the logarithm of a value; an offset is 1 at most."""

DOUBT = 3.0
"""By how much lower log odds count, at most, where no pixel of the photo is sure enough."""

SEEN, FULL = -2.0, 0.0
"""Log odds from which a pixel next to a certain one is lifted, and from which it is all the way."""


@dataclasses.dataclass(frozen=True)
class Veil:
    """What undoes a veil, seen from afar: `value + gain * value + offset`.

    Gain and offset follow the edges of the photo: around each place they are linear in the value
    itself (a guided filter, so that a strip of tape ends where its edge is and not a little
    before and after. He, Sun and Tang, TPAMI 2013; "Fast Guided Filter", arXiv 1505.00996).

    Attributes:
        slope, base: (h, w, 6) float32 that make `slope * value + base`: three gains, then three
            offsets. Both are 0 from 3 small pixels around the veil on.
    """

    slope: Plane
    base: Plane

    @classmethod
    def along(cls, small: Pixels, gain: Plane, offset: Plane) -> Veil:
        """Make gain and offset (h, w, 3) follow the edges of the small photo (h, w, 3)."""
        fields = [
            follow(field[:, :, c], small[:, :, c]) for field in (gain, offset) for c in range(3)
        ]
        slopes, bases = zip(*fields, strict=True)
        return cls(np.stack(slopes, axis=2), np.stack(bases, axis=2))

    def lift(self, tile: Tile | None, pixels: Pixels, size: tuple[int, int]) -> Pixels:
        """Lift it off the pixels that lie at a tile of a photo of (height, width) `size`."""
        place = (slice(0, size[0]), slice(0, size[1])) if tile is None else tile.read
        slope, base = (enlarged(field, place, size) for field in (self.slope, self.base))
        if pixels.shape[2] == 1:
            slope, base = (
                np.stack([field[:, :, :3].mean(axis=2), field[:, :, 3:].mean(axis=2)], axis=2)
                for field in (slope, base)
            )
        channels = pixels.shape[2]
        gain, offset = (
            slope[:, :, part] * pixels + base[:, :, part]
            for part in (slice(0, channels), slice(channels, None))
        )
        return np.asarray(np.clip(pixels + gain * pixels + offset, 0, 1), np.float32)


@dataclasses.dataclass(frozen=True)
class LiftVeils:
    """Take away stains, tape, light leaks and mirrored silver, through which the photo shows.

    Nothing is invented: each pixel is made lighter or darker, as the network, which sees the whole
    photo small, thinks the veil changed its surroundings; all detail is the photo's own. Where
    nothing shows through any more, the detail stays lost.
    """

    name: ClassVar[str] = "veils"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.TONE

    strength: float = setting(1.0, "how much of a veil is taken away", low=0, high=1)
    certainty: float = setting(
        0.997, "how sure the network must be somewhere under a veil", low=0, high=1
    )
    least: float = setting(
        0.001, "share of the photo under a veil below which it is left", low=0, high=1
    )

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        veil, notes = self._measure(see_veils(photo, darkroom))
        return Finding(veil is not None, str(notes["evidence"]))

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        return self.lifted(photo, see_veils(photo, darkroom), darkroom)

    def lifted(self, photo: Photo, sight: Sight, darkroom: Darkroom) -> Edit:
        """Lift the veils off a photo that the network has seen."""
        veil, notes = self._measure(sight)
        if veil is None:
            return Edit(notes=notes)

        def work(tile: Tile, piece: Pixels) -> Pixels:
            return veil.lift(tile, piece, photo.size)

        out = darkroom.empty(photo.pixels.shape)
        return Edit(pixels=darkroom.map(work, photo.pixels, out=out), notes=notes)

    def covers(self, sight: Sight, darkroom: Darkroom) -> Mask:
        """Where veils are lifted: (H, W), 1 where at least half of the correction is made."""
        opacity = self._opacity(sight.answer)
        return spread(opacity, sight.size, darkroom, lambda large: large >= 0.5)

    def _opacity(self, answer: Plane) -> Plane:
        """How much of the correction is made at each small pixel; 0 everywhere if too few are."""
        opacity = opaque(answer[:, :, 0], self.certainty)
        few = np.count_nonzero(opacity) < self.least * opacity.size
        return np.zeros_like(opacity) if few else opacity

    def _measure(self, sight: Sight) -> tuple[Veil | None, dict[str, Any]]:
        """What undoes the veil, or None, and the notes that explain it."""
        small, answer = sight.small, sight.answer
        opacity = self._opacity(answer)
        share = float(np.count_nonzero(opacity) / opacity.size)
        gain, offset = read_answer(answer)
        notes: dict[str, Any] = {
            "surest": round(float(1 / (1 + np.exp(-answer[:, :, 0].max()))), 4),
            "veiled_share": round(share, 5),
        }
        if share == 0 or self.strength == 0:
            return None, {"evidence": "no stain, tape or light leak: skipped", **notes}
        amount = opacity[:, :, None] * np.float32(self.strength)
        veil = Veil.along(small, amount * gain, amount * offset)
        lifted = veil.lift(None, small, (small.shape[0], small.shape[1]))
        change = 255 * float(np.abs(lifted - small)[opacity > 0].mean())
        notes["change_255"] = round(change, 2)
        evidence = f"a veil over {share:.1%} of the photo: lifted by {change:.0f} of 255"
        return veil, {"evidence": evidence, **notes}


def read_answer(answer: Plane) -> tuple[Plane, Plane]:
    """What to add to a pixel under a veil, over its value and to it: two of (H, W, 3)."""
    gain = np.expm1(np.float32(MOST_GAIN) * np.tanh(answer[:, :, 1:4]))
    return gain, np.tanh(answer[:, :, 4:7])


def opaque(odds: Plane, certainty: float) -> Plane:
    """How much of the correction is made where: pieces that are certain somewhere, soft edges.

    Args:
        odds: (H, W) log odds that a pixel is under a veil.
        certainty: Probability that a piece must reach at its surest.
    Returns:
        (H, W) in [0, 1], 0 outside.
    """
    _, labels = cv2.connectedComponents((odds > SEEN).astype(np.uint8))
    surest = np.full(int(labels.max()) + 1, -np.inf)
    np.maximum.at(surest, labels.ravel().astype(np.int64), odds.ravel())
    kept = surest >= _log_odds(certainty)
    kept[0] = False
    soft = np.clip((odds - SEEN) / (FULL - SEEN), 0, 1)
    return np.asarray(soft * kept[labels], np.float32)


def _log_odds(certainty: float) -> float:
    if 0 < certainty < 1:
        return math.log(certainty / (1 - certainty))
    return math.inf if certainty else -math.inf


def see_veils(photo: Photo, darkroom: Darkroom) -> Sight:
    """Ask the network about the whole photo, small."""
    return see(photo, darkroom.model("veils"))


def veil_probability(sight: Sight, darkroom: Darkroom, certainty: float) -> Plane:
    """How likely each pixel of a photo is under a veil: (H, W) float32 in [0, 1].

    On a photo where the network is nowhere as sure as `certainty`, what it suspects is less likely
    a veil than it says, for most photos have none: by what it lacks, up to `DOUBT` in log odds.
    """
    odds = sight.answer[:, :, 0]
    doubt = np.float32(np.clip(_log_odds(certainty) - float(odds.max()), 0, DOUBT))
    return spread(odds, sight.size, darkroom, lambda large: 1 / (1 + np.exp(doubt - large)))
