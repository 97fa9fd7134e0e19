"""From probabilities to marks: all that speaks for each candidate of a photo, weighed."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..photo import Mask, Photo, Pixels
from .alike import likely_alike, looks
from .marks import Candidates, Numbers, candidates, highest, with_care
from .soft import grown
from .verify import evidence, evidence_of_peaks

KNOWN = 0.5
"""Share of a mark that is known from a larger level, from which it is not looked at again."""

THICK_PX = 40
"""To how many pixels the thickness that is asked about is shrunk, where it is more."""

Plane = NDArray[np.float32]
Which = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Weighed:
    """The candidates of a photo at one size, and what was found out about them.

    Attributes:
        seen: All of them.
        asked: (n + 1,) those that were weighed.
        likely: (m,) how likely each of these is damage, the wider the more careful.
    """

    seen: Candidates
    asked: Which
    likely: Numbers

    def thick(self, marks: Which, share: float) -> Which:
        """Which of some marks (m,) hold a circle whose diameter is a share of the shorter side."""
        least = share * min(self.seen.labels.shape)
        pairs = zip(np.flatnonzero(self.asked), marks, strict=True)
        return np.array([mark and self._holds(int(number), least) for number, mark in pairs], bool)

    def grown(self, marks: Which, grow_px: int, pixels: Pixels, darkroom: Darkroom) -> Mask:
        """Some marks (m,) as a mask (H, W) of 0 and 1, grown as far as they are soft on the photo,
        whose pixels are given; see `soft.grown`."""
        found = np.zeros(len(self.asked), np.bool_)
        found[self.asked] = marks
        return grown(pixels, self.seen, found, grow_px, darkroom)

    def _holds(self, number: int, least: float) -> bool:
        """Whether a circle of the diameter `least` lies within a candidate."""
        left, top, right, bottom = (int(side) for side in self.seen.boxes[number])
        if min(right - left, bottom - top) < least:
            return False
        step = max(1, int(least / THICK_PX))
        piece = self.seen.labels[top:bottom:step, left:right:step] == number
        inside = cv2.distanceTransform(np.pad(piece, 1).astype(np.uint8), cv2.DIST_L2, 5)
        return bool(2 * step * inside.max() >= least)


def weigh(
    photo: Photo,
    probability: Plane,
    least_px: int,
    usual: float,
    darkroom: Darkroom,
    infrared: Plane | None = None,
    known: Mask | None = None,
) -> Weighed:
    """Find the candidates of a photo at one size and say how likely each is damage.

    Args:
        probability: (H, W) of damage, of which the candidates are pieces.
        least_px: What is smaller is not asked about.
        usual: Share of true marks on photos of the kind, `marks.usual_share`.
        infrared: (H, W), how likely the infrared alone calls each pixel damaged; it needs nobody
            to verify it, and what is dust there is no part of the picture, however wide.
        known: (H, W) of 0 and 1; what lies on it for `KNOWN` of its area is not asked about.
    """
    seen = candidates(probability, darkroom)
    asked = seen.of_size(least_px)
    if known is not None:
        covered = np.bincount(seen.labels.ravel(), known.ravel(), len(seen.areas))
        asked &= covered < KNOWN * seen.areas
    speaking = evidence(photo.pixels, probability, seen, asked, darkroom)
    widths = seen.widths[asked]
    if infrared is not None:
        hidden = evidence_of_peaks(highest(seen, infrared, darkroom)[asked], darkroom)
        widths[hidden >= speaking] = 0
        speaking = np.maximum(speaking, hidden)
    likely = likely_alike(speaking, looks(photo.pixels, seen, asked), usual)
    return Weighed(seen, asked, with_care(likely, widths))
