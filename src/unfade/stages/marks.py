"""Which marks are damage: each candidate is judged in the light of all others on the photo.

A bright speck on a clean photo is a lamp or a button; the same speck among a hundred is dust. A
network that sees one tile cannot know. Here the marks it proposes are taken for a mixture of true
and false ones, whose share is estimated on each photo by expectation maximization (Saerens, Latinne
and Decaestecker, "Adjusting the Outputs of a Classifier to New a Priori Probabilities", Neural
Computation 14(1), 2002). The share does not depend on how fine the scan is.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

CANDIDATE = 0.62
"""Probability from which a pixel belongs to a candidate; its mark reaches as far."""

TRUE_BEFORE, FALSE_BEFORE = 0.2, 5.0
"""Marks that count as seen before the first: a photo counts as clean until its marks speak up."""

ROUNDS = 50
CERTAIN = 5e-4

Numbers = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What the peak of a candidate says: log likelihood ratio = slope * log odds + offset.

    The default is that of the network that ships, from training photos held out: of candidates
    with a peak of 0.92 as many are true as false if half of all are.
    """

    slope: float = 0.842
    offset: float = -2.058

    def evidence(self, peaks: NDArray[np.floating]) -> Numbers:
        """Log likelihood ratio of true to false for candidates with these peak probabilities."""
        clipped = np.clip(np.asarray(peaks, np.float64), CERTAIN, 1 - CERTAIN)
        return np.asarray(self.slope * np.log(clipped / (1 - clipped)) + self.offset)


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
