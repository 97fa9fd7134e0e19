"""Hairs in the gate: what hung in the camera's or projector's frame opening."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from ..darkroom import Darkroom
from ..photo import Damage, Edit, Origin, Photo
from ..recipe import Finding
from ..settings import check_settings, setting
from . import paths
from .damage import deposit, on_edge, opacity_map
from .shapes import Canvas, Rng


@dataclasses.dataclass(frozen=True)
class AddGateHair:
    """Hairs and fluff that reach from the edge of the frame into the picture.

    They held back light, so they are dark in the positive; they lie beside the film's plane and
    are a little out of focus. In a clip the same hair hangs in frame after frame and trembles:
    `seed` says which hair it is, `frame` how it hangs now.
    """

    name: ClassVar[str] = "gate"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    count: int = setting(1, "number of hairs", low=0, high=100)
    length_px: float = setting(60.0, "median length", low=2, high=10_000, unit="px")
    width_px: float = setting(2.0, "median width", low=0.3, high=200, unit="px")
    softness_px: float = setting(1.0, "blur of the edges", low=0, high=20, unit="px")
    opacity: float = setting(0.95, "opacity of the hairs", low=0, high=1)
    tone: tuple[float, ...] = setting((0.03, 0.03, 0.03), "color of the hairs", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)
    frame: int = setting(0, "number of the frame in a clip", low=0, high=2**31)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.count > 0, f"{self.count} hairs in the gate")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        now = np.random.default_rng((self.seed, self.frame))
        canvas = np.zeros(photo.size, np.uint8)
        for _ in range(self.count):
            self._hair(canvas, rng, float(now.normal(0, 0.05)))
        alpha = opacity_map(canvas, self.softness_px, self.opacity)
        return deposit(photo, Damage.HAIR, (alpha, self.tone))

    def _hair(self, canvas: Canvas, rng: Rng, tremble: float) -> None:
        height, width = canvas.shape
        root = on_edge(rng, canvas.shape)
        inward = np.array([width / 2, height / 2]) - root
        length = self.length_px * float(rng.lognormal(0, 0.5))
        count = int(np.clip(length / 3, 6, 200))
        heading = np.arctan2(inward[1], inward[0]) + rng.normal(0, 0.5)
        curl = rng.normal(0, 1.6) * np.linspace(0, 1, count) + 1.5 * paths.bridge(rng, count)
        turn = heading + curl + tremble * np.linspace(0.3, 1, count)
        steps = np.stack([np.cos(turn), np.sin(turn)], axis=1) * length / count
        path = root - 2 * steps[0] + np.cumsum(steps, axis=0)
        paths.draw_line(canvas, path, self.width_px * float(rng.lognormal(0, 0.3)))
        if rng.random() < 0.3:
            paths.draw_chip(canvas, rng, root, 3 * self.width_px)


def draw_gate_hair(rng: Rng, severity: float, um_per_px: float) -> AddGateHair:
    """Draw hairs in the gate, of 0.5 to 4 mm on the film.

    Args:
        severity: 0 to 1.
        um_per_px: Size of a pixel on the film in micrometres.
    """
    return AddGateHair(
        count=1 + int(rng.poisson(0.3 + 0.7 * severity)),
        length_px=float(np.clip(rng.lognormal(np.log(1200), 0.5) / um_per_px, 6, 4000)),
        width_px=float(np.clip(rng.lognormal(np.log(25), 0.4) / um_per_px, 0.8, 40)),
        softness_px=float(rng.uniform(0.5, 1.8)),
        opacity=float(rng.uniform(0.7, 1)),
        seed=int(rng.integers(2**62)),
    )
