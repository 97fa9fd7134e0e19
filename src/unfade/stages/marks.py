"""Which marks are damage: each candidate is judged in the light of all others on the photo.

A bright speck on a clean photo is a lamp or a button; the same speck among a hundred is dust. A
network that sees one tile cannot know. Here the marks it proposes are taken for a mixture of true
and false ones, whose share is estimated on each photo by expectation maximization (Saerens, Latinne
and Decaestecker, "Adjusting the Outputs of a Classifier to New a Priori Probabilities", Neural
Computation 14(1), 2002). The share does not depend on how fine the scan is.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom

CANDIDATE = 0.62
"""Probability from which a pixel belongs to a candidate; its mark reaches as far."""

TRUE_BEFORE, FALSE_BEFORE = 0.2, 5.0
"""Marks that count as seen before the first: a photo counts as clean until its marks speak up."""

ROUNDS = 50
CERTAIN = 5e-4

Numbers = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Candidates:
    """The marks that a network proposes on a photo.

    Attributes:
        labels: (H, W) int32: number of the candidate that a pixel belongs to, 0 for none.
        areas: (n + 1,) pixels of each; the first is what belongs to none.
        peaks: (n + 1,) highest probability within each.
    """

    labels: NDArray[np.int32]
    areas: NDArray[np.int32]
    peaks: NDArray[np.float32]

    def of_size(self, least_px: int) -> NDArray[np.bool_]:
        """(n + 1,): which have so many pixels; what belongs to none does not count."""
        large = self.areas >= least_px
        large[0] = False
        return np.asarray(large, np.bool_)


def candidates(probability: NDArray[np.float32], darkroom: Darkroom) -> Candidates:
    """Find the candidates in (H, W) probabilities: pieces, also across corners, of `CANDIDATE`."""
    size = (probability.shape[0], probability.shape[1])
    marks = np.empty(size, np.uint8)

    def mark(rows: slice) -> None:
        marks[rows] = probability[rows] >= CANDIDATE

    darkroom.strips(mark, size)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(marks, connectivity=8)
    labels, peaks = np.asarray(pieces, np.int32), np.zeros(count, np.float32)

    def climb(rows: slice) -> None:
        within = marks[rows] > 0
        np.maximum.at(peaks, labels[rows][within], probability[rows][within])

    darkroom.strips(climb, size)
    return Candidates(labels, np.asarray(stats[:, cv2.CC_STAT_AREA], np.int32), peaks)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What the peak of a candidate says: log likelihood ratio = slope * log odds + offset.

    The default is that of the network that ships, from training photos held out: of candidates
    with a peak of 0.93 as many are true as false if half of all are.
    """

    slope: float = 0.995
    offset: float = -2.638

    def evidence(self, peaks: NDArray[np.floating]) -> Numbers:
        """Log likelihood ratio of true to false for candidates with these peak probabilities."""
        return np.asarray(self.slope * log_odds(peaks) + self.offset)


def log_odds(probabilities: NDArray[np.floating]) -> Numbers:
    """Log odds of probabilities, kept away from 0 and 1 by what half precision can tell."""
    clipped = np.clip(np.asarray(probabilities, np.float64), CERTAIN, 1 - CERTAIN)
    return np.asarray(np.log(clipped / (1 - clipped)))


def judge(
    peaks: NDArray[np.floating], calibration: Calibration = Calibration()
) -> tuple[Numbers, float]:
    """How likely each candidate of a photo is damage, and which share of them is.

    Args:
        peaks: (n,) highest probability of damage within each candidate.
    Returns:
        (n,) in [0, 1], and the share in [0, 1].
    """
    evidence = calibration.evidence(peaks)
    share = TRUE_BEFORE / (TRUE_BEFORE + FALSE_BEFORE)
    likely = np.zeros_like(evidence)
    for _ in range(ROUNDS):
        likely = 1 / (1 + np.exp(-(evidence + np.log(share / (1 - share)))))
        share = float(likely.sum() + TRUE_BEFORE) / (len(likely) + TRUE_BEFORE + FALSE_BEFORE)
    return likely, share
