"""Water stains, foxing and other discolorations: what soaked into a print or grew in it."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import cv2
import numpy as np

from ..darkroom import Darkroom
from ..photo import Damage, Edit, Origin, Photo
from ..recipe import Finding
from ..settings import check_settings, setting
from . import paths, shapes
from .damage import on_edge, scattered, stained, take_up
from .paths import Field
from .shapes import Rng


@dataclasses.dataclass(frozen=True)
class AddStains:
    """Large stains with tide lines, as water and chemicals leave when they dry.

    Water carries what is soluble to the border of the wet place and leaves it there: the border
    is a dark line, sharp outside and fading inwards; drying in steps leaves several. The stain is
    transparent: it shows on light paper and hardly in the shadows. Stains begin mostly at the
    edge.
    """

    name: ClassVar[str] = "stains"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    count: int = setting(1, "number of stains", low=0, high=1000)
    size_px: float = setting(60.0, "median radius", low=2, high=10_000, unit="px")
    opacity: float = setting(0.3, "strength inside", low=0, high=1)
    rim: float = setting(0.5, "how much stronger the tide line is", low=0, high=1)
    tides: int = setting(1, "tide lines of each stain", low=1, high=8)
    tone: tuple[float, ...] = setting(
        (0.35, 0.25, 0.12), "what white turns into at full strength", low=0, high=1
    )
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.count > 0, f"{self.count} stains")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        strength = np.zeros(photo.size, np.float32)
        for _ in range(self.count):
            radius = self.size_px * float(rng.lognormal(0, 0.4))
            free = rng.uniform((0, 0), photo.size[::-1])
            center = free if rng.random() < 0.35 else on_edge(rng, photo.size)
            self._wet(strength, rng, center, radius)
        mottle = 1 + np.float32(0.12) * paths.rough_field(rng, photo.size, self.size_px, 5)
        strength *= np.maximum(mottle, 0) * np.float32(self.opacity)
        return take_up(photo, Damage.STAIN, stained(photo.pixels, strength, self.tone))

    def _wet(self, strength: Field, rng: Rng, center: paths.Points, radius: float) -> None:
        """Add one stain: 1 inside, more on its tide lines."""
        reach = int(1.9 * radius) + 2
        left, top = (max(0, int(c) - reach) for c in center)
        right, bottom = int(center[0]) + reach, int(center[1]) + reach
        part = strength[top:bottom, left:right]
        if part.size == 0:
            return
        x = (np.arange(part.shape[1], dtype=np.float32) + np.float32(left - center[0])) / radius
        y = (np.arange(part.shape[0], dtype=np.float32) + np.float32(top - center[1])) / radius
        stretch = float(rng.uniform(0.6, 1.4))
        outward = cv2.magnitude(
            np.broadcast_to(x * stretch, part.shape).astype(np.float32),
            np.broadcast_to((y / stretch)[:, None], part.shape).astype(np.float32),
        )
        ragged = paths.rough_field(rng, part.shape, 0.9 * radius, 5)
        outward = np.asarray(outward + np.float32(0.16) * ragged, np.float32)
        edge = max(0.9, 0.012 * radius) / radius
        for tide in range(self.tides):
            border = np.float32(1 - 0.22 * tide * rng.uniform(0.6, 1.2))
            inside = np.clip((border - outward) / np.float32(edge), 0, 1)
            depth = np.maximum(border - outward, 0)
            line = cv2.exp(depth * np.float32(-1 / (0.07 * rng.uniform(0.4, 1.6)))) * inside
            share = np.float32(1 / self.tides)
            deposit = np.float32(2 * self.rim * rng.uniform(0.5, 1))
            part += np.asarray(inside * share * np.float32(1 - 0.8 * self.rim), np.float32)
            part += np.asarray(line * deposit, np.float32)


@dataclasses.dataclass(frozen=True)
class AddFoxing:
    """Foxing: clusters of small rusty spots, each with a soft halo, that grow in damp paper."""

    name: ClassVar[str] = "foxing"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    count: int = setting(40, "number of spots", low=0, high=100_000)
    size_px: float = setting(3.0, "median radius", low=0.3, high=1000, unit="px")
    opacity: float = setting(0.6, "strength of the strongest spot", low=0, high=1)
    halo: float = setting(0.4, "strength of the halo over that of the spot", low=0, high=1)
    clustering: float = setting(0.8, "0 spreads evenly, 1 gathers in clouds", low=0, high=1)
    tone: tuple[float, ...] = setting(
        (0.62, 0.43, 0.24), "what white turns into at full strength", low=0, high=1
    )
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.count > 0, f"{self.count} spots of foxing")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        spots, halos = (np.zeros(photo.size, np.uint8) for _ in range(2))
        for center in scattered(rng, photo.size, self.count, self.clustering):
            radius = self.size_px * float(rng.lognormal(0, 0.6))
            strong = float(rng.uniform(0.15, 1))
            shapes.draw_speck(spots, rng, center, radius, strong)
            if rng.random() < 0.5:
                shapes.draw_speck(halos, rng, center, 2.4 * radius, strong)
        strength = cv2.GaussianBlur(spots, (0, 0), max(0.6, 0.35 * self.size_px)).astype(np.float32)
        around = cv2.GaussianBlur(halos, (0, 0), max(1.0, 0.9 * self.size_px))
        strength += around.astype(np.float32) * np.float32(self.halo)
        strength *= np.float32(self.opacity / 255)
        strength *= 1 + np.float32(0.2) * paths.rough_field(rng, photo.size, 4 * self.size_px, 3)
        pixels = stained(photo.pixels, np.maximum(strength, 0), self.tone)
        return take_up(photo, Damage.STAIN, pixels)


def draw_stains(rng: Rng, size: tuple[int, int], severity: float) -> AddStains:
    """Draw water stains: brown or grey on paper, in the order of a tenth of its size."""
    brown = np.array([0.6, 0.46, 0.28]) + rng.normal(0, 0.06, 3)
    dirty = 0.4 + rng.normal(0, 0.08) + np.array([0.03, 0.0, -0.04])
    most = 0.06 + 0.55 * severity
    return AddStains(
        count=1 + int(rng.poisson(0.3 + 0.7 * severity)),
        size_px=min(10_000.0, float(max(size) * np.exp(rng.uniform(*np.log((0.03, most))))) + 2),
        opacity=float(rng.uniform(0.08, 0.3 + 0.4 * severity)),
        rim=float(rng.uniform(0.1, 1)),
        tides=int(rng.choice((1, 2, 3), p=(0.6, 0.25, 0.15))),
        tone=_tone(brown if rng.random() < 0.75 else dirty),
        seed=int(rng.integers(2**62)),
    )


def draw_foxing(rng: Rng, size: tuple[int, int], severity: float, um_per_px: float) -> AddFoxing:
    """Draw foxing: spots of about 0.1 to 1 mm, some to some hundred on a small print."""
    size_px = float(np.clip(rng.lognormal(np.log(200), 0.6) / um_per_px, 0.6, 60))
    area = size[0] * size[1]
    share = np.exp(rng.uniform(*np.log((0.002, 0.01 + 0.05 * severity))))
    return AddFoxing(
        count=int(np.clip(share * area / (np.pi * size_px**2), 1, 3000)),
        size_px=size_px,
        opacity=float(rng.uniform(0.25, 0.6 + 0.4 * severity)),
        halo=float(rng.uniform(0.1, 0.7)),
        clustering=float(rng.uniform(0.3, 1)),
        tone=_tone(np.array([0.66, 0.47, 0.27]) + rng.normal(0, 0.07, 3)),
        seed=int(rng.integers(2**62)),
    )


def _tone(color: np.ndarray) -> tuple[float, ...]:
    return tuple(float(c) for c in np.clip(color, 0.02, 1))
