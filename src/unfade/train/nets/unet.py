"""Three published U-Nets for damage: plain, with attention gates, with recurrent residual blocks.

All share one skeleton: five levels, each step down a max-pool by 2, each step up a nearest
neighbor by 2 with a 3x3 convolution, the skip concatenated before what came up. They follow the
widely used two-dimensional variants ("same" padding, batch normalization, bias in the blocks), so
that their parameters count as published. What we do otherwise:

- the answer is logits; the original code takes a sigmoid here and another one there;
- the recurrent unit keeps running statistics for each of its evaluations. The original shares one
  set among inputs whose statistics differ, so that its answer in evaluation is not the one trained.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

UNET_WIDTHS = {"small": (16, 32, 64, 128, 256), "base": (64, 128, 256, 512, 1024)}
"""Channels of the levels, fine to coarse; `base` is as published."""

RECURRENCES = 2
"""How often a recurrent unit goes over its own answer (Alom et al., 2018)."""


class UNet(nn.Module):
    """Segment a picture (Ronneberger et al., MICCAI 2015), gated or recurrent if wanted.

    Takes (N, inputs, H, W) in [0, 1], H and W multiples of `multiple_of`; gives logits
    (N, outputs, H, W).

    Args:
        widths: Channels of the levels, fine to coarse.
        inputs: Channels of the picture.
        outputs: Classes.
        gated: Attention gates on the skips (Oktay et al., MIDL 2018).
        recurrent: Recurrent residual blocks (R2U-Net, Alom et al., 2018) for plain ones.
    """

    def __init__(
        self,
        widths: tuple[int, ...],
        inputs: int = 3,
        outputs: int = 1,
        *,
        gated: bool = False,
        recurrent: bool = False,
    ) -> None:
        super().__init__()
        block = RecurrentBlock if recurrent else _plain_block
        pairs = list(itertools.pairwise(widths))
        before = (inputs, *widths[:-1])
        self.encode = nn.ModuleList(block(b, w) for b, w in zip(before, widths, strict=True))
        self.grow = nn.ModuleList(_grow(low, high) for high, low in pairs)
        self.gate = nn.ModuleList(AttentionGate(high) for high, _ in pairs if gated)
        self.decode = nn.ModuleList(block(2 * high, high) for high, _ in pairs)
        self.head = nn.Conv2d(widths[0], outputs, 1)
        self.multiple_of = 2 ** (len(widths) - 1)

    def forward(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for level, block in enumerate(self.encode):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for level in reversed(range(len(self.decode))):
            x = self.grow[level](x)
            skip = self.gate[level](x, skips[level]) if self.gate else skips[level]
            x = self.decode[level](torch.cat([skip, x], dim=1))
        answer: Tensor = self.head(x)
        return answer


class AttentionGate(nn.Module):
    """Let through of a skip what the coarser level asks for: one weight in [0, 1] per pixel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = width // 2
        self.below = nn.Sequential(nn.Conv2d(width, inner, 1), nn.BatchNorm2d(inner))
        self.skip = nn.Sequential(nn.Conv2d(width, inner, 1), nn.BatchNorm2d(inner))
        self.psi = nn.Sequential(nn.Conv2d(inner, 1, 1), nn.BatchNorm2d(1))

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        asked = F.relu(self.below(below) + self.skip(skip))
        return skip * torch.sigmoid(self.psi(asked))


class RecurrentBlock(nn.Module):
    """A 1x1 convolution, then two recurrent units around which its answer is carried."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, width, 1)
        self.units = nn.Sequential(RecurrentUnit(width), RecurrentUnit(width))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        answer: Tensor = x + self.units(x)
        return answer


class RecurrentUnit(nn.Module):
    """h = f(x), then `RECURRENCES` times h = f(x + h), f one shared convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.norm = StepNorm(width, RECURRENCES + 1)

    def forward(self, x: Tensor) -> Tensor:
        seen = F.relu(self.norm(self.conv(x), 0))
        for step in range(1, RECURRENCES + 1):
            seen = F.relu(self.norm(self.conv(x + seen), step))
        return seen


class StepNorm(nn.Module):
    """Batch normalization with one scale and shift, but running statistics for each step."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int, steps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(steps, width))
        self.register_buffer("running_var", torch.ones(steps, width))

    def forward(self, x: Tensor, step: int) -> Tensor:
        mean, var = self.running_mean[step], self.running_var[step]
        return F.batch_norm(x, mean, var, self.weight, self.bias, self.training, 0.1, 1e-5)


def _plain_block(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(*_conv(inputs, width), *_conv(width, width))


def _grow(low: int, high: int) -> nn.Sequential:
    return nn.Sequential(nn.Upsample(scale_factor=2.0), *_conv(low, high))


def _conv(inputs: int, width: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
