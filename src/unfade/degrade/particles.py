"""Dust, dirt, hairs and scratches as they were counted and measured on real 35 mm scans.

Ivanova et al., "Simulating analogue film damage to analyse and improve artefact restoration on
high-resolution scans", Computer Graphics Forum 42(2), 2023 (arXiv 2302.10004), annotated 12,137
artefacts on ten scans of about 3,600 dpi. `STATISTICS` holds, per class, what was fitted to them:
how many lie on a square millimetre and how their areas are distributed. Sizes are physical, in
micrometres; the resolution of the scan makes pixels of them.
"""

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
from . import shapes
from .damage import deposit, opacity_map, scattered

_UM2 = (25_400 / 3_600) ** 2
"""Square micrometres in a pixel of the annotated scans."""

_SCANNED_MM2 = 10 * 841.0
"""Area of the ten annotated scans in square millimetres."""


@dataclasses.dataclass(frozen=True)
class Statistics:
    """What the annotated scans say of one class.

    Attributes:
        kind: Class in the damage map.
        per_mm2: Artefacts per square millimetre of film, mean of the ten scans.
        shape: Shape of the Gamma distribution of areas (location 0).
        scale_um2: Its scale in square micrometres.
        outlines: Label of the annotated outlines.
        pictures: Classes of drawn artefact pictures that look like it.
        width_um: Range of stroke widths of fibers and scratches; None for specks.
    """

    kind: Damage
    per_mm2: float
    shape: float
    scale_um2: float
    outlines: str
    pictures: tuple[str, ...]
    width_um: tuple[float, float] | None = None


STATISTICS = {
    "dust": Statistics(Damage.DUST, 7631 / _SCANNED_MM2, 6.14, 10.9 * _UM2, "Dust", ("dots",)),
    "dirt": Statistics(
        Damage.DUST, 2700 / _SCANNED_MM2, 2.31, 70.9 * _UM2, "Dirt", ("smut", "dots")
    ),
    "fiber": Statistics(
        Damage.HAIR,
        1341 / _SCANNED_MM2,
        2.24,
        146.2 * _UM2,
        "Short hair",
        ("hair-short", "lint"),
        (15, 40),
    ),
    "hair": Statistics(
        Damage.HAIR, 399 / _SCANNED_MM2, 3.20, 336.6 * _UM2, "Long hair", ("hair",), (15, 50)
    ),
    "scratch": Statistics(
        Damage.SCRATCH, 66 / _SCANNED_MM2, 0.69, 6651 * _UM2, "Scratch", (), (8, 35)
    ),
}
"""By kind of particle."""


@dataclasses.dataclass(frozen=True)
class AddParticles:
    """Scatter particles of one kind, clustered, with areas drawn from the fitted distribution.

    With a library, half of the shapes are annotated outlines of real artefacts and a quarter drawn
    artefact pictures; the others, and all without a library, are drawn here.
    """

    name: ClassVar[str] = "particles"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    kind: str = setting("dust", "what is scattered", choices=tuple(STATISTICS))
    count: int = setting(20, "number of particles", low=0, high=100_000)
    um_per_px: float = setting(
        10.0,
        "size of a pixel on the object; 7 is a scan of 3,600 dpi",
        low=0.5,
        high=500,
        unit="um",
    )
    opacity: float = setting(0.95, "opacity of the densest particle", low=0, high=1)
    spread: float = setting(0.4, "how much thinner the thinnest is", low=0, high=1)
    tone: tuple[float, ...] = setting((0.08, 0.08, 0.08), "color of the particles", low=0, high=1)
    softness_px: float = setting(0.5, "blur of the edges", low=0, high=20, unit="px")
    clustering: float = setting(0.5, "0 spreads evenly, 1 gathers in clouds", low=0, high=1)
    library: str = setting("", "folder of artefact shapes; empty draws them")
    part: str = setting("all", "part of the library", choices=("all", "train", "val"))
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.count > 0, f"{self.count} x {self.kind}")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rng = np.random.default_rng(self.seed)
        statistics = STATISTICS[self.kind]
        canvas = np.zeros(photo.size, np.uint8)
        places = scattered(rng, photo.size, self.count, self.clustering)
        areas = rng.gamma(statistics.shape, statistics.scale_um2, self.count) / self.um_per_px**2
        for center, area in zip(places, areas, strict=True):
            opacity = 1 - self.spread * float(rng.random()) ** 1.5
            self._draw(canvas, rng, center, float(area), opacity)
        alpha = opacity_map(canvas, self.softness_px, self.opacity)
        return deposit(photo, statistics.kind, (alpha, self.tone))

    def _draw(
        self,
        canvas: shapes.Canvas,
        rng: np.random.Generator,
        center: NDArray[np.float64],
        area: float,
        opacity: float,
    ) -> None:
        """Draw one particle of an area in px² and an opacity in [0, 1]."""
        statistics = STATISTICS[self.kind]
        source = rng.random() if self.library else 1.0
        if source < 0.5 and self._outline(canvas, rng, center, area, opacity):
            return
        if source < 0.75 and self._picture(canvas, rng, center, area, opacity):
            return
        if statistics.width_um is None:
            shapes.draw_speck(canvas, rng, center, np.sqrt(area / 2.4) * _shrunk(area), opacity)
        else:
            width = float(rng.uniform(*statistics.width_um)) / self.um_per_px
            length = max(area / width, 3 * width)
            # Strokes thinner than a pixel cover part of it.
            value, stroke = opacity * min(1.0, width / _LINE_PX), max(1, round(width - 0.4))
            if self.kind == "scratch":
                turn = rng.uniform(0, np.pi)
                shapes.draw_scratch(canvas, rng, center, turn, length, stroke, value)
            else:
                curl = 1.2 if self.kind == "hair" else 2.5
                shapes.draw_fiber(canvas, rng, center, length, stroke, curl, value)

    def _outline(
        self,
        canvas: shapes.Canvas,
        rng: np.random.Generator,
        center: NDArray[np.float64],
        area: float,
        opacity: float,
    ) -> bool:
        """Draw one of the fifteen annotated outlines closest in area; False if there are none."""
        outlines = shapes.outline_library(self.library, self.part)
        found = outlines.get(STATISTICS[self.kind].outlines)
        if found is None:
            return False
        nearest = int(np.searchsorted(found.areas, area * self.um_per_px**2 / _UM2))
        first = int(np.clip(nearest - 7, 0, max(0, len(found.areas) - 15)))
        chosen = first + int(rng.integers(min(15, len(found.areas))))
        points = found.points[chosen] * np.sqrt(area / found.areas[chosen]) * _shrunk(area)
        turn = rng.uniform(0, 2 * np.pi)
        cosine, sine = np.cos(turn), np.sin(turn)
        points = points @ np.array([[cosine, sine], [-sine, cosine]]) + center
        shapes.fill(canvas, points, int(255 * opacity))
        return True

    def _picture(
        self,
        canvas: shapes.Canvas,
        rng: np.random.Generator,
        center: NDArray[np.float64],
        area: float,
        opacity: float,
    ) -> bool:
        """Paste an artefact picture, scaled so that its summed opacity is the area; if there is."""
        library = shapes.shape_library(self.library, self.part)
        classes = [name for name in STATISTICS[self.kind].pictures if name in library]
        if not classes:
            return False
        pictures = library[classes[int(rng.integers(len(classes)))]]
        picture = pictures[int(rng.integers(len(pictures)))]
        scale = float(np.clip(np.sqrt(area / picture.mass), 0.02, 8))
        shape = shapes.turned(picture.opacity, rng, scale)
        thinned = np.asarray(cv2.convertScaleAbs(shape, alpha=opacity), np.uint8)
        shapes.paste_shape(canvas, thinned, center)
        return True


_LINE_PX = 1.5
"""Summed opacity across an anti-aliased line of OpenCV whose width is one pixel."""


def _shrunk(area: float) -> float:
    """Factor that makes up for OpenCV filling half a pixel beyond an outline of an area in px²."""
    return max(0.3, 1 - 0.5 / float(np.sqrt(max(area, 0.1) / np.pi)))
