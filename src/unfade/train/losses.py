"""What is made small: losses for thin and rare damage, and for restoring where damage was."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

SegmentationLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Of logits, truth (0 and 1) and what counts (0 and 1), each (N, 1, H, W) float32."""

PictureLoss = Callable[[Tensor, Tensor], Tensor]
"""Of a picture and what it should be, (N, C, H, W); gives the error of each value."""

FillLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Of a filled picture, what it should be, (N, C, H, W), and the mask (N, 1, H, W) of 0 and 1."""


def thinness(truth: Tensor, window: int = 15) -> Tensor:
    """How thin the structure around each pixel is: 1 for a hair, 0 inside a stain.

    Args:
        truth: (N, 1, H, W) of 0 and 1.
        window: Side in pixels of the square over which the share of damage is taken.
    """
    # A mean of means of columns: a quarter of the work of the square.
    reach = window // 2
    columns = F.avg_pool2d(truth, (window, 1), 1, (reach, 0), count_include_pad=False)
    return 1 - F.avg_pool2d(columns, (1, window), 1, (0, reach), count_include_pad=False)


def entropy_dice(logits: Tensor, truth: Tensor, counts: Tensor) -> Tensor:
    """Cross-entropy, thin structures weighing up to three times as much, and soft Dice."""
    weight = counts * (1 + 2 * truth * thinness(truth))
    entropy = F.binary_cross_entropy_with_logits(logits, truth, weight, reduction="sum")
    found = torch.sigmoid(logits) * counts
    dice = 1 - (2 * (found * truth).sum() + 1) / ((found + truth * counts).sum() + 1)
    return entropy / counts.sum().clamp(min=1) + 0.2 * dice


def focal_tversky(logits: Tensor, truth: Tensor, counts: Tensor) -> Tensor:
    """Focal loss, gamma 2, and Tversky loss that minds a miss more than a false alarm.

    References:
        Lin et al., Focal loss for dense object detection, ICCV 2017.
        Salehi et al., Tversky loss function for image segmentation, MLMI 2017 (alpha 0.3,
        beta 0.7).
    """
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    wrong = 1 - torch.exp(-entropy)
    focal = (wrong.square() * entropy * counts).sum() / counts.sum().clamp(min=1)
    found = torch.sigmoid(logits) * counts
    hit = (found * truth).sum()
    false, missed = (found * (1 - truth)).sum(), (counts * truth * (1 - found)).sum()
    return 4 * focal + 0.2 * (1 - (hit + 1) / (hit + 0.3 * false + 0.7 * missed + 1))


def center_line(logits: Tensor, truth: Tensor, counts: Tensor) -> Tensor:
    """Cross-entropy, and Dice between center lines: a hair counts by its length, not its area.

    References:
        Shit et al., clDice, a topology-preserving loss for tubular structures, CVPR 2021.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, truth, counts, reduction="sum")
    found = torch.sigmoid(logits) * counts
    ours, theirs = soft_skeleton(found), soft_skeleton(truth * counts)
    precise = ((ours * truth).sum() + 1) / (ours.sum() + 1)
    complete = ((theirs * found).sum() + 1) / (theirs.sum() + 1)
    line = 1 - 2 * precise * complete / (precise + complete)
    return entropy / counts.sum().clamp(min=1) + 0.2 * line


def soft_skeleton(mask: Tensor, rounds: int = 5) -> Tensor:
    """The center lines of a soft mask: what an opening takes away, at every erosion.

    Args:
        mask: (N, 1, H, W) in [0, 1].
        rounds: Erosions; structures up to twice as wide leave a line.
    """
    skeleton = F.relu(mask - _open(mask))
    for _ in range(rounds):
        mask = _erode(mask)
        skeleton = skeleton + F.relu(F.relu(mask - _open(mask)) * (1 - skeleton))
    return skeleton


def _erode(x: Tensor) -> Tensor:
    upright = -F.max_pool2d(-x, (3, 1), 1, (1, 0))
    level = -F.max_pool2d(-x, (1, 3), 1, (0, 1))
    return torch.minimum(upright, level)


def _open(x: Tensor) -> Tensor:
    return F.max_pool2d(_erode(x), 3, 1, 1)


def absolute(picture: Tensor, truth: Tensor) -> Tensor:
    """Absolute error, as Restormer was trained with."""
    return (picture - truth).abs()


def squared(picture: Tensor, truth: Tensor) -> Tensor:
    """Squared error, as the small photo U-Net was trained with."""
    return (picture - truth).square()


def charbonnier(picture: Tensor, truth: Tensor) -> Tensor:
    """Absolute error, rounded at 1e-3 (Lai et al., CVPR 2017)."""
    return torch.sqrt((picture - truth).square() + 1e-6)


def absolute_inside(picture: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute error inside a mask, of the whole batch at once."""
    wrong = ((picture - truth) * mask).abs().sum()
    return wrong / (picture.shape[1] * mask.sum()).clamp(min=1)


def psnr_inside(picture: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Mean over the crops of the logarithm of their squared error inside the mask: what PSNR is.

    A crop of leaves does not drown the sky of the next, as it would in the squared error. Crops
    without a hole do not count.

    References:
        Chen et al., HINet: Half Instance Normalization Network for Image Restoration, CVPRW 2021.
    """
    pixels = mask.sum(dim=(1, 2, 3))
    wrong = ((picture - truth) * mask).square().sum(dim=(1, 2, 3))
    error = wrong / (picture.shape[1] * pixels).clamp(min=1)
    return torch.log10(error + 1e-5)[pixels > 0].sum() / (pixels > 0).sum().clamp(min=1)


def mask_weighted(error: Tensor, mask: Tensor, weight: float, grow_px: int = 2) -> Tensor:
    """Mean error in which the pixels of artefacts count `1 + weight` times.

    The rest keeps its weight of 1, so that grain outside the damage is reproduced too.

    Args:
        error: (N, C, H, W), of `absolute` and its like.
        mask: (N, 1, H, W) in [0, 1], 1 where an artefact was.
        weight: Lambda; 0 is the plain mean.
        grow_px: The mask is grown by this much, to take in soft edges.
    """
    grown = F.max_pool2d(mask, 2 * grow_px + 1, 1, grow_px)
    weights = (1 + weight * grown).expand_as(error)
    return (weights * error).sum() / weights.sum()


SEGMENTATION: Mapping[str, SegmentationLoss] = {
    "entropy-dice": entropy_dice,
    "focal-tversky": focal_tversky,
    "center-line": center_line,
}

PICTURE: Mapping[str, PictureLoss] = {
    "absolute": absolute,
    "squared": squared,
    "charbonnier": charbonnier,
}

FILL: Mapping[str, FillLoss] = {"absolute": absolute_inside, "psnr": psnr_inside}

LOSSES: Mapping[str, Mapping[str, Callable[..., Tensor]]] = {
    "damage": SEGMENTATION,
    "overview": SEGMENTATION,
    "inpaint": FILL,
    "denoise": PICTURE,
    "deblur": PICTURE,
    "restore": PICTURE,
}
"""Losses by task; the first of each is the task's own."""
