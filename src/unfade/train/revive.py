"""Units that never fire learn nothing any more: here they begin anew, and no answer changes.

A rectified unit (Nair and Hinton, ICML 2010) whose input is negative whatever is shown gets no
gradient. Long runs leave many of them, the most where hardly any gradient arrives but steps are of
full length all the same (Lu et al., "Dying ReLU and Initialization: Theory and Numerical Examples",
Communications in Computational Physics 28(5), 2020).
"""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import TypeAlias

import torch
from torch import Tensor, nn

CLOSE = 1e-3
"""Change of an answer from which units are left as they were."""

TINY = 1e-6

Layer: TypeAlias = nn.Conv2d | nn.Linear
Norm: TypeAlias = nn.BatchNorm1d | nn.BatchNorm2d


@dataclasses.dataclass
class Heard:
    """What a layer did while examples were shown.

    Attributes:
        hears: (inputs,) which of its inputs were anything but zero; all of a layer that is shown
            the examples themselves.
        fires: (outputs,) which of its outputs were above zero behind their rectifier; None where
            they have none.
        norm: The normalization between the two.
    """

    hears: Tensor
    fires: Tensor | None = None
    norm: Norm | None = None


def revive(net: nn.Module, examples: Tensor) -> int:
    """Give new weights to the units that never fire, and none to whoever heard them.

    New units fire for half of what they see. Where nothing can be changed without changing an
    answer, as on a path around a block, all stays as it was.

    Args:
        net: A network of convolutions and linear layers, normalized by batch or not, whose
            rectifiers are `nn.ReLU`.
        examples: What it sees in training, (N, C, H, W); the more, the better.
    Returns:
        How many units began anew.
    """
    training = net.training
    net.eval()
    with torch.no_grad():
        expected = net(examples)
        heard = _listen(net, examples)
        for layer, told in heard.items():
            layer.weight[:, ~told.hears] = 0
        count = sum(
            _begin_anew(net, layer, told, examples, expected) for layer, told in heard.items()
        )
    net.train(training)
    return count


def _listen(net: nn.Module, examples: Tensor) -> dict[Layer, Heard]:
    """Show examples and note what each layer hears and which of its units fire."""
    heard: dict[Layer, Heard] = {}
    last: list[Layer] = []
    rectified = False

    def hear(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        assert isinstance(module, Layer)
        inputs = module.weight.shape[1]
        channels = given[0].shape[1] if given[0].ndim == module.weight.ndim else 0
        silent = rectified and channels == inputs  # Not if grouped, or of sequences.
        some = _any(given[0] != 0) if silent else torch.ones(inputs, dtype=torch.bool)
        heard.setdefault(module, Heard(torch.zeros_like(some))).hears |= some
        last[:] = [module]

    def normalize(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        assert isinstance(module, Norm)
        if last:
            heard[last[0]].norm = module

    def fire(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        nonlocal rectified
        rectified, fires = True, _any(given[0] > 0)
        if last and len(fires) == len(last[0].weight):
            told = heard[last[0]]
            told.fires = fires if told.fires is None else told.fires | fires

    kinds = ((Layer, hear), (Norm, normalize), (nn.ReLU, fire))
    hooks = [
        module.register_forward_pre_hook(hook)
        for module in net.modules()
        for kind, hook in kinds
        if isinstance(module, kind)
    ]
    net(examples)
    for hook in hooks:
        hook.remove()
    return heard


def _any(where: Tensor) -> Tensor:
    """Which channels (C,) of (N, C, ...) hold anything true."""
    return where.transpose(0, 1).flatten(1).any(dim=1)


def _begin_anew(
    net: nn.Module, layer: Layer, told: Heard, examples: Tensor, expected: Tensor
) -> int:
    """Draw the weights of a layer's silent units; the number of these, or 0 if answers change."""
    if told.fires is None or told.fires.all():
        return 0
    silent, changed = ~told.fires, [layer, *([told.norm] if told.norm else [])]
    before = [copy.deepcopy(module.state_dict()) for module in changed]
    fan_in = math.prod(layer.weight.shape[1:])
    layer.weight[silent] = torch.randn_like(layer.weight[silent]) * math.sqrt(2 / fan_in)
    if layer.bias is not None:
        layer.bias[silent] = 0
    variance, mean = _spread(net, layer, examples)
    _level(layer, told.norm, silent, mean[silent], variance[silent])
    if torch.allclose(net(examples), expected, atol=CLOSE):
        return int(silent.sum())
    for module, state in zip(changed, before, strict=True):
        module.load_state_dict(state)
    return 0


def _spread(net: nn.Module, layer: Layer, examples: Tensor) -> tuple[Tensor, Tensor]:
    """Variance and mean of each output of a layer."""
    seen: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _, __, answer: seen.append(answer.transpose(0, 1)))
    net(examples)
    hook.remove()
    variance, mean = torch.var_mean(torch.cat([s.flatten(1) for s in seen], 1), 1, correction=0)
    return variance + TINY, mean


def _level(layer: Layer, norm: Norm | None, which: Tensor, mean: Tensor, variance: Tensor) -> None:
    """Let some units of a layer have a mean of 0 and a variance of 1, as far as they can."""
    if norm is None:
        shape = (-1, *[1] * (layer.weight.ndim - 1))
        layer.weight[which] /= torch.sqrt(variance).reshape(shape)
        if layer.bias is not None:
            layer.bias[which] = -mean / torch.sqrt(variance)
        return
    assert norm.running_mean is not None and norm.running_var is not None
    norm.running_mean[which], norm.running_var[which] = mean, variance
    norm.weight[which], norm.bias[which] = 1, 0
