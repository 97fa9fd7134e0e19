"""The network that verifies marks: a small classifier of views, each of which holds one mark."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VERIFY_WIDTHS = {"small": (32, 64, 128, 160), "base": (64, 128, 192, 256)}


class VerifyNet(nn.Module):
    """Say whether the mark in the middle of a view is damage.

    As `SegmentationNet` it begins with a pixel-unshuffle by 2 and one narrow convolution; three
    levels of two convolutions follow, then the mean and the highest answer of each channel.

    Takes (N, 9, 64, 64) in [0, 1], see `stages.verify.view`; gives log odds (N, 1).
    """

    def __init__(self, widths: tuple[int, ...], inputs: int = 9) -> None:
        super().__init__()
        self.first = _conv(inputs * 4, widths[0])
        self.levels = nn.ModuleList(
            nn.Sequential(_conv(high, low), _conv(low, low))
            for high, low in itertools.pairwise(widths)
        )
        self.head = nn.Sequential(
            nn.Conv2d(2 * widths[-1], 128, 1), nn.ReLU(inplace=True), nn.Conv2d(128, 1, 1)
        )
        self.multiple_of = 2 ** len(widths)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(F.pixel_unshuffle(x - 0.5, 2))
        for level in self.levels:
            x = level(F.max_pool2d(x, 2))
        seen = torch.cat([x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)], 1)
        answer: Tensor = self.head(seen).flatten(1)
        return answer


def _conv(inputs: int, outputs: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
