"""The networks that ship. Both are fully convolutional with a finite reach.

Two shapes do all per-pixel work. Both begin with a pixel-unshuffle by 2 (Shi et al., CVPR 2016;
FFDNet, Zhang et al., TIP 2018): every pixel still reaches the first convolution, so a 1 px scratch
is not lost, but all of it runs at half resolution, which makes a 3x3 convolution of 32 channels
four times cheaper than at full resolution.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS: dict[str, dict[str, tuple[int, ...]]] = {
    "damage": {"small": (24, 48, 96, 128, 160), "base": (24, 64, 128, 192, 256)},
    "inpaint": {"small": (32, 48, 64, 96, 128), "base": (48, 96, 144, 192, 256)},
    "denoise": {"small": (32, 48, 64, 96), "base": (64, 96, 128, 192)},
}

BLOCKS: dict[str, dict[str, int]] = {
    "inpaint": {"small": 2, "base": 2},
    "denoise": {"small": 1, "base": 2},
}
"""Residual blocks at each level of a `ResidualNet`."""


class SegmentationNet(nn.Module):
    """U-Net (Ronneberger et al., 2015) at half resolution with batch normalization.

    Half of the arithmetic of a U-Net of even depth is spent at its finest level, where little is
    decided. Here that level has one narrow convolution each way, and the widths grow towards the
    coarse levels, which see whether a bright line is a scratch or a branch.

    Takes (N, in, H, W) in [0, 1], H and W multiples of `multiple_of`; gives logits (N, out, H, W).
    """

    def __init__(self, widths: tuple[int, ...], inputs: int = 3, outputs: int = 1) -> None:
        super().__init__()
        before = (inputs * 4, *widths[:-1])
        self.down = nn.ModuleList(
            _convs(b, w, 2 if level else 1)
            for level, (b, w) in enumerate(zip(before, widths, strict=True))
        )
        self.up = nn.ModuleList(
            _convs(low + high, high, 2 if level else 1)
            for level, (high, low) in enumerate(itertools.pairwise(widths))
        )
        self.head = nn.Conv2d(widths[0], outputs * 4, 1)
        self.multiple_of = 2 ** len(widths)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pixel_unshuffle(x - 0.5, 2)
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for level in reversed(range(len(self.up))):
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = self.up[level](torch.cat([skips[level], x], dim=1))
        return F.pixel_shuffle(self.head(x), 2)

    def widened(self, narrow: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Lay the tensors of a narrower network of this kind into this one, so that both agree.

        Its channels hear nothing of the new ones at first; these begin as they are here.

        References:
            Chen et al., Net2Net: accelerating learning via knowledge transfer, ICLR 2016.
        Raises:
            KeyError, IndexError, RuntimeError: It is no such network, or not narrower.
        """
        own, wide = self.state_dict(), {}
        for name in own:
            old, new = narrow[name], own[name].clone()
            if old.ndim == 4:
                inputs = torch.arange(old.shape[1])
                if name.startswith("up.") and name.endswith(".0.0.weight"):
                    # What came down stands first, and what comes up behind all of it.
                    before = f"down.{name.split('.')[1]}.0.0.weight"
                    high = len(narrow[before])
                    inputs[high:] += len(own[before]) - high
                new[: len(old)] = 0
                new[: len(old), inputs] = old
            elif old.ndim == 1:
                new[: len(old)] = old
            wide[name] = new if old.ndim else old
        return wide


class ResidualNet(nn.Module):
    """U-Net of residual blocks without normalization, after DRUNet (Zhang et al., TPAMI 2021).

    Takes (N, in, H, W) in [0, 1] and gives the change to add to a picture, (N, out, H, W). The sum
    is left to the caller: it is done in 32-bit float also where the network runs in bfloat16.

    New blocks do nothing, so that a deeper network takes the tensors of a shallower one as they
    are, and begins with its answers.
    """

    def __init__(
        self, widths: tuple[int, ...], inputs: int = 3, outputs: int = 3, blocks: int = 2
    ) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs * 4, widths[0], 3, padding=1)
        self.encode = nn.ModuleList(
            nn.Sequential(*(_ResidualBlock(w) for _ in range(blocks))) for w in widths
        )
        pairs = list(itertools.pairwise(widths))
        self.shrink = nn.ModuleList(nn.Conv2d(high, low, 2, stride=2) for high, low in pairs)
        self.grow = nn.ModuleList(nn.Conv2d(low, high * 4, 1) for high, low in pairs)
        self.decode = nn.ModuleList(
            nn.Sequential(*(_ResidualBlock(w) for _ in range(blocks))) for w in widths[:-1]
        )
        self.last = nn.Conv2d(widths[0], outputs * 4, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]
        self.multiple_of = 2 ** len(widths)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(F.pixel_unshuffle(x - 0.5, 2))
        skips: list[Tensor] = []
        for level, block in enumerate(self.encode):
            x = block(self.shrink[level - 1](x) if level else x)
            skips.append(x)
        for level in reversed(range(len(self.decode))):
            x = skips[level] + F.pixel_shuffle(self.grow[level](x), 2)
            x = self.decode[level](x)
        return F.pixel_shuffle(self.last(x), 2)


class _ResidualBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.rectify = nn.ReLU()
        # A block starts as the identity, so a deep stack trains from the first step.
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.rectify(self.first(x)))


def _convs(inputs: int, width: int, count: int) -> nn.Sequential:
    return nn.Sequential(
        _conv_bn(inputs, width), *(_conv_bn(width, width) for _ in range(count - 1))
    )


def _conv_bn(inputs: int, outputs: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
