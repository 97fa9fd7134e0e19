"""How well probabilities rank damaged pixels before sound ones: ROC and precision-recall."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .masks import MaskScores
from .shapes import same_shape

Counts = NDArray[np.int64]

BINS = 2**16
_PIECE = 2**22


class Curve:
    """Ranks the pixels of any number of masks in one histogram, in constant memory.

    Probabilities are rounded to 1 / 65535, so the areas are exact for masks of 8 or 16 bits, and
    for others off by at most half the share of (damaged, sound) pairs that fall into one bin.
    """

    def __init__(self) -> None:
        self._positives = np.zeros(BINS, np.int64)
        self._negatives = np.zeros(BINS, np.int64)

    def add(
        self, predicted: NDArray[Any], truth: NDArray[Any], valid: NDArray[Any] | None = None
    ) -> None:
        """Add a mask.

        Args:
            predicted: Any shape, floats in [0, 1]; values outside are clipped.
            truth: The same shape; damaged above 0.5.
            valid: The same shape; only pixels above 0.5 in it count.
        Raises:
            ValueError: The shapes differ, or a probability is not a number.
        """
        same_shape(predicted, truth)
        if valid is not None:
            same_shape(predicted, valid)
        flat = (predicted.reshape(-1), truth.reshape(-1))
        keep = None if valid is None else valid.reshape(-1)
        for start in range(0, predicted.size, _PIECE):
            piece = slice(start, start + _PIECE)
            score, true = (array[piece] for array in flat)
            if keep is not None:
                inside = keep[piece] > 0.5
                score, true = score[inside], true[inside]
            if np.isnan(score).any():
                raise ValueError("a probability is not a number")
            bins = np.rint(np.clip(score, 0, 1) * np.float32(BINS - 1)).astype(np.int32)
            both = np.bincount(bins + BINS * (true > 0.5), minlength=2 * BINS)
            self._negatives += both[:BINS]
            self._positives += both[BINS:]

    @property
    def roc_auc(self) -> float:
        """Area under the ROC curve; see `roc_auc`."""
        return _roc_auc(self._positives, self._negatives)

    @property
    def average_precision(self) -> float:
        """Area under the precision-recall curve; see `average_precision`."""
        return _average_precision(self._positives, self._negatives)

    @property
    def counts(self) -> tuple[Counts, Counts]:
        """Damaged and sound pixels per bin, (65536,) each, from probability 0 to 1."""
        return self._positives, self._negatives

    @classmethod
    def of(cls, positives: Counts, negatives: Counts) -> Curve:
        """Make a curve of its `counts`."""
        curve = cls()
        curve._positives += positives
        curve._negatives += negatives
        return curve

    def __add__(self, other: Curve) -> Curve:
        """Pool the pixels of two curves."""
        return Curve.of(self._positives + other._positives, self._negatives + other._negatives)

    def points(self, most: int = 200) -> list[CurvePoint]:
        """The curve as at most so many points, by falling threshold, evenly along its length.

        Raises:
            ValueError: There is not at least one pixel of each kind.
        """
        sound, damaged = _both(self._positives, self._negatives)
        hits, alarms = (np.cumsum(c[::-1]) for c in (self._positives, self._negatives))
        length = hits / damaged + alarms / sound
        filled = np.flatnonzero(np.diff(length, prepend=0) > 0)
        wanted = np.searchsorted(length[filled], np.linspace(0, length[-1], most))
        return [
            CurvePoint(
                float((BINS - 1 - at) / (BINS - 1)),
                float(hits[at] / damaged),
                float(alarms[at] / sound),
                float(hits[at] / (hits[at] + alarms[at])),
            )
            for at in np.unique(filled[np.minimum(wanted, len(filled) - 1)])
        ]

    def scores_at(self, threshold: float) -> MaskScores:
        """Count pixels for a threshold within 0 to 1; damaged is what reaches it."""
        first = int(np.ceil(threshold * (BINS - 1)))
        hits = int(self._positives[first:].sum())
        return MaskScores(
            hits, int(self._negatives[first:].sum()), int(self._positives.sum()) - hits
        )


class CurvePoint(NamedTuple):
    """What a threshold gives: shares of the damage found, of the sound marked, of marks right."""

    threshold: float
    recall: float
    false_alarm_rate: float
    precision: float


def roc_auc(scores: NDArray[Any], truth: NDArray[Any]) -> float:
    """Area under the ROC curve: the chance that a damaged pixel ranks above a sound one.

    Exact, by sorting; equal scores count half. For many pixels use `Curve`.

    Args:
        scores: Any shape, any numbers; more is more damaged.
        truth: The same shape; damaged above 0.5.
    Raises:
        ValueError: The shapes differ, or there is not at least one of each kind.
    References:
        Hanley and McNeil (1982), Radiology 143(1), 29-36.
    """
    return _roc_auc(*_ranked(scores, truth))


def average_precision(scores: NDArray[Any], truth: NDArray[Any]) -> float:
    """Precision at each threshold, weighted by the recall gained there (no interpolation).

    Exact, by sorting; equal scores are one threshold. Arguments and errors as in `roc_auc`.
    """
    return _average_precision(*_ranked(scores, truth))


def _ranked(scores: NDArray[Any], truth: NDArray[Any]) -> tuple[Counts, Counts]:
    """Damaged and sound pixels per distinct score, ascending."""
    same_shape(scores, truth)
    true = truth.reshape(-1) > 0.5
    distinct, place = np.unique(scores.reshape(-1), return_inverse=True)
    positives = np.bincount(place[true], minlength=distinct.size)
    return positives, np.bincount(place[~true], minlength=distinct.size)


def _roc_auc(positives: Counts, negatives: Counts) -> float:
    sound, damaged = _both(positives, negatives)
    below = np.cumsum(negatives) - negatives
    return float(positives @ (below + negatives / 2)) / damaged / sound


def _average_precision(positives: Counts, negatives: Counts) -> float:
    _, damaged = _both(positives, negatives)
    hits = np.cumsum(positives[::-1])
    predicted = hits + np.cumsum(negatives[::-1])
    precision = hits / np.maximum(predicted, 1)
    return float(positives[::-1] @ precision) / damaged


def _both(positives: Counts, negatives: Counts) -> tuple[int, int]:
    sound, damaged = int(negatives.sum()), int(positives.sum())
    if not (sound and damaged):
        raise ValueError(f"ranking needs damaged and sound pixels, got {damaged} and {sound}")
    return sound, damaged
