"""Noise of textbooks: no camera makes it, but published mixes train on it."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from ..darkroom import Darkroom
from ..photo import Edit, Origin, Photo
from ..recipe import Finding
from ..settings import check_settings, setting


@dataclasses.dataclass(frozen=True)
class AddSpeckle:
    """Multiply by white noise: x + x n, independent in each channel."""

    name: ClassVar[str] = "speckle"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.DENOISED

    amplitude: float = setting(0.1, "standard deviation in white", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.amplitude > 0, f"speckle of {self.amplitude * 255:.0f}/255")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        noise = rng.standard_normal(photo.pixels.shape, np.float32) * np.float32(self.amplitude)
        return Edit(pixels=np.clip(photo.pixels + photo.pixels * noise, 0, 1))


@dataclasses.dataclass(frozen=True)
class AddSaltAndPepper:
    """Set single values to white or black, independently in each channel."""

    name: ClassVar[str] = "salt"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.DENOISED

    amount: float = setting(0.005, "share of values that are lost", low=0, high=1)
    salt: float = setting(0.5, "share of these that turn white", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.amount > 0, f"salt and pepper, {self.amount:.2%}")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        drawn = np.random.default_rng(self.seed).random(photo.pixels.shape, np.float32)
        salted = np.where(drawn < np.float32(self.amount * self.salt), np.float32(1), photo.pixels)
        return Edit(
            pixels=np.where(
                drawn > np.float32(1 - self.amount * (1 - self.salt)), np.float32(0), salted
            )
        )


@dataclasses.dataclass(frozen=True)
class Digitize:
    """Round to whole codes, as a file of few bits holds them."""

    name: ClassVar[str] = "digitize"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.DENOISED

    bits: int = setting(8, "bits per sample", low=1, high=16)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(True, f"{self.bits} bits per sample")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        top = np.float32(2**self.bits - 1)
        return Edit(pixels=np.rint(np.clip(photo.pixels, 0, 1) * top) / top)
