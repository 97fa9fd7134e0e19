"""Mixes of degradations that others published, to compare with on equal terms."""

from __future__ import annotations

from typing import Any

import numpy as np

from .capture import AddNoise, Blur, CompressJpeg, LowerResolution
from .fading import ToGrey
from .particles import AddParticles
from .shapes import Rng
from .textbook import AddSaltAndPepper, AddSpeckle, Digitize
from .wear import draw_abrasion, draw_flaking, draw_scratches

TEXTURES = 64
"""As many textures as the small U-Net project overlaid."""


def draw_random_order(rng: Rng, size: tuple[int, int], severity: float) -> list[Any]:
    """Draw the unstructured degradations of triplet translation.

    Blur, noise, low resolution and JPEG in random order, each with a probability of 0.7 (at
    severity 0.5 and above; less below), with 8 bits after each. The published code turns a tenth
    of its pairs grey, both photos; that is left to the caller. Holes come from a user's file
    there and are not part of this.

    References:
        Wan et al., "Bringing Old Photos Back to Life", CVPR 2020 (arXiv 2004.09484), and its code.
    """
    draws = (_blur, _noise, _resolution, _jpeg)
    stages: list[Any] = []
    for number in rng.permutation(len(draws)):
        if rng.random() < 0.7 * min(1.0, 2 * severity):
            stages += [draws[number](rng, size), Digitize(8)]
    return stages


def draw_grey_noise_texture(rng: Rng, size: tuple[int, int], severity: float) -> list[Any]:
    """Draw the mix of the small U-Net project: grey, Gaussian noise, one of 64 textures over it.

    Neither its noise nor its textures are published: here the noise goes up to 0.1 (at severity
    0.5), and the textures are drawn, each by its own number: scratches, wear, flakes and dust.
    """
    noise = AddNoise(
        read=float(rng.uniform(0, 0.2 * severity)),
        shot=0.0,
        channel_correlation=1.0,
        seed=int(rng.integers(2**62)),
    )
    number = int(rng.integers(TEXTURES))
    return [ToGrey(), noise, *_texture(number, size, severity)]


def _texture(number: int, size: tuple[int, int], severity: float) -> list[Any]:
    """The stages of one texture; the same number gives the same texture on every photo."""
    own = np.random.default_rng((TEXTURES, number))
    light = (float(own.uniform(0.75, 1)),) * 3
    dust = AddParticles(
        kind=str(own.choice(("dust", "dirt", "fiber"))),
        count=int(own.integers(5, 60) * 2 * severity),
        um_per_px=float(own.uniform(4, 15)),
        tone=light,
        seed=int(own.integers(2**62)),
    )
    worn = (
        draw_scratches(own, size, severity, 80, light),
        draw_abrasion(own, size, severity, 80, light),
        draw_flaking(own, size, severity, 80, light),
    )
    chosen = own.permutation(len(worn))[: int(own.integers(1, 3))] if severity > 0 else ()
    return [*(worn[index] for index in chosen), dust]


def _blur(rng: Rng, size: tuple[int, int]) -> Blur:
    return Blur("gaussian", float(rng.uniform(1, 5)), taps=int(rng.choice((3, 5, 7))))


def _noise(rng: Rng, size: tuple[int, int]) -> Any:
    kind, strength = int(rng.integers(3)), float(rng.uniform(5, 50) / 255)
    seed = int(rng.integers(2**62))
    if kind == 0:
        return AddNoise(read=strength, shot=0.0, seed=seed)
    if kind == 1:
        return AddSpeckle(strength, seed=seed)
    return AddSaltAndPepper(float(rng.uniform(0, 0.01)), float(rng.uniform(0.3, 0.8)), seed=seed)


def _resolution(rng: Rng, size: tuple[int, int]) -> LowerResolution:
    height, width = size
    columns = int(rng.integers(max(1, width // 2), width + 1))
    rows = int(rng.integers(max(1, height // 2), height + 1))
    up = str(rng.choice(("nearest", "linear")))
    return LowerResolution(width / columns, rows=height / rows, down="cubic", up=up)


def _jpeg(rng: Rng, size: tuple[int, int]) -> CompressJpeg:
    return CompressJpeg(int(rng.integers(40, 101)))
