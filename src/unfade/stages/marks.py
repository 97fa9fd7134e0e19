"""Which marks are damage: each candidate is judged in the light of all others on the photo.

A bright speck on a clean photo is a lamp or a button; the same speck among a hundred is dust. A
network that sees one tile cannot know. Here the marks it proposes are taken for a mixture of true
and false ones, whose share is estimated on each photo by expectation maximization (Saerens, Latinne
and Decaestecker, "Adjusting the Outputs of a Classifier to New a Priori Probabilities", Neural
Computation 14(1), 2002). The share does not depend on how fine the scan is. It is believed by half:
candidates of a photo err alike, and a leafy tree must not hide the specks in the sky above it.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..film.tone import photo_tone
from ..photo import Photo
from .levels import SIDE

CANDIDATE = 0.4
"""Probability from which a pixel belongs to a candidate; its mark reaches as far."""

TRUE_BEFORE, FALSE_BEFORE = 0.2, 5.0
"""Marks that count as seen before the first: a photo counts as clean until its marks speak up."""

USUAL = 0.2
"""Share of true marks among all candidates, over many photos in color, most of which are clean."""

USUAL_MONOCHROME = 0.5
"""The same of monochrome photos, which are mostly old. Both were chosen on photos held out of
training, with the calibration of the network that verifies."""

TRUST = 0.5
"""How far the share of one photo is believed, against the usual one."""

CARE_WIDTH, CARE_POWER = 0.015, 2.0
"""Width of a mark, as of `Candidates.widths`, from which on an error with it is dear, and how fast
it gets so."""

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
        means: (n + 1,) mean log odds within each; the first means nothing.
        boxes: (n + 1, 4) left, top, right and bottom in pixels; the first means nothing.
    """

    labels: NDArray[np.int32]
    areas: NDArray[np.int64]
    peaks: NDArray[np.float32]
    means: Numbers
    boxes: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n + 1,) longer sides of their boxes in pixels."""
        return np.asarray(np.maximum(1, (self.boxes[:, 2:] - self.boxes[:, :2]).max(axis=1)))

    @property
    def widths(self) -> Numbers:
        """(n + 1,) areas over `lengths`, over the shorter side of the photo.

        What is smaller than the photos that networks learned from is a detail of one.
        """
        return np.asarray(self.areas / self.lengths / max(SIDE, min(self.labels.shape)))

    def of_size(self, least_px: int) -> NDArray[np.bool_]:
        """(n + 1,): which have so many pixels; what belongs to none does not count."""
        large = self.areas >= least_px
        large[0] = False
        return np.asarray(large, np.bool_)


def candidates(
    probability: NDArray[np.float32], darkroom: Darkroom, level: float = CANDIDATE
) -> Candidates:
    """Find the candidates in (H, W) probabilities: pieces, also across corners, from a level on.

    Strip by strip, so that a scan may be larger than memory; what reaches from one strip into the
    next is joined afterwards.
    """
    size = (probability.shape[0], probability.shape[1])
    labels = darkroom.empty(size, np.int32)
    areas, peaks = [np.zeros(1, np.int64)], [np.zeros(1, np.float32)]
    sums: list[Numbers] = [np.zeros(1)]
    boxes = [np.zeros((1, 4), np.int64)]
    touching: list[NDArray[np.int32]] = []
    known = 0

    def label(rows: slice) -> None:
        nonlocal known
        seen = probability[rows]
        marks = (seen >= level).astype(np.uint8)
        count, pieces, stats, _ = cv2.connectedComponentsWithStats(marks, connectivity=8)
        found = np.asarray(pieces, np.int32)
        highest = np.zeros(count, np.float32)
        within = marks > 0
        np.maximum.at(highest, found[within], seen[within])
        areas.append(np.asarray(stats[1:, cv2.CC_STAT_AREA], np.int64))
        peaks.append(highest[1:])
        odds = np.bincount(found[within], log_odds(seen[within]), count)
        sums.append(np.asarray(odds[1:], np.float64))
        boxes.append(_boxes(np.asarray(stats[1:], np.int64), rows.start))
        labels[rows] = np.where(within, found + known, 0)
        known += count - 1
        if rows.start:
            touching.extend(_touching(labels[rows.start - 1], labels[rows.start]))

    darkroom.strips(label, size)
    which = _joined(known + 1, np.concatenate([np.zeros((0, 2), np.int32), *touching]))

    def rename(rows: slice) -> None:
        labels[rows] = which[labels[rows]]

    darkroom.strips(rename, size)
    count = int(which.max()) + 1
    highest = np.zeros(count, np.float32)
    np.maximum.at(highest, which, np.concatenate(peaks))
    whole = np.bincount(which, np.concatenate(areas), count).astype(np.int64)
    whole[0] = size[0] * size[1] - whole[1:].sum()
    means = np.bincount(which, np.concatenate(sums), count) / np.maximum(whole, 1)
    around = _around(which, np.concatenate(boxes), count)
    return Candidates(labels, whole, highest, means, around)


def _boxes(stats: NDArray[np.int64], top: int) -> NDArray[np.int64]:
    """Boxes (n, 4) of pieces, by OpenCV's statistics of a strip that begins at row `top`."""
    left, upper, width, height = stats[:, :4].T
    return np.stack([left, upper + top, left + width, upper + top + height], axis=1)


def _around(which: NDArray[np.int32], boxes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Boxes (count, 4) around all pieces that share a number."""
    joined = np.tile(np.array([np.iinfo(np.int64).max, np.iinfo(np.int64).max, 0, 0]), (count, 1))
    np.minimum.at(joined[:, :2], which, boxes[:, :2])
    np.maximum.at(joined[:, 2:], which, boxes[:, 2:])
    return np.asarray(joined, np.int64)


def highest(
    seen: Candidates, plane: NDArray[np.float32], darkroom: Darkroom
) -> NDArray[np.float32]:
    """(n + 1,) highest value of another (H, W) plane within each candidate."""
    most = np.zeros(len(seen.areas), np.float32)

    def strip(rows: slice) -> None:
        within = seen.labels[rows] > 0
        np.maximum.at(most, seen.labels[rows][within], plane[rows][within])

    darkroom.strips(strip, (plane.shape[0], plane.shape[1]))
    return most


def _touching(above: NDArray[np.int32], below: NDArray[np.int32]) -> list[NDArray[np.int32]]:
    """Pairs (n, 2) of pieces that meet between two rows, straight or across corners."""
    pairs = [
        np.stack([above, below], 1),
        np.stack([above[1:], below[:-1]], 1),
        np.stack([above[:-1], below[1:]], 1),
    ]
    return [np.unique(pair[(pair > 0).all(axis=1)], axis=0) for pair in pairs]


def _joined(count: int, pairs: NDArray[np.int32]) -> NDArray[np.int32]:
    """New numbers (count,) of pieces, in which those of a pair, and theirs, have the same."""
    lowest = np.arange(count)
    while (lowest[pairs[:, 0]] != lowest[pairs[:, 1]]).any():
        left, right = lowest[pairs[:, 0]], lowest[pairs[:, 1]]
        np.minimum.at(lowest, np.maximum(left, right), np.minimum(left, right))
        while (lowest != lowest[lowest]).any():
            lowest = lowest[lowest]
    return np.unique(lowest, return_inverse=True)[1].astype(np.int32)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What is said of a candidate, as a log likelihood ratio of true to false: linear in log odds.

    The default is that of the peaks of the damage network that ships, from training photos held
    out: of candidates with a peak of 0.97 as many are true as false if half of all are.

    Attributes:
        slope: Of the log odds by the network that is calibrated.
        offset: Added to all.
        mean: Slope of the mean log odds within the mark, for a network that verifies.
    """

    slope: float = 0.805
    offset: float = -2.944
    mean: float = 0.0

    def evidence(self, odds: Numbers) -> Numbers:
        """Log likelihood ratio (n,) of candidates.

        Args:
            odds: (n, 1) log odds of their peaks, or (n, 2): by a network that verifies, and the
                mean within them.
        """
        return np.asarray(odds @ np.array([self.slope, self.mean])[: odds.shape[1]] + self.offset)


def log_odds(probabilities: NDArray[np.floating]) -> Numbers:
    """Log odds of probabilities, kept away from 0 and 1 by what half precision can tell."""
    clipped = np.clip(np.asarray(probabilities, np.float64), CERTAIN, 1 - CERTAIN)
    return np.asarray(np.log(clipped / (1 - clipped)))


def share_of_true(evidence: Numbers) -> float:
    """Which share of a photo's candidates is damage, by their log likelihood ratios (n,)."""
    share = TRUE_BEFORE / (TRUE_BEFORE + FALSE_BEFORE)
    for _ in range(ROUNDS):
        true = float(likelihood(evidence, share).sum())
        share = (true + TRUE_BEFORE) / (len(evidence) + TRUE_BEFORE + FALSE_BEFORE)
    return share


def usual_share(photo: Photo) -> float:
    """Which share of its candidates is damage on photos of the kind: in color, or monochrome."""
    return USUAL if photo_tone(photo) == "color" else USUAL_MONOCHROME


def tempered(share: float, usual: float = USUAL) -> float:
    """A photo's share of true marks, drawn in log odds towards the usual one."""
    odds = TRUST * log_odds(np.array(share)) + (1 - TRUST) * log_odds(np.array(usual))
    return float(1 / (1 + np.exp(-odds)))


def likelihood(evidence: Numbers, share: float) -> Numbers:
    """How likely each candidate is damage, (n,) in [0, 1], where a share of all candidates is.

    Args:
        evidence: (n,) log likelihood ratio of true to false of each candidate.
        share: Of `share_of_true`, or that tempered.
    """
    return np.asarray(1 / (1 + np.exp(-(evidence + np.log(share / (1 - share))))))


def with_care(likely: Numbers, widths: Numbers) -> Numbers:
    """How likely marks (n,) are damage, made less by what it would cost to be wrong.

    Whoever fills a speck that was none loses a speck; who fills half a person has changed the
    person, and what is filled over a wide mark was never much better than the mark. A hair is
    narrow, however long. So a mark must be the likelier the wider it is: its odds are divided by
    how often `CARE_WIDTH` fits its width, to the power `CARE_POWER`.

    Args:
        likely: (n,) as of `likelihood`.
        widths: (n,) as of `Candidates.widths`.
    """
    dear = np.maximum(1, widths / CARE_WIDTH) ** CARE_POWER
    return np.asarray(likely / (likely + (1 - likely) * dear))
