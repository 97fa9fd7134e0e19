"""Line scratches: what a projector or a camera scratches into film along its way."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..photo import Damage, Edit, Origin, Photo
from ..recipe import Finding
from ..settings import check_settings, setting
from .damage import deposit


@dataclasses.dataclass(frozen=True)
class AddLineScratches:
    """Scratches along the film's way through a projector: straight lines across the frame."""

    name: ClassVar[str] = "lines"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    count: int = setting(3, "number of lines", low=0, high=1000)
    width_px: float = setting(1.0, "median width", low=0.2, high=32, unit="px")
    upright: bool = setting(True, "lines run up and down, as in cinema film; else across")
    opacity: float = setting(0.8, "opacity of the densest line", low=0, high=1)
    tone: tuple[float, ...] = setting((0.9, 0.9, 0.9), "color of the lines", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.count > 0, f"{self.count} line scratches")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        height, width = photo.size if self.upright else photo.size[::-1]
        alpha = np.zeros((height, width), np.float32)
        for _ in range(self.count):
            self._line(alpha, rng)
        alpha = alpha if self.upright else np.ascontiguousarray(alpha.T)
        return deposit(photo, Damage.SCRATCH, (alpha, self.tone))

    def _line(self, alpha: NDArray[np.float32], rng: np.random.Generator) -> None:
        height, width = alpha.shape
        line_px = self.width_px * float(rng.lognormal(0, 0.4))
        top = int(rng.uniform(0, 0.4) * height) if rng.random() < 0.5 else 0
        stop = int(rng.uniform(0.5, 1) * height) if rng.random() < 0.5 else height
        along = cv2.resize(
            rng.random((max(2, int(rng.integers(3, 12))), 1), dtype=np.float32),
            (1, height),
            interpolation=cv2.INTER_CUBIC,
        )[:, 0]
        along = np.clip(along * 1.3, 0.25, 1)
        along[:top] = 0
        along[stop:] = 0
        lean = np.linspace(0, rng.normal(0, 0.004) * height, height)
        x = rng.uniform(0, width) + lean + rng.normal(0, 0.15, height)
        columns = np.arange(int(x.min() - line_px - 2), int(x.max() + line_px + 3))
        columns = columns[(columns >= 0) & (columns < width)]
        distance = np.abs(columns[None, :] - x[:, None])
        profile = np.clip(line_px / 2 + 0.5 - distance, 0, min(1.0, line_px))
        opacity = self.opacity * rng.uniform(0.4, 1)
        line = (profile * along[:, None] * opacity).astype(np.float32)
        if columns.size:
            part = alpha[:, columns[0] : columns[-1] + 1]
            np.maximum(part, line, out=part)
