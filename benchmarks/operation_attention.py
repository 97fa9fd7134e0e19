"""Operation-wise attention (Suganuma, Liu and Okatani, CVPR 2019), to be compared with.

Eight operations run beside each other in every layer, and a small network that looks at the mean
of the picture says how much each of them counts.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

OPERATIONS = 8
STEPS = 4
"""Operation layers that share one attention."""

LAYERS = {"small": 3, "base": 10}
"""Attention layers; `base` is as published."""

WIDTH = 16


class OperationAttention(nn.Module):
    """Restore a picture distorted in several ways at once.

    Takes (N, 3, H, W) in [0, 1] and gives the change to add, (N, 3, H, W).

    Args:
        layers: Attention layers, each with four operation layers.
        width: Channels.
    """

    multiple_of = 1

    def __init__(self, layers: int = LAYERS["base"], width: int = WIDTH) -> None:
        super().__init__()
        self.first = _conv(3, width, 3)
        self.features = nn.Sequential(*(_DepthwiseBlock(width) for _ in range(4)))
        self.layers = nn.ModuleList(_AttentionLayer(width) for _ in range(layers))
        self.last = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.features(self.first(x))
        for layer in self.layers:
            seen = layer(seen)
        answer: Tensor = self.last(seen)
        return answer


class _AttentionLayer(nn.Module):
    """One attention, four layers of weighted operations."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = 2 * STEPS * OPERATIONS
        self.inner = nn.Linear(width, inner)
        self.outer = nn.Linear(inner, STEPS * OPERATIONS)
        self.steps = nn.ModuleList(_OperationLayer(width) for _ in range(STEPS))

    def forward(self, x: Tensor) -> Tensor:
        asked = self.outer(F.relu(self.inner(x.mean((2, 3)))))
        weights = asked.unflatten(1, (STEPS, OPERATIONS)).softmax(2)
        for index, step in enumerate(self.steps):
            x = step(x, weights[:, index])
        return x


class _OperationLayer(nn.Module):
    """Weighted answers of all operations, mixed by a 1x1 convolution; the input is added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        shapes = [(1, 1), (3, 1), (5, 1), (7, 1), (3, 2), (5, 2), (7, 2)]
        self.convolutions = nn.ModuleList(_separable(width, *shape) for shape in shapes)
        self.mix = nn.Conv2d(OPERATIONS * width, width, 1, bias=False)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        answers = [operation(x) for operation in self.convolutions]
        answers.append(F.avg_pool2d(x, 3, 1, 1, count_include_pad=False))
        weighed = [a * weights[:, k, None, None, None] for k, a in enumerate(answers)]
        return F.relu(x + F.relu(self.mix(torch.cat(weighed, 1))))


class _DepthwiseBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(width, width, 3, groups=width), nn.ReLU(), _conv(width, width, 3, groups=width)
        )

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = F.relu(x + self.body(x))
        return answer


def _separable(width: int, side: int, dilation: int) -> nn.Sequential:
    return nn.Sequential(
        _conv(width, width, side, dilation, groups=width),
        _conv(width, width, 1),
        nn.ReLU(),
        _conv(width, width, side, dilation, groups=width),
        _conv(width, width, 1),
    )


def _conv(inputs: int, outputs: int, side: int, dilation: int = 1, groups: int = 1) -> nn.Conv2d:
    around = dilation * (side // 2)
    return nn.Conv2d(
        inputs, outputs, side, padding=around, dilation=dilation, groups=groups, bias=False
    )
