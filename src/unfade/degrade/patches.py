"""Whole patches of grime and abrasion, pasted from a library of artefact pictures."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from ..darkroom import Darkroom
from ..photo import Damage, Edit, Origin, Photo
from ..recipe import Finding
from ..settings import check_settings, setting
from . import shapes
from .damage import deposit, opacity_map, scattered

PATCHES = {
    "abrasion": (Damage.SCRATCH, ("scratches",)),
    "grime": (Damage.DUST, ("dirt", "spots", "sprinkles", "smut")),
    "blotch": (Damage.STAIN, ("stain",)),
}
"""By kind of patch: the class in the damage map, and the library's classes."""


@dataclasses.dataclass(frozen=True)
class AddPatches:
    """Paste pictures that show many small artefacts at once: rubbed, soiled or splashed places."""

    name: ClassVar[str] = "patches"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.GENERATED

    kind: str = setting("grime", "what the patches are", choices=tuple(PATCHES))
    count: int = setting(1, "number of patches", low=0, high=1000)
    size_px: float = setting(200.0, "median longer side", low=4, high=10_000, unit="px")
    opacity: float = setting(0.9, "opacity of the densest place", low=0, high=1)
    tone: tuple[float, ...] = setting((0.08, 0.08, 0.08), "color of the deposit", low=0, high=1)
    softness_px: float = setting(0.3, "blur of the edges", low=0, high=20, unit="px")
    library: str = setting("", "folder of artefact pictures; without one there are no patches")
    part: str = setting("all", "part of the library", choices=("all", "train", "val"))
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        if not self.library:
            return Finding(False, "no library of artefact pictures")
        return Finding(self.count > 0, f"{self.count} x {self.kind}")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        kind, names = PATCHES[self.kind]
        if not self.look(photo, darkroom).needed:
            return Edit()
        rng = np.random.default_rng(self.seed)
        library = shapes.shape_library(self.library, self.part)
        pictures = [p.opacity for name in names for p in library.get(name, ())]
        canvas = np.zeros(photo.size, np.uint8)
        for center in scattered(rng, photo.size, self.count if pictures else 0, 0.0):
            picture = pictures[int(rng.integers(len(pictures)))]
            size = self.size_px * float(rng.lognormal(0, 0.4))
            scale = float(np.clip(size / max(picture.shape), 0.02, 16))
            shapes.paste_shape(canvas, shapes.turned(picture, rng, scale), center)
        return deposit(
            photo, kind, (opacity_map(canvas, self.softness_px, self.opacity), self.tone)
        )
