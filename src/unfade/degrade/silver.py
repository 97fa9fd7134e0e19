"""Silver mirroring: the bluish sheen that old silver prints and plates get in their shadows."""

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
from .shapes import Rng


@dataclasses.dataclass(frozen=True)
class AddSilverMirroring:
    """A metallic haze where there is much silver: in the shadows, mostly along the edges.

    Silver ions wander to the surface and are reduced there; the mirror they form reflects the
    scanner's lamp and so lightens what was dark (Hendriks, "Fundamentals of Photograph
    Conservation", 1991).
    """

    name: ClassVar[str] = "silver"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    strength: float = setting(0.4, "brightness of the sheen in black", low=0, high=1)
    reach: float = setting(
        0.15, "how far from the edge it extends, over the shorter side", low=0.01, high=2
    )
    within: float = setting(0.1, "strength far from the edges over that at them", low=0, high=1)
    tone: tuple[float, ...] = setting((0.62, 0.67, 0.74), "color of the sheen", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.strength > 0, "silver mirroring")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        height, width = photo.size
        x, y = (np.arange(n, dtype=np.float32) for n in (width, height))
        side = np.float32(self.reach * min(height, width))
        near = np.maximum(
            np.exp(-np.minimum(x, width - 1 - x) / side)[None, :],
            np.exp(-np.minimum(y, height - 1 - y) / side)[:, None],
        )
        uneven = 0.8 + np.float32(0.3) * paths.rough_field(rng, photo.size, float(2 * side), 5)
        sheen = (self.within + (1 - self.within) * near) * np.clip(uneven, 0, 1.3)
        dark = (1 - photo.pixels.mean(axis=2)) ** 2
        alpha = np.clip(sheen * dark * self.strength, 0, 1).astype(np.float32)
        return deposit(photo, Damage.STAIN, (alpha, self.tone))


def draw_silver(rng: Rng, severity: float) -> AddSilverMirroring:
    """Draw silver mirroring: at the edges, seldom all over."""
    cold = rng.uniform(0, 1)
    return AddSilverMirroring(
        strength=float(rng.uniform(0.1, 0.3 + 0.5 * severity)),
        reach=float(np.exp(rng.uniform(*np.log((0.03, 0.3))))),
        within=float(rng.uniform(0, 0.3)) if rng.random() < 0.7 else float(rng.uniform(0.3, 0.8)),
        tone=(0.7 - 0.1 * cold, 0.7 - 0.04 * cold, 0.7 + 0.05 * cold),
        seed=int(rng.integers(2**62)),
    )
