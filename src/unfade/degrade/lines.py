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
    """Scratches along the film's way through a camera or projector: straight lines across a frame.

    A grain of dirt sits somewhere in the transport, so in a clip a line stays on its column for
    many frames; it weaves a little and deepens and pales. `seed` says which lines these are,
    `frame` how they look now.
    """

    name: ClassVar[str] = "lines"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    count: int = setting(3, "number of lines", low=0, high=1000)
    width_px: float = setting(1.0, "median width", low=0.2, high=32, unit="px")
    upright: bool = setting(True, "lines run up and down, as in cinema film; else across")
    gathered: float = setting(0.3, "share of lines that run beside another one", low=0, high=1)
    weave_px: float = setting(
        0.6, "how far lines move from frame to frame", low=0, high=100, unit="px"
    )
    opacity: float = setting(0.8, "opacity of the densest line", low=0, high=1)
    tone: tuple[float, ...] = setting((0.9, 0.9, 0.9), "color of the lines", low=0, high=1)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)
    frame: int = setting(0, "number of the frame in a clip", low=0, high=2**31)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.count > 0, f"{self.count} line scratches")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        now = np.random.default_rng((self.seed, self.frame))
        height, width = photo.size if self.upright else photo.size[::-1]
        alpha = np.zeros((height, width), np.float32)
        weave = now.normal(0, self.weave_px)
        column = 0.0
        for number in range(self.count):
            beside = number > 0 and rng.random() < self.gathered
            near = column + rng.normal(0, 6 * self.width_px)
            column = float(near if beside else rng.uniform(0, width))
            line_px = self.width_px * float(rng.lognormal(0, 0.4))
            opacity = self.opacity * float(rng.uniform(0.4, 1))
            place = column + weave + now.normal(0, 0.2 * self.weave_px)
            self._line(alpha, now, place, line_px, opacity)
        alpha = alpha if self.upright else np.ascontiguousarray(alpha.T)
        return deposit(photo, Damage.SCRATCH, (alpha, self.tone))

    def _line(
        self,
        alpha: NDArray[np.float32],
        now: np.random.Generator,
        place: float,
        line_px: float,
        opacity: float,
    ) -> None:
        """Draw a line at a place, x in pixels, as deep as it is pressed along this frame."""
        height, width = alpha.shape
        top = int(now.uniform(0, 0.4) * height) if now.random() < 0.35 else 0
        stop = int(now.uniform(0.5, 1) * height) if now.random() < 0.35 else height
        coarse = now.random((max(2, int(now.integers(3, 12))), 1), dtype=np.float32)
        pressed = cv2.resize(coarse, (1, height), interpolation=cv2.INTER_CUBIC)[:, 0]
        pressed = np.clip(pressed * 1.3, 0.25, 1)
        pressed[:top] = 0
        pressed[stop:] = 0
        x = place + np.linspace(0, now.normal(0, 0.004) * height, height)
        x += now.normal(0, 0.15, height)
        columns = np.arange(int(x.min() - line_px - 2), int(x.max() + line_px + 3))
        columns = columns[(columns >= 0) & (columns < width)]
        if not columns.size:
            return
        distance = np.abs(columns[None, :] - x[:, None])
        profile = np.clip(line_px / 2 + 0.5 - distance, 0, min(1.0, line_px))
        line = (profile * pressed[:, None] * opacity).astype(np.float32)
        part = alpha[:, columns[0] : columns[-1] + 1]
        np.maximum(part, line, out=part)


def draw_lines(rng: np.random.Generator, um_per_px: float, bright: bool) -> AddLineScratches:
    """Draw line scratches of 6 to 30 micrometres.

    Args:
        um_per_px: Size of a pixel on the film in micrometres.
        bright: They show white: scratches of a negative's base are, after inversion, and those
            that cut into a slide's layers, which may be yellow or green; else they are dark.
    """
    base = np.full(3, rng.uniform(0.78, 1.0) if bright else rng.uniform(0.0, 0.25))
    if bright and rng.random() < 0.2:
        # The scratch ends in one of the color layers.
        base = base * np.array([(0.95, 1.0, 0.35), (0.45, 1.0, 0.5)][int(rng.integers(2))])
    return AddLineScratches(
        count=1 + int(rng.integers(1, 7)) if rng.random() < 0.7 else 1,
        width_px=float(np.clip(np.exp(rng.uniform(*np.log((6, 30)))) / um_per_px, 0.2, 32)),
        upright=bool(rng.random() < 0.6),
        gathered=float(rng.uniform(0, 0.8)),
        weave_px=float(rng.uniform(0, 1.5)),
        opacity=float(rng.uniform(0.35, 1.0)),
        tone=tuple(float(c) for c in np.clip(base + rng.normal(0, 0.03, 3), 0, 1)),
        seed=int(rng.integers(2**62)),
    )
