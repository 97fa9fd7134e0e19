"""A small U-Net for whole photographs: noise, small scratches and, in `rgb` mode, color from grey.

The shape of the student project on DIV2K (800 photos): four levels, two convolutions each. What
that project ran into and this one does otherwise: it predicted the picture itself, so that most of
its training went into copying; here the answer is the change to the picture. And it over-fitted
after 16 epochs of fixed crops; here every crop is new.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PHOTO_WIDTHS = {"small": (16, 32, 64, 128), "base": (32, 64, 128, 256)}


class PhotoUNet(nn.Module):
    """Change a photo.

    Takes (N, inputs, H, W) in [0, 1], H and W multiples of 8, and gives the change to add,
    (N, outputs, H, W); one input and three outputs color a grey photo.
    """

    def __init__(self, widths: tuple[int, ...], inputs: int = 3, outputs: int = 3) -> None:
        super().__init__()
        before = (inputs, *widths[:-1])
        self.encode = nn.ModuleList(_block(b, w) for b, w in zip(before, widths, strict=True))
        pairs = list(itertools.pairwise(widths))
        self.decode = nn.ModuleList(_block(low + high, high) for high, low in pairs)
        self.head = nn.Conv2d(widths[0], outputs, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]
        self.multiple_of = 2 ** (len(widths) - 1)

    def forward(self, x: Tensor) -> Tensor:
        x, skips = x - 0.5, []
        for level, block in enumerate(self.encode):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for level in reversed(range(len(self.decode))):
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = self.decode[level](torch.cat([skips[level], x], dim=1))
        answer: Tensor = self.head(x)
        return answer


def _block(inputs: int, width: int) -> nn.Sequential:
    convs = (nn.Conv2d(inputs, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1))
    return nn.Sequential(convs[0], nn.ReLU(inplace=True), convs[1], nn.ReLU(inplace=True))
