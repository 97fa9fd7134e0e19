"""Pix2Pix and CycleGAN, small, to be compared with: pictures translated into pictures.

Isola et al., CVPR 2017 (paired) and Zhu et al., ICCV 2017 (unpaired). Generators take and give
(N, 3, H, W) in [-1, 1]; `Change` wraps one so that it answers like the other networks here.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

RATE = 2e-4
BETAS = (0.5, 0.999)
POOL = 50


class Change(nn.Module):
    """A generator that answers with the change to add to a picture in [0, 1]."""

    def __init__(self, generator: nn.Module, multiple_of: int) -> None:
        super().__init__()
        self.generator, self.multiple_of = generator, multiple_of

    def forward(self, x: Tensor) -> Tensor:
        made = self.generator(2 * x - 1)
        return (made + 1) / 2 - x


class SkipGenerator(nn.Module):
    """The U-Net of Pix2Pix: down to a few pixels and up again, the skips concatenated.

    Args:
        widths: Channels of the levels, fine to coarse; published 64, 128, 256, and five of 512.
    """

    def __init__(self, widths: Sequence[int] = (32, 64, 128, 256, 256, 256)) -> None:
        super().__init__()
        last = len(widths) - 1
        before = (3, *widths[:-1])
        self.down = nn.ModuleList(
            _halve(b, w, normalized=0 < level < last)
            for level, (b, w) in enumerate(zip(before, widths, strict=True))
        )
        pairs = list(itertools.pairwise(widths))
        self.up = nn.ModuleList(
            _double(low if level == last - 1 else 2 * low, high, dropped=level >= last - 3)
            for level, (high, low) in enumerate(pairs)
        )
        self.last = nn.ConvTranspose2d(2 * widths[0], 3, 4, 2, 1)
        self.multiple_of = 2 ** len(widths)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for step in self.down:
            x = step(x)
            skips.append(x)
        for level in reversed(range(len(self.up))):
            x = torch.cat([skips[level], self.up[level](x)], 1)
        return torch.tanh(self.last(F.relu(x)))


class ResidualGenerator(nn.Module):
    """The generator of CycleGAN: two steps down, residual blocks, two steps up.

    Published with 64 channels and 9 blocks.
    """

    multiple_of = 4

    def __init__(self, width: int = 32, blocks: int = 6) -> None:
        super().__init__()
        w = width
        self.body = nn.Sequential(
            nn.ReflectionPad2d(3),
            *_normalized(nn.Conv2d(3, w, 7), w),
            *_normalized(nn.Conv2d(w, 2 * w, 3, 2, 1), 2 * w),
            *_normalized(nn.Conv2d(2 * w, 4 * w, 3, 2, 1), 4 * w),
            *(_ReflectedBlock(4 * w) for _ in range(blocks)),
            *_normalized(nn.ConvTranspose2d(4 * w, 2 * w, 3, 2, 1, 1), 2 * w),
            *_normalized(nn.ConvTranspose2d(2 * w, w, 3, 2, 1, 1), w),
            nn.ReflectionPad2d(3),
            nn.Conv2d(w, 3, 7),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.body(x)
        return answer


class Patches(nn.Sequential):
    """The 70 x 70 patch discriminator of both; one logit for every patch."""

    def __init__(self, inputs: int, width: int = 32) -> None:
        w = width
        leaky = nn.LeakyReLU(0.2)
        super().__init__(
            nn.Sequential(nn.Conv2d(inputs, w, 4, 2, 1), leaky),
            nn.Sequential(nn.Conv2d(w, 2 * w, 4, 2, 1), nn.InstanceNorm2d(2 * w), leaky),
            nn.Sequential(nn.Conv2d(2 * w, 4 * w, 4, 2, 1), nn.InstanceNorm2d(4 * w), leaky),
            nn.Sequential(nn.Conv2d(4 * w, 8 * w, 4, 1, 1), nn.InstanceNorm2d(8 * w), leaky),
            nn.Conv2d(8 * w, 1, 4, 1, 1),
        )


class Pix2Pix:
    """Learns from pairs: fool a discriminator that sees the input too, and stay near the target."""

    def __init__(self, steps: int) -> None:
        self.net, self.judge = SkipGenerator(), Patches(6)
        scatter(self.net, self.judge)
        self.ours, self.theirs = _adam(self.net, steps), _adam(self.judge, steps)

    def step(self, aged: Tensor, clean: Tensor) -> float:
        """Learn from a batch of pairs in [0, 1]; gives the absolute error."""
        aged, clean = 2 * aged - 1, 2 * clean - 1
        made = self.net(aged)
        told = (self.judge(torch.cat([aged, p], 1)) for p in (made.detach(), clean))
        fake, real = (_entropy(t, truth) for t, truth in zip(told, (0.0, 1.0), strict=True))
        self.theirs.move((fake + real) / 2)
        error = (made - clean).abs().mean()
        self.ours.move(_entropy(self.judge(torch.cat([aged, made], 1)), 1.0) + 100 * error)
        return float(error.detach()) / 2


class CycleGan:
    """Learns from old photos and clean ones that do not belong together."""

    def __init__(self, steps: int, seed: int = 0) -> None:
        self.net, self.back = ResidualGenerator(), ResidualGenerator()
        self.judges = nn.ModuleList([Patches(3), Patches(3)])
        scatter(self.net, self.back, self.judges)
        self.ours = _adam(nn.ModuleList([self.net, self.back]), steps)
        self.theirs = _adam(self.judges, steps)
        self.pools = (_Pool(seed), _Pool(seed + 1))

    def step(self, old: Tensor, clean: Tensor) -> float:
        """Learn from a batch of each in [0, 1]; gives the error after going there and back."""
        old, clean = 2 * old - 1, 2 * clean - 1
        made, aged = self.net(old), self.back(clean)
        cycle = (self.back(made) - old).abs().mean() + (self.net(aged) - clean).abs().mean()
        same = (self.net(clean) - clean).abs().mean() + (self.back(old) - old).abs().mean()
        fooled = _square(self.judges[0](made), 1.0) + _square(self.judges[1](aged), 1.0)
        self.ours.move(fooled + 10 * cycle + 5 * same)
        loss = torch.zeros(())
        for judge, pool, real, fake in zip(
            self.judges, self.pools, (clean, old), (made, aged), strict=True
        ):
            seen = pool.swap(fake.detach())
            loss = loss + (_square(judge(real), 1.0) + _square(judge(seen), 0.0)) / 2
        self.theirs.move(loss)
        return float(cycle.detach()) / 4


class _Pool:
    """Remembers what was made before, so that a discriminator does not only see the latest."""

    def __init__(self, seed: int) -> None:
        self.kept: list[Tensor] = []
        self.random = random.Random(seed)

    def swap(self, batch: Tensor) -> Tensor:
        return torch.stack([self._one(picture) for picture in batch])

    def _one(self, picture: Tensor) -> Tensor:
        if len(self.kept) < POOL:
            self.kept.append(picture)
            return picture
        if self.random.random() < 0.5:
            return picture
        index = self.random.randrange(POOL)
        old, self.kept[index] = self.kept[index], picture
        return old


class _Mover(NamedTuple):
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler

    def move(self, loss: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.schedule.step()


def _adam(net: nn.Module, steps: int) -> _Mover:
    """Adam, the rate constant for one half of the steps and falling to 0 in the other."""
    optimizer = torch.optim.Adam(net.parameters(), RATE, BETAS)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, 2 * (1 - step / steps))
    )
    return _Mover(optimizer, schedule)


def scatter(*nets: nn.Module) -> None:
    """Begin with weights of N(0, 0.02), as both were published."""
    for module in _modules(nets):
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0, 0.02)


def _modules(nets: Sequence[nn.Module]) -> Iterator[nn.Module]:
    return itertools.chain.from_iterable(net.modules() for net in nets)


def _entropy(told: Tensor, truth: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(told, torch.full_like(told, truth))


def _square(told: Tensor, truth: float) -> Tensor:
    return (told - truth).square().mean()


def _halve(inputs: int, width: int, *, normalized: bool) -> nn.Sequential:
    first = [] if inputs == 3 else [nn.LeakyReLU(0.2)]
    norm = [nn.BatchNorm2d(width)] if normalized else []
    return nn.Sequential(*first, nn.Conv2d(inputs, width, 4, 2, 1, bias=False), *norm)


def _double(inputs: int, width: int, *, dropped: bool) -> nn.Sequential:
    up = nn.ConvTranspose2d(inputs, width, 4, 2, 1, bias=False)
    return nn.Sequential(
        nn.ReLU(), up, nn.BatchNorm2d(width), *([nn.Dropout(0.5)] if dropped else [])
    )


def _normalized(conv: nn.Module, width: int) -> tuple[nn.Module, ...]:
    return conv, nn.InstanceNorm2d(width), nn.ReLU()


class _ReflectedBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1),
            *_normalized(nn.Conv2d(width, width, 3), width),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = x + self.body(x)
        return answer
