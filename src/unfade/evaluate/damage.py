"""How well damage is found.

Definitions, used for every published figure: a pixel is *damaged* where aged and clean differ by
10/255 or more in some channel because of an artefact (not of noise, JPEG, blur or fading); a
*component* is a connected piece of at least 25 px² of them with a mean difference of 16/255 or
more, a *faint* one has less; it is *found* if at least half of its pixels are marked before marks
are grown. A *false component* is 10 px² or more of the final mask on a clean photo.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..degrade.damage import VISIBLE
from ..metrics import Curve
from ..pairs import Pair
from ..photo import Damage, Mask, Photo
from ..pipeline import run
from ..recipe import Recipe
from ..stages.damage import DetectDamage, at_all_sizes, find_damage
from ..stages.veils import LiftVeils, see_veils, veil_probability

COMPONENT_PX = 25
CLEAR = 16 / 255
FALSE_PX = 10

SIZES = (5, 25, 100, 400, 1600)
"""Lower ends, in px², of the classes of size whose recall is told apart."""

Plane = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Tally:
    """How many of some things were found; tallies are pooled by `+`."""

    found: int = 0
    present: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.found + other.found, self.present + other.present)


@dataclasses.dataclass
class DamageFigures:
    """Running totals of how well damage is found."""

    curve: Curve = dataclasses.field(default_factory=Curve)
    clear: int = 0
    clear_found: int = 0
    faint: int = 0
    faint_found: int = 0
    false_components: int = 0
    clean_megapixels: float = 0.0

    def add(self, pair: Pair, stages: Sequence[Any], darkroom: Darkroom) -> None:
        """Count one aged photo; stages as of `look_for_damage`."""
        probability, marks = look_for_damage(pair.aged, stages, darkroom)
        self.curve.add(probability, pair.artifacts >= VISIBLE)
        for found, clear in found_components(pair.artifacts, marks):
            self.clear += clear
            self.faint += not clear
            self.clear_found += found and clear
            self.faint_found += found and not clear

    def add_clean(self, clean: Photo, stages: Sequence[Any], darkroom: Darkroom) -> None:
        """Count the false components on one clean photo: what is filled, and what is lifted."""
        mask = run(clean, Recipe("detect", tuple(stages)), darkroom).damage
        assert mask is not None
        for stage in stages:
            if isinstance(stage, LiftVeils):
                with darkroom.during("evaluate"):
                    mask = np.maximum(mask, stage.covers(see_veils(clean, darkroom), darkroom))
        self.false_components += false_components(mask)
        self.clean_megapixels += mask.size / 1e6

    def summary(self) -> dict[str, float]:
        """The figures by name."""
        return {
            "roc_auc": self.curve.roc_auc,
            "average_precision": self.curve.average_precision,
            "components_found": self.clear_found / max(1, self.clear),
            "faint_components_found": self.faint_found / max(1, self.faint),
            "components": float(self.clear),
            "faint_components": float(self.faint),
            "false_per_megapixel": self.false_components / max(1e-9, self.clean_megapixels),
        }


def look_for_damage(photo: Photo, stages: Sequence[Any], darkroom: Darkroom) -> tuple[Plane, Mask]:
    """Give the probability of damage, and what is marked as damaged before marks are grown.

    Args:
        stages: Of a recipe; of these count `DetectDamage`, and `LiftVeils` if it comes before it.
            What lies under a veil is damaged, and what lies on it is looked for once it is lifted.
    """
    detect = next(stage for stage in stages if isinstance(stage, DetectDamage))
    lift = next((stage for stage in stages if isinstance(stage, LiftVeils)), None)
    veiled = covered = np.zeros(photo.size, np.float32)
    with darkroom.during("evaluate"):
        if lift is not None:
            sight = see_veils(photo, darkroom)
            veiled = veil_probability(sight, darkroom, lift.certainty)
            covered = lift.covers(sight, darkroom)
            lifted = lift.lifted(photo, sight, darkroom).pixels
            photo = photo if lifted is None else dataclasses.replace(photo, pixels=lifted)
        near, _ = find_damage(photo, darkroom)
        probability = at_all_sizes(photo, near, darkroom)
    marks, *_ = dataclasses.replace(detect, grow_px=0).mask(photo, near, darkroom)
    return 1 - (1 - probability) * (1 - veiled), np.maximum(marks, covered)


def found_components(artifacts: Plane, marks: Plane) -> list[tuple[bool, bool]]:
    """For each true component of 25 px² or more: is it found, and is it clear (not faint)?"""
    labels, areas, hits = _pieces(artifacts, marks)
    means = np.bincount(labels, weights=artifacts.ravel(), minlength=len(areas)) / areas
    return [
        (bool(hits[i] >= 0.5 * areas[i]), bool(means[i] >= CLEAR))
        for i in range(1, len(areas))
        if areas[i] >= COMPONENT_PX
    ]


def tallies(
    artifacts: Plane, marks: Plane, kinds: NDArray[np.uint8] | None = None
) -> dict[str, Tally]:
    """Count the true components found, by area and by kind of damage.

    Args:
        artifacts: (H, W), as in `Pair`.
        marks: (H, W); above 0 is marked.
        kinds: (H, W) uint8 of `Damage`; a component is of the kind most of its pixels have.
    Returns:
        By `size 25-99` for px², and for components of 25 px² and more by `kind scratch`.
    """
    labels, areas, hits = _pieces(artifacts, marks)
    kind = None if kinds is None else _kind_of(labels, kinds, len(areas))
    found: dict[str, Tally] = {}
    for i in range(1, len(areas)):
        names = [size_class(int(areas[i]))] if areas[i] >= SIZES[0] else []
        if kind is not None and areas[i] >= COMPONENT_PX:
            names.append(f"kind {Damage(kind[i]).name.lower()}")
        for name in names:
            found[name] = found.get(name, Tally()) + Tally(int(hits[i] >= 0.5 * areas[i]), 1)
    return found


def pooled(rows: list[Mapping[str, Tally]]) -> dict[str, Tally]:
    """Add up the tallies of several photos."""
    sums: dict[str, Tally] = {}
    for row in rows:
        for name, tally in row.items():
            sums[name] = sums.get(name, Tally()) + tally
    return sums


def size_class(area: int) -> str:
    """Name of the class of size of an area in px², from `SIZES[0]` on."""
    place = int(np.searchsorted(SIZES, area, side="right"))
    upper = f"-{SIZES[place] - 1}" if place < len(SIZES) else "+"
    return f"size {SIZES[place - 1]}{upper}"


def false_components(mask: Mask) -> int:
    """Number of pieces of 10 px² or more of a mask of a photo that has no damage."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8))
    return int(np.count_nonzero(stats[1:, cv2.CC_STAT_AREA] >= FALSE_PX))


def _pieces(artifacts: Plane, marks: Plane) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Label of each pixel, flat; per component its area and how many of its pixels are marked."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (artifacts >= VISIBLE).astype(np.uint8)
    )
    flat = labels.ravel().astype(np.int32)
    hits = np.bincount(flat, weights=(marks.ravel() > 0), minlength=count)
    return flat, np.maximum(stats[:, cv2.CC_STAT_AREA], 1), hits


def _kind_of(labels: NDArray[Any], kinds: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    votes = np.bincount(labels * len(Damage) + kinds.ravel(), minlength=count * len(Damage))
    votes = votes.reshape(count, len(Damage))
    votes[:, Damage.NONE] = 0
    return np.asarray(votes.argmax(axis=1))
