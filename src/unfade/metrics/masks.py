"""How near a mask is to the truth: pixels and pieces found, invented and missed."""

from __future__ import annotations

import dataclasses
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .shapes import same_shape


@dataclasses.dataclass(frozen=True)
class MaskScores:
    """Pixels found, found wrongly and missed; scores of several masks are pooled by `+`.

    Where nothing was predicted precision is 1, and where nothing was to be found recall is 1.
    """

    hits: int
    false_alarms: int
    misses: int

    def __add__(self, other: MaskScores) -> MaskScores:
        return MaskScores(
            self.hits + other.hits,
            self.false_alarms + other.false_alarms,
            self.misses + other.misses,
        )

    @property
    def precision(self) -> float:
        """Share of what was predicted that is right."""
        return _share(self.hits, self.hits + self.false_alarms)

    @property
    def recall(self) -> float:
        """Share of what was to be found that was predicted."""
        return _share(self.hits, self.hits + self.misses)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall (Dice coefficient)."""
        return _share(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses)

    @property
    def iou(self) -> float:
        """Intersection over union (Jaccard index)."""
        return _share(self.hits, self.hits + self.false_alarms + self.misses)


def mask_scores(
    predicted: NDArray[Any],
    truth: NDArray[Any],
    valid: NDArray[Any] | None = None,
    threshold: float = 0.5,
) -> MaskScores:
    """Compare a mask with the truth, pixel by pixel.

    Args:
        predicted: (H, W) in [0, 1]; damaged above the threshold.
        truth: (H, W); damaged above 0.5.
        valid: (H, W); only pixels above 0.5 in it count.
        threshold: Within 0 to 1.
    Raises:
        ValueError: The shapes differ.
    """
    said, true = _binary(predicted, truth, valid, threshold)
    hits = int(np.count_nonzero(said & true))
    return MaskScores(hits, int(np.count_nonzero(said)) - hits, int(np.count_nonzero(true)) - hits)


@dataclasses.dataclass(frozen=True)
class ComponentScores:
    """Defects counted as things, not pixels; scores of several masks are pooled by `+`.

    Attributes:
        predicted: Connected pieces of the predicted mask.
        right: Those of them that lie on true damage.
        present: Connected pieces of the true mask.
        found: Those of them that the prediction covers.
    """

    predicted: int
    right: int
    present: int
    found: int

    def __add__(self, other: ComponentScores) -> ComponentScores:
        return ComponentScores(
            self.predicted + other.predicted,
            self.right + other.right,
            self.present + other.present,
            self.found + other.found,
        )

    @property
    def precision(self) -> float:
        """Share of the predicted pieces that are right; 1 where there are none."""
        return _share(self.right, self.predicted)

    @property
    def recall(self) -> float:
        """Share of the true pieces that were found; 1 where there are none."""
        return _share(self.found, self.present)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def components(
    predicted: NDArray[Any],
    truth: NDArray[Any],
    valid: NDArray[Any] | None = None,
    threshold: float = 0.5,
    overlap: float = 0.25,
) -> ComponentScores:
    """Count defects found and defects invented: pieces connected over edges and corners.

    Args:
        predicted, truth, valid, threshold: As in `mask_scores`.
        overlap: Share of a piece's pixels that the other mask must cover, above 0 to 1.
    Raises:
        ValueError: The shapes differ.
    """
    said, true = _binary(predicted, truth, valid, threshold)
    pieces, right = _covered(said, true, overlap)
    present, found = _covered(true, said, overlap)
    return ComponentScores(pieces, right, present, found)


def _covered(mask: NDArray[np.bool_], by: NDArray[np.bool_], overlap: float) -> tuple[int, int]:
    """Number of pieces of a mask, and of those covered by another mask for at least `overlap`."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    covered = np.bincount(labels[mask & by], minlength=count)[1:]
    return count - 1, int(np.count_nonzero(covered >= overlap * stats[1:, cv2.CC_STAT_AREA]))


def _binary(
    predicted: NDArray[Any], truth: NDArray[Any], valid: NDArray[Any] | None, threshold: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    same_shape(predicted, truth)
    said, true = predicted > threshold, truth > 0.5
    if valid is not None:
        same_shape(predicted, valid)
        said, true = said & (valid > 0.5), true & (valid > 0.5)
    return said, true


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
