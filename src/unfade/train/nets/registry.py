"""Which networks can be trained for which task, by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from torch import nn

from .efficient import BLOCKS, WIDTHS, ResidualNet, SegmentationNet
from .photo import PHOTO_WIDTHS, PhotoUNet
from .restormer import RESTORMERS, Restormer
from .unet import UNET_WIDTHS, UNet
from .verify import VERIFY_WIDTHS, VerifyNet

Make = Callable[[str, str, int, int], nn.Module]
"""Makes a network: task, preset, input channels, output channels."""

PRESETS = ("small", "base")

ALIKE = {"deblur": "denoise", "restore": "inpaint", "veils": "damage", "overview": "damage"}
"""Tasks whose efficient network is as wide as that of another."""


def _efficient_segmentation(task: str, preset: str, inputs: int, outputs: int) -> nn.Module:
    return SegmentationNet(WIDTHS[ALIKE.get(task, task)][preset], inputs, outputs)


def _unet(gated: bool = False, recurrent: bool = False) -> Make:
    def make(task: str, preset: str, inputs: int, outputs: int) -> nn.Module:
        return UNet(UNET_WIDTHS[preset], inputs, outputs, gated=gated, recurrent=recurrent)

    return make


def _efficient(task: str, preset: str, inputs: int, outputs: int) -> nn.Module:
    alike = ALIKE.get(task, task)
    return ResidualNet(WIDTHS[alike][preset], inputs, outputs, BLOCKS[alike][preset])


def _restormer(task: str, preset: str, inputs: int, outputs: int) -> nn.Module:
    shape = dataclasses.replace(RESTORMERS[preset], inputs=inputs, outputs=outputs)
    # As published: denoising has no bias and keeps the mean, the other tasks have one.
    return Restormer(dataclasses.replace(shape, bias=task != "denoise"))


def _photo(task: str, preset: str, inputs: int, outputs: int) -> nn.Module:
    return PhotoUNet(PHOTO_WIDTHS[preset], inputs, outputs)


def _verify(task: str, preset: str, inputs: int, outputs: int) -> nn.Module:
    return VerifyNet(VERIFY_WIDTHS[preset], inputs)


CHANGES: dict[str, Make] = {"efficient": _efficient, "restormer": _restormer, "photo-unet": _photo}

NETS: Mapping[str, Mapping[str, Make]] = {
    "damage": {
        "efficient": _efficient_segmentation,
        "unet": _unet(),
        "attention-unet": _unet(gated=True),
        "r2att-unet": _unet(gated=True, recurrent=True),
    },
    "verify": {"efficient": _verify},
    "veils": {"efficient": _efficient_segmentation},
    "overview": {"efficient": _efficient_segmentation},
    "inpaint": {"efficient": _efficient},
    "denoise": CHANGES,
    "deblur": CHANGES,
    "restore": CHANGES,
}
"""Networks by task; the first of each is the one that ships."""


def make_net(task: str, net: str, preset: str, inputs: int, outputs: int) -> nn.Module:
    """Make a network by name, untrained.

    Args:
        task: One of `NETS`.
        net: One of the task's networks; empty is the one that ships.
        preset: `small` or `base`.
        inputs, outputs: Channels.
    Raises:
        ValueError: The task has no such network, or there is no such preset.
    """
    known = NETS[task]
    net = net or next(iter(known))
    if net not in known:
        raise ValueError(f"no network {net!r} for {task}; known: {', '.join(known)}")
    if preset not in PRESETS:
        raise ValueError(f"no preset {preset!r}; known: {', '.join(PRESETS)}")
    return known[net](task, preset, inputs, outputs)
