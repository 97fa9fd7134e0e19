"""What a scanner adds of its own: stripes along its travel, moiré and Newton's rings."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import cv2
import numpy as np

from ..darkroom import Darkroom
from ..photo import Edit, Origin, Photo
from ..recipe import Finding
from ..settings import check_settings, setting
from . import paths
from .paths import Field
from .shapes import Rng

PATTERNS = ("grid", "rings")


@dataclasses.dataclass(frozen=True)
class AddBanding:
    """Stripes: each sensor cell sees a little more or less, and the lamp flickers as it travels."""

    name: ClassVar[str] = "banding"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.DENOISED

    cells: float = setting(0.01, "standard deviation of the cells' gain", low=0, high=1)
    lamp: float = setting(0.01, "standard deviation of the lamp", low=0, high=1)
    width_px: float = setting(1.0, "width of a stripe", low=0.3, high=100, unit="px")
    upright: bool = setting(True, "the carriage travels up and down, so cells make columns")
    channel_correlation: float = setting(0.6, "1 is grey, 0 has colored stripes", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.cells + self.lamp > 0, "stripes of the scanner")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        channels = photo.pixels.shape[2]
        along, across = photo.size if self.upright else photo.size[::-1]
        cells = self._profile(rng, across, channels, self.width_px) * np.float32(self.cells)
        lamp = self._profile(rng, along, channels, 6 * self.width_px) * np.float32(self.lamp)
        columns, rows = (cells, lamp) if self.upright else (lamp, cells)
        gain = 1 + columns[None, :, :] + rows[:, None, :]
        return Edit(pixels=np.clip(photo.pixels * gain, 0, 1).astype(np.float32))

    def _profile(self, rng: Rng, length: int, channels: int, width_px: float) -> Field:
        """Gain deviations (length, channels) of mean 0 and standard deviation 1."""
        common = rng.standard_normal((length, 1)) * np.sqrt(self.channel_correlation)
        own = rng.standard_normal((length, channels)) * np.sqrt(1 - self.channel_correlation)
        smooth = cv2.GaussianBlur(common + own, (1, 2 * int(3 * width_px) + 1), width_px / 2)
        profile = np.asarray(smooth).reshape(length, channels)
        return np.asarray(profile / max(float(profile.std()), 1e-6), np.float32)


@dataclasses.dataclass(frozen=True)
class AddMoire:
    """Interference: a `grid` where a printed screen meets the scanner's, `rings` under glass.

    Newton's rings form between film and glass, where the gap is some wavelengths wide; they are
    colored because wavelengths differ.
    """

    name: ClassVar[str] = "moire"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.DENOISED

    pattern: str = setting("grid", "what interferes", choices=PATTERNS)
    amplitude: float = setting(0.03, "amplitude of the pattern", low=0, high=1)
    period_px: float = setting(8.0, "distance of the lines", low=2, high=1000, unit="px")
    angle: float = setting(30.0, "direction of the grid", low=0, high=180, unit="degrees")
    color: float = setting(0.3, "how much the channels differ in phase", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.amplitude > 0, f"moiré of {self.period_px:.0f} px")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        phases = self._grid(photo.size, rng) if self.pattern == "grid" else self._rings(
            photo.size, rng
        )  # fmt: skip
        planes = []
        for number, plane in enumerate(cv2.split(photo.pixels)):
            turn = np.float32(2 * np.pi * self.color * number / 3)
            wave = sum(np.sin(phase + turn) for phase in phases) / len(phases)
            # In black and in white there is nothing that could interfere.
            planes.append(plane + np.float32(4 * self.amplitude) * wave * plane * (1 - plane))
        merged = np.asarray(cv2.merge(planes), np.float32).reshape(photo.pixels.shape)
        return Edit(pixels=np.clip(merged, 0, 1, out=merged))

    def _grid(self, size: tuple[int, int], rng: Rng) -> list[Field]:
        turns = np.deg2rad([self.angle, self.angle + 90])
        bend = np.float32(0.6) * paths.rough_field(rng, size, max(size), 2)
        x = np.arange(size[1], dtype=np.float32)[None, :]
        y = np.arange(size[0], dtype=np.float32)[:, None]
        wave = np.float32(2 * np.pi / self.period_px)
        return [
            wave * (x * np.float32(np.cos(t)) + y * np.float32(np.sin(t))) + bend for t in turns
        ]

    def _rings(self, size: tuple[int, int], rng: Rng) -> list[Field]:
        center = rng.uniform((0, 0), size[::-1])
        reach = 6 * self.period_px
        x = (np.arange(size[1], dtype=np.float32)[None, :] - np.float32(center[0])) / reach
        y = (np.arange(size[0], dtype=np.float32)[:, None] - np.float32(center[1])) / reach
        gap = (
            x * x
            + y * y * np.float32(rng.uniform(0.4, 1))
            + np.float32(0.3) * paths.rough_field(rng, size, 2 * reach, 2)
        )
        return [np.asarray(2 * np.pi * 3 * gap, np.float32)]


def draw_banding(rng: Rng, severity: float = 0.5) -> AddBanding:
    """Draw stripes: gains of 0.2 to 1 %, up to 3 % at severity 1."""
    most = 0.004 + 0.02 * severity
    return AddBanding(
        cells=float(rng.uniform(0.001, most)),
        lamp=float(rng.uniform(0, most)) if rng.random() < 0.4 else 0.0,
        width_px=float(rng.uniform(0.4, 3)),
        upright=bool(rng.random() < 0.7),
        channel_correlation=float(rng.uniform(0.2, 1)),
        seed=int(rng.integers(2**62)),
    )


def draw_moire(rng: Rng, severity: float = 0.5, pattern: str = "grid") -> AddMoire:
    """Draw moiré or Newton's rings; `pattern` is one of `PATTERNS`."""
    return AddMoire(
        pattern=pattern,
        amplitude=float(rng.uniform(0.005, 0.02 + 0.05 * severity)),
        period_px=float(np.exp(rng.uniform(*np.log((3, 24))))),
        angle=float(rng.uniform(0, 180)),
        color=float(rng.uniform(0, 1)),
        seed=int(rng.integers(2**62)),
    )
