"""Tears, lost corners and holes: the paper itself is open or gone."""

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
from .damage import covered, on_edge, opacity_map, take_up
from .shapes import Canvas, Rng


@dataclasses.dataclass(frozen=True)
class AddTears:
    """Tears from the edge inwards, and lost pieces: corners, bites out of the edge, holes.

    A tear shows the white core of the paper on one side, throws a shadow on the other and gapes
    towards the edge. Where a piece is lost one sees through to the scanner's lid, past a rim of
    torn paper; or, where only the emulsion came off, the paper.
    """

    name: ClassVar[str] = "tears"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    tears: int = setting(1, "number of tears", low=0, high=100)
    holes: int = setting(0, "number of lost pieces at edges and within", low=0, high=100)
    corners: int = setting(0, "number of lost corners", low=0, high=4)
    width_px: float = setting(3.0, "mean width of a tear", low=0.5, high=200, unit="px")
    hole_px: float = setting(20.0, "median radius of a lost piece", low=1, high=4000, unit="px")
    through: float = setting(0.5, "share of lost pieces where the paper is gone too", low=0, high=1)
    shadow: float = setting(0.4, "darkness of the shadow beside an edge", low=0, high=1)
    tone: tuple[float, ...] = setting((0.93, 0.91, 0.86), "color of the paper", low=0, high=1)
    behind: tuple[float, ...] = setting(
        (0.97, 0.97, 0.97), "color of what lies behind the print", low=0, high=1
    )
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        lost = self.holes + self.corners
        return Finding(self.tears + lost > 0, f"{self.tears} tears, {lost} lost pieces")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        core, lost, gone = (np.zeros(photo.size, np.uint8) for _ in range(3))
        for _ in range(self.tears):
            self._tear(core, gone, rng)
        for number in range(self.holes + self.corners):
            through = rng.random() < self.through
            outline = self._corner(rng, photo.size) if number < self.corners else None
            if outline is None:
                outline = self._hole(rng, photo.size)
            self._lose(lost, gone, outline, through, rng)
        bare = opacity_map(np.maximum(core, lost), 0.5, 1.0)
        open_ = opacity_map(gone, 0.5, 1.0)
        solid = np.maximum(bare, open_)
        reach = max(1.0, 0.5 * self.width_px)
        fallen = cv2.GaussianBlur(paths.shifted(solid, reach, reach), (0, 0), reach)
        fibers = np.float32(0.97) + np.float32(0.035) * paths.rough_field(rng, photo.size, 6, 3)
        pixels = covered(photo.pixels, (fallen * np.float32(self.shadow), (0.02, 0.02, 0.02)))
        pixels = covered(pixels, (bare, self.tone))
        pixels = np.where(bare[:, :, None] > 0.02, pixels * fibers[:, :, None], pixels)
        pixels = np.clip(covered(pixels, (open_, self.behind)), 0, 1)
        kind = np.where((lost > 0) | (gone > 0), Damage.LOSS, Damage.CREASE).astype(np.uint8)
        return take_up(photo, kind, pixels)

    def _tear(self, core: Canvas, gone: Canvas, rng: Rng) -> None:
        height, width = core.shape
        start = on_edge(rng, core.shape)
        inward = np.array([width, height]) * rng.uniform(0.2, 0.8, 2) - start
        stop = start + inward * rng.uniform(0.15, 0.8)
        path = paths.ragged_path(rng, start, stop, 0.05, min(0.5, 0.1 * self.width_px), 2.5)
        closing = np.linspace(1, 0.1, len(path)) ** 0.6
        ragged = np.abs(1 + paths.bridge(rng, len(path)) + rng.normal(0, 0.12, len(path)))
        half = self.width_px * closing * ragged
        other = half * rng.uniform(0.05, 0.4) * np.abs(1 + paths.bridge(rng, len(path)))
        paths.draw_band(core, path, half, other, 255)
        paths.draw_line(core, path, 1.0, 0.8)
        if rng.random() < 0.4:
            gap = self.width_px * rng.uniform(0.2, 1) * np.linspace(1, -0.8, len(path)).clip(0)
            paths.draw_band(gone, path, -0.02 * gap, gap, 255)

    def _corner(self, rng: Rng, size: tuple[int, int]) -> paths.Points:
        """The outline of a corner that broke off along a ragged line."""
        height, width = size
        corner = rng.integers(0, 2, 2) * np.array([width, height], np.float64)
        inward = np.where(corner > 0, -1.0, 1.0)
        legs = self.hole_px * rng.uniform(0.8, 2.2, 2)
        start = corner + np.array([inward[0] * legs[0], -3 * inward[1]])
        stop = corner + np.array([-3 * inward[0], inward[1] * legs[1]])
        jitter = min(2.0, 0.02 * self.hole_px)
        edge = paths.ragged_path(rng, start, stop, 0.07, jitter, 2.5)
        return np.concatenate([edge, [corner - 4 * inward]])

    def _hole(self, rng: Rng, size: tuple[int, int]) -> paths.Points:
        height, width = size
        within = rng.random() < 0.4
        center = rng.uniform((0, 0), (width, height)) if within else on_edge(rng, size)
        radius = self.hole_px * float(rng.lognormal(0, 0.5))
        return shapes.blob_outline(rng, radius, 0.35) + center

    def _lose(
        self, lost: Canvas, gone: Canvas, outline: paths.Points, through: bool, rng: Rng
    ) -> None:
        shapes.fill(lost, outline, 255)
        if not through:
            return
        # The paper gave way a little further out than the emulsion, unevenly.
        middle = outline.mean(axis=0)
        rim = self.width_px * np.abs(1 + 2 * paths.bridge(rng, len(outline)))[:, None]
        reach = np.maximum(np.hypot(*(outline - middle).T)[:, None], 1e-3)
        shapes.fill(gone, middle + (outline - middle) * np.maximum(0, 1 - rim / reach), 255)


def draw_tears(
    rng: Rng, size: tuple[int, int], severity: float, um_per_px: float, paper: tuple[float, ...]
) -> AddTears:
    """Draw tears and lost pieces of a print; arguments as of `draw_creases`."""
    lid = 0.03 if rng.random() < 0.4 else float(rng.uniform(0.9, 1))
    what = int(rng.integers(1, 4))
    return AddTears(
        tears=1 + int(rng.poisson(0.5 + severity)) if what & 1 else 0,
        holes=1 + int(rng.poisson(0.3 + severity)) if what & 2 and rng.random() < 0.6 else 0,
        corners=int(rng.integers(1, 2 + round(2 * severity))) if what & 2 else 0,
        width_px=float(np.clip(rng.lognormal(np.log(250), 0.5) / um_per_px, 1, 60)),
        hole_px=min(4000.0, float(max(size) * np.exp(rng.uniform(*np.log((0.012, 0.09))))) + 1),
        through=float(rng.choice([0.0, 0.5, 1.0])),
        shadow=float(rng.uniform(0, 0.5)),
        tone=paper,
        behind=tuple(float(c) for c in np.clip(lid + rng.normal(0, 0.01, 3), 0, 1)),
        seed=int(rng.integers(2**62)),
    )
