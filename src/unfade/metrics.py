"""How near two pictures or two masks are: PSNR, SSIM, CIEDE2000, F1, ROC area, defects found."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

BINS = 2**16
_PIECE = 2**22


def psnr(a: NDArray[Any], b: NDArray[Any], mask: NDArray[Any] | None = None) -> float:
    """Peak signal-to-noise ratio, for a peak of 1.

    Args:
        a, b: (H, W) or (H, W, C) floats in [0, 1], of equal shape.
        mask: (H, W); only pixels above 0.5 in it count.
    Returns:
        Decibels; infinite for equal pictures.
    Raises:
        ValueError: The shapes differ, or the mask leaves no pixel.
    """
    _same_shape(a, b)
    if mask is not None:
        _same_shape(a[..., 0] if a.ndim == 3 else a, mask)
        a, b = a[mask > 0.5], b[mask > 0.5]
    if a.size == 0:
        raise ValueError("psnr needs at least one pixel; the mask leaves none")
    error = float(np.mean(np.square(np.subtract(a, b, dtype=np.float32)), dtype=np.float64))
    return math.inf if error == 0 else -10 * math.log10(error)


def ssim(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Structural similarity, for a range of 1.

    As in the paper: Gaussian window of 11 x 11 with sigma 1.5, K1 = 0.01, K2 = 0.03, only windows
    that lie wholly inside the picture (5 pixels at each edge drop out), and at full size, without
    the shrinking to 256 pixels that the authors' script suggests. Channels are averaged.

    Args:
        a, b: (H, W) or (H, W, C) floats in [0, 1], of equal shape, at least 11 pixels a side.
    Returns:
        -1 to 1; 1 for equal pictures.
    Raises:
        ValueError: The shapes differ, or a side is below 11 pixels.
    References:
        Wang, Bovik, Sheikh and Simoncelli (2004), IEEE Trans. Image Processing 13(4), 600-612,
        doi:10.1109/TIP.2003.819861.
    """
    _same_shape(a, b)
    if min(a.shape[:2]) < 11:
        raise ValueError(f"ssim needs at least 11 pixels a side, got {a.shape[:2]}")
    a, b = (np.atleast_3d(np.asarray(picture, np.float32)) for picture in (a, b))
    return float(np.mean([_ssim(a[:, :, c], b[:, :, c]) for c in range(a.shape[2])]))


def _ssim(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    c1, c2 = 0.01**2, 0.03**2
    mean_x, mean_y = _window(x), _window(y)
    variance_x = _window(x * x) - mean_x**2
    variance_y = _window(y * y) - mean_y**2
    covariance = _window(x * y) - mean_x * mean_y
    likeness = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    likeness /= (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return float(likeness.mean(dtype=np.float64))


def _window(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    blurred = cv2.GaussianBlur(np.ascontiguousarray(plane), (11, 11), 1.5)
    return np.asarray(blurred[5:-5, 5:-5], np.float32)


def ciede2000(lab1: NDArray[Any], lab2: NDArray[Any]) -> NDArray[np.float64]:
    """Color difference as seen: about 1 can just be noticed.

    Args:
        lab1, lab2: (..., 3) CIE L*a*b*, as from `color.to_lab`.
    Returns:
        (...) differences, with kL = kC = kH = 1.
    Raises:
        ValueError: The shapes differ or do not end in 3.
    References:
        Sharma, Wu and Dalal (2005), Color Research and Application 30(1), 21-30,
        doi:10.1002/col.20070; the numbers in the comments are the paper's equations.
    """
    _same_shape(lab1, lab2)
    if lab1.shape[-1] != 3:
        raise ValueError(f"Lab colors must be (..., 3), got {lab1.shape}")
    (l1, a1, b1), (l2, a2, b2) = (np.moveaxis(np.asarray(x, float), -1, 0) for x in (lab1, lab2))
    c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7  # (2), (3)
    stretch = 1 + 0.5 * (1 - np.sqrt(c7 / (c7 + 25.0**7)))  # (4)
    a1, a2 = a1 * stretch, a2 * stretch  # (5)
    chroma1, chroma2 = np.hypot(a1, b1), np.hypot(a2, b2)  # (6)
    hue1, hue2 = np.arctan2(b1, a1) % (2 * np.pi), np.arctan2(b2, a2) % (2 * np.pi)  # (7)
    grey = chroma1 * chroma2 == 0
    turn = (hue2 - hue1 + np.pi) % (2 * np.pi) - np.pi  # (10), but +180 degrees gives -180
    turn = np.where(hue2 - hue1 == np.pi, np.pi, turn)
    d_hue = np.where(grey, 0, 2 * np.sqrt(chroma1 * chroma2) * np.sin(turn / 2))  # (11)
    apart = np.abs(hue1 - hue2) > np.pi
    middle = (hue1 + hue2) / 2 + np.where(
        apart, np.where(hue1 + hue2 < 2 * np.pi, 1, -1) * np.pi, 0
    )
    hue = np.where(grey, hue1 + hue2, middle)  # (14)
    t = (
        1
        - 0.17 * np.cos(hue - np.radians(30))
        + 0.24 * np.cos(2 * hue)
        + 0.32 * np.cos(3 * hue + np.radians(6))
        - 0.20 * np.cos(4 * hue - np.radians(63))
    )  # (15)
    lightness, chroma = (l1 + l2) / 2, (chroma1 + chroma2) / 2  # (12), (13)
    s_l = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)  # (18)
    s_c, s_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t  # (19), (20)
    swing = np.radians(30) * np.exp(-(((np.degrees(hue) - 275) / 25) ** 2))  # (16)
    r_t = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)) * np.sin(2 * swing)  # (17), (21)
    d_l, d_c, d_h = (l2 - l1) / s_l, (chroma2 - chroma1) / s_c, d_hue / s_h
    squared = d_l**2 + d_c**2 + d_h**2 + r_t * d_c * d_h  # (22)
    return np.asarray(np.sqrt(np.maximum(squared, 0)))


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
        _same_shape(predicted, truth)
        if valid is not None:
            _same_shape(predicted, valid)
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
    _same_shape(scores, truth)
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


def _binary(
    predicted: NDArray[Any], truth: NDArray[Any], valid: NDArray[Any] | None, threshold: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    _same_shape(predicted, truth)
    said, true = predicted > threshold, truth > 0.5
    if valid is not None:
        _same_shape(predicted, valid)
        said, true = said & (valid > 0.5), true & (valid > 0.5)
    return said, true


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _same_shape(a: NDArray[Any], b: NDArray[Any]) -> None:
    if a.shape != b.shape:
        raise ValueError(f"shapes must be equal, got {a.shape} and {b.shape}")
