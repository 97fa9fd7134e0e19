"""Fingerprints: ridges of grease on a print or on film."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from ..darkroom import Darkroom
from ..photo import Damage, Edit, Origin, Photo
from ..recipe import Finding
from ..settings import check_settings, setting
from . import paths
from .damage import deposit
from .paths import Field
from .shapes import Rng

WIDEST_UM = 12_000
"""Of a fingertip a frame shows at most so much that its ridges are still seen as ridges."""


@dataclasses.dataclass(frozen=True)
class AddFingerprints:
    """Prints of fingertips: whorls and loops of ridges, broken where the skin did not touch."""

    name: ClassVar[str] = "fingerprints"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    count: int = setting(1, "number of fingerprints", low=0, high=100)
    ridge_px: float = setting(
        6.0, "distance of the ridges; 0.5 mm on the object", low=1.5, high=1000, unit="px"
    )
    opacity: float = setting(0.25, "opacity of the ridges", low=0, high=1)
    smear: float = setting(0.3, "opacity of grease between the ridges, over theirs", low=0, high=1)
    tone: tuple[float, ...] = setting((0.3, 0.27, 0.22), "color of the grease", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.count > 0, f"{self.count} fingerprints")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        alpha = np.zeros(photo.size, np.float32)
        for _ in range(self.count):
            self._press(alpha, rng)
        return deposit(photo, Damage.STAIN, (np.minimum(alpha, 1), self.tone))

    def _press(self, alpha: Field, rng: Rng) -> None:
        """Add one fingertip: about 26 ridges wide and 36 long."""
        height, width = alpha.shape
        reach = int(20 * self.ridge_px)
        middle = rng.uniform((0, 0), (width, height)).astype(int)
        left, top = max(0, middle[0] - reach), max(0, middle[1] - reach)
        part = alpha[top : middle[1] + reach, left : middle[0] + reach]
        if part.size == 0:
            return
        x, y = self._skin(part.shape, rng, left - middle[0], top - middle[1])
        away = np.sqrt((x / 13) ** 2 + (y / 18) ** 2)
        touch = np.clip((1 - away) * 4, 0, 1) * rng.uniform(0.6, 1)
        dry = paths.rough_field(rng, part.shape, 8 * self.ridge_px, 3)
        touch = touch * np.clip(0.75 + 0.45 * dry, 0, 1)
        # Ridges run around a core above the middle and straighten towards the joint.
        core = np.float32(rng.uniform(-4, 0))
        flow = np.where(y < core, np.hypot(x, 1.1 * (y - core)), np.abs(x) + 0.12 * (y - core))
        wave = np.sin(2 * np.pi * (flow + 0.35 * paths.rough_field(rng, part.shape, 60, 2)))
        pores = paths.rough_field(rng, part.shape, self.ridge_px, 2)
        ridges = np.clip(0.5 + 0.9 * wave + 0.25 * pores, 0, 1)
        part += (touch * (ridges + self.smear * (1 - ridges)) * self.opacity).astype(np.float32)

    def _skin(self, size: tuple[int, ...], rng: Rng, left: int, top: int) -> tuple[Field, Field]:
        """Coordinates on the fingertip in ridges, turned at random and bent by the pressure."""
        angle = rng.normal(0, 0.6) if rng.random() < 0.7 else rng.uniform(0, 2 * np.pi)
        x = (np.arange(size[1], dtype=np.float32) + left)[None, :] / np.float32(self.ridge_px)
        y = (np.arange(size[0], dtype=np.float32) + top)[:, None] / np.float32(self.ridge_px)
        cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        bend = np.float32(0.8) * paths.rough_field(rng, (size[0], size[1]), 9 * self.ridge_px, 2)
        return x * cosine + y * sine + bend, y * cosine - x * sine + bend


def draw_fingerprints(rng: Rng, severity: float, um_per_px: float, dark: bool) -> AddFingerprints:
    """Draw fingerprints of 0.4 to 0.55 mm from ridge to ridge.

    Args:
        severity: 0 to 1.
        um_per_px: Size of a pixel on the object in micrometres.
        dark: Grease that holds dirt is dark; else it is a light haze.
    """
    base = rng.uniform(0.15, 0.4) if dark else rng.uniform(0.7, 0.95)
    warm = np.array([0.02, 0.0, -0.03])
    return AddFingerprints(
        count=1 + int(rng.poisson(0.3 + 0.7 * severity)),
        ridge_px=float(np.clip(rng.uniform(400, 550) / um_per_px, 2, 200)),
        opacity=float(rng.uniform(0.08, 0.2 + 0.3 * severity)),
        smear=float(rng.uniform(0, 0.6)),
        tone=tuple(float(c) for c in np.clip(base + warm + rng.normal(0, 0.02, 3), 0, 1)),
        seed=int(rng.integers(2**62)),
    )
