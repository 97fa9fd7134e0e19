"""Restormer (Zamir et al., CVPR 2022): attention between channels, for one-stage restoration.

Attention within a picture costs the square of its pixels; between channels it costs the square of
a few dozen. The price: its statistics are taken over the whole input, so that what is cut into
tiles of another size is restored a little differently. Names of the parts are those of the
official files, which therefore load as they are.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ModelError

GROUPS = ("encoder_level1", "encoder_level2", "encoder_level3", "latent")
BACK = ("decoder_level3", "decoder_level2", "decoder_level1", "refinement")


@dataclasses.dataclass(frozen=True)
class Shape:
    """What decides the parameters of a Restormer; the defaults are the published ones.

    Attributes:
        inputs, outputs: Channels; the dual-pixel variant takes 6 and gives 3.
        width: Channels of the finest level; each coarser level has twice as many.
        blocks: Transformer blocks of the encoder's levels, the last being the latent one.
        back: Blocks of decoder levels 3, 2, 1 and of the refinement.
        heads: Attention heads of the levels, fine to coarse.
        expansion: Hidden channels of the feed-forward part over its channels.
        bias: Whether the normalization subtracts the mean and has a shift.
    """

    inputs: int = 3
    outputs: int = 3
    width: int = 48
    blocks: tuple[int, ...] = (4, 6, 6, 8)
    back: tuple[int, ...] = (6, 6, 4, 4)
    heads: tuple[int, ...] = (1, 2, 4, 8)
    expansion: float = 2.66
    bias: bool = True


RESTORMERS = {
    "small": Shape(width=24, blocks=(2, 3, 3, 4), back=(3, 3, 2, 2)),
    "base": Shape(),
}
"""`base` is as published; `small` has half the width and half the blocks."""


class Restormer(nn.Module):
    """Restore a picture with channel attention.

    Takes (N, inputs, H, W) in [0, 1], H and W multiples of 8, and gives the change to add to the
    picture, (N, outputs, H, W): the original adds its input inside. The dual-pixel variant (other
    outputs than inputs) adds nothing and answers with the picture.
    """

    multiple_of = 8

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        self.shape = shape = shape or Shape()
        width = shape.width
        self.patch_embed = _Embedding(shape.inputs, width)
        widths = (width, 2 * width, 4 * width, 8 * width)
        for name, w, count, heads in zip(GROUPS, widths, shape.blocks, shape.heads, strict=True):
            self.add_module(name, _blocks(w, count, heads, shape))
        self.down1_2, self.down2_3, self.down3_4 = (_Down(w) for w in widths[:3])
        self.up4_3, self.up3_2, self.up2_1 = (_Up(w) for w in reversed(widths[1:]))
        self.reduce_chan_level3 = nn.Conv2d(8 * width, 4 * width, 1, bias=False)
        self.reduce_chan_level2 = nn.Conv2d(4 * width, 2 * width, 1, bias=False)
        # Level 1 keeps what is concatenated, so its decoder is twice as wide as its encoder.
        back = zip(BACK, (4, 2, 2, 2), shape.back, (2, 1, 0, 0), strict=True)
        for name, times, count, level in back:
            self.add_module(name, _blocks(times * width, count, shape.heads[level], shape))
        if shape.inputs != shape.outputs:
            self.skip_conv = nn.Conv2d(width, 2 * width, 1, bias=False)
        self.output = nn.Conv2d(2 * width, shape.outputs, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        embedded = self.patch_embed(x)
        fine = self.encoder_level1(embedded)
        middle = self.encoder_level2(self.down1_2(fine))
        coarse = self.encoder_level3(self.down2_3(middle))
        x = self.up4_3(self.latent(self.down3_4(coarse)))
        x = self.decoder_level3(self.reduce_chan_level3(torch.cat([x, coarse], 1)))
        x = self.reduce_chan_level2(torch.cat([self.up3_2(x), middle], 1))
        x = torch.cat([self.up2_1(self.decoder_level2(x)), fine], 1)
        x = self.refinement(self.decoder_level1(x))
        if self.shape.inputs != self.shape.outputs:
            x = x + self.skip_conv(embedded)
        answer: Tensor = self.output(x)
        return answer

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> Restormer:
        """Make the network that a state dict of the official layout belongs to, and load it.

        Raises:
            ModelError: The state dict is of another network, or incomplete.
        """
        try:
            net = cls(read_shape(state))
            net.load_state_dict(dict(state))
        except (KeyError, RuntimeError) as error:
            raise ModelError(f"not the weights of a Restormer: {str(error)[:300]}") from error
        return net


def read_shape(state: Mapping[str, Tensor]) -> Shape:
    """Infer every setting from the tensors: heads from temperatures, blocks by counting."""
    width, inputs = state["patch_embed.proj.weight"].shape[:2]
    hidden = state["encoder_level1.0.ffn.project_out.weight"].shape[1]
    widest = state["latent.0.ffn.project_out.weight"].shape[1]
    heads = tuple(len(state[f"{name}.0.attn.temperature"]) for name in GROUPS)
    return Shape(
        inputs=inputs,
        outputs=len(state["output.weight"]),
        width=width,
        blocks=tuple(_count(state, name) for name in GROUPS),
        back=tuple(_count(state, name) for name in BACK),
        heads=heads,
        expansion=_expansion(width, hidden, widest),
        bias="encoder_level1.0.norm1.body.bias" in state,
    )


def _count(state: Mapping[str, Tensor], group: str) -> int:
    return len({m[1] for key in state if (m := re.match(rf"{group}\.(\d+)\.", key))})


def _expansion(width: int, narrow: int, wide: int) -> float:
    """A factor that gives both hidden widths, int(factor * channels); two decimals are enough."""
    fits = (f / 100 for f in range(100, 800))
    wanted = (narrow, wide)
    found = [f for f in fits if (int(f * width), int(f * 8 * width)) == wanted]
    if not found:
        raise KeyError(f"no expansion gives hidden widths of {wanted}")
    return found[0]


class _Embedding(nn.Module):
    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(inputs, width, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.proj(x)
        return answer


def _blocks(width: int, count: int, heads: int, shape: Shape) -> nn.Sequential:
    return nn.Sequential(*(_Block(width, heads, shape) for _ in range(count)))


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, shape: Shape) -> None:
        super().__init__()
        self.norm1, self.norm2 = _LayerNorm(width, shape.bias), _LayerNorm(width, shape.bias)
        self.attn = _Attention(width, heads)
        self.ffn = _FeedForward(width, int(width * shape.expansion))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        answer: Tensor = x + self.ffn(self.norm2(x))
        return answer


class _LayerNorm(nn.Module):
    """Over the channels of each pixel; without bias the mean is not subtracted either."""

    def __init__(self, width: int, bias: bool) -> None:
        super().__init__()
        self.body = nn.ParameterDict({"weight": nn.Parameter(torch.ones(width))})
        if bias:
            self.body["bias"] = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.body["weight"][:, None, None]
        centered = x - x.mean(1, keepdim=True)
        spread = torch.rsqrt(centered.square().mean(1, keepdim=True) + 1e-5)
        if "bias" not in self.body:
            return x * spread * weight
        return centered * spread * weight + self.body["bias"][:, None, None]


class _Attention(nn.Module):
    """Multi-Dconv head transposed attention: channels attend to channels."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Conv2d(width, 3 * width, 1, bias=False)
        self.qkv_dwconv = _depthwise(3 * width)
        self.project_out = nn.Conv2d(width, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        planes = self.qkv_dwconv(self.qkv(x)).chunk(3, dim=1)
        q, k, v = (p.unflatten(1, (self.heads, -1)).flatten(3) for p in planes)
        q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
        attention = (q @ k.transpose(-2, -1) * self.temperature).softmax(dim=-1)
        answer: Tensor = self.project_out((attention @ v).reshape(x.shape))
        return answer


class _FeedForward(nn.Module):
    """Gated-Dconv feed-forward: one half decides what passes of the other."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.project_in = nn.Conv2d(width, 2 * hidden, 1, bias=False)
        self.dwconv = _depthwise(2 * hidden)
        self.project_out = nn.Conv2d(hidden, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, passed = self.dwconv(self.project_in(x)).chunk(2, dim=1)
        answer: Tensor = self.project_out(F.gelu(gate) * passed)
        return answer


class _Down(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        conv = nn.Conv2d(width, width // 2, 3, padding=1, bias=False)
        self.body = nn.Sequential(conv, nn.PixelUnshuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.body(x)
        return answer


class _Up(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        conv = nn.Conv2d(width, width * 2, 3, padding=1, bias=False)
        self.body = nn.Sequential(conv, nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.body(x)
        return answer


def _depthwise(width: int) -> nn.Conv2d:
    return nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
