"""Age, restore, measure: the figures that say whether a network or a recipe got better.

Definitions, used for every published figure: a pixel is *damaged* where aged and clean differ by
10/255 or more in some channel because of an artefact (not of noise, blur or fading); a *component*
is a connected piece of at least 25 px² of them with a mean difference of 16/255 or more, a *faint*
one has less; it is *found* if at least half of its pixels are marked before marks are grown. A
*false component* is 10 px² or more of the final mask on a clean photo.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from .darkroom import Darkroom
from .degrade.damage import DAMAGE, VISIBLE
from .metrics import Curve, psnr, ssim
from .photo import Photo, Pixels
from .pipeline import run
from .recipe import Recipe
from .stages.damage import DetectDamage, damage_probability

COMPONENT_PX = 25
CLEAR = 16 / 255
FALSE_PX = 10


@dataclasses.dataclass(frozen=True)
class Pair:
    """A clean photo, what aging made of it, and how much of the change is due to artefacts.

    Attributes:
        artifacts: (H, W) float32: largest change of a channel because of artefacts, in [0, 1].
    """

    clean: Photo
    aged: Photo
    artifacts: NDArray[np.float32]


def age_pair(clean: Photo, aging: Recipe, darkroom: Darkroom) -> Pair:
    """Age a photo twice, with and without its artefacts, so that their share is known exactly."""
    aged = run(clean, aging, darkroom)
    kept = tuple(stage for stage in aging if stage.name not in DAMAGE)
    spared = run(clean, dataclasses.replace(aging, stages=kept), darkroom)
    change = np.abs(aged.pixels - spared.pixels).max(axis=2)
    # What is scanned is 8 bit and within range.
    pixels = np.rint(np.clip(aged.pixels, 0, 1) * 255).astype(np.float32) / np.float32(255)
    return Pair(clean, Photo(pixels), change)


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

    def add(self, pair: Pair, stage: DetectDamage, darkroom: Darkroom) -> None:
        """Count one aged photo."""
        with darkroom.during("evaluate"):
            probability = damage_probability(pair.aged, darkroom)
        self.curve.add(probability, pair.artifacts >= VISIBLE)
        marks, _ = dataclasses.replace(stage, grow_px=0).mask(probability, darkroom)
        for found, clear in found_components(pair.artifacts, marks):
            self.clear += clear
            self.faint += not clear
            self.clear_found += found and clear
            self.faint_found += found and not clear

    def add_clean(self, clean: Photo, stage: DetectDamage, darkroom: Darkroom) -> None:
        """Count the false components on one clean photo."""
        mask = run(clean, Recipe("detect", (stage,)), darkroom).damage
        assert mask is not None
        _, _, stats, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8))
        self.false_components += int(np.count_nonzero(stats[1:, cv2.CC_STAT_AREA] >= FALSE_PX))
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


def found_components(
    artifacts: NDArray[np.float32], marks: NDArray[np.float32]
) -> list[tuple[bool, bool]]:
    """For each true component of 25 px² or more: is it found, and is it clear (not faint)?"""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (artifacts >= VISIBLE).astype(np.uint8)
    )
    flat = labels.ravel()
    areas = stats[:, cv2.CC_STAT_AREA]
    hits = np.bincount(flat, weights=(marks.ravel() > 0), minlength=count)
    means = np.bincount(flat, weights=artifacts.ravel(), minlength=count) / np.maximum(areas, 1)
    return [
        (bool(hits[i] >= 0.5 * areas[i]), bool(means[i] >= CLEAR))
        for i in range(1, count)
        if areas[i] >= COMPONENT_PX
    ]


def restoration_gain(pair: Pair, recipe: Recipe, darkroom: Darkroom) -> dict[str, float]:
    """Restore an aged photo and compare both with the clean one: PSNR in dB, and SSIM."""
    restored = run(pair.aged, recipe, darkroom).pixels
    clean, aged = _alike(pair.clean.pixels, restored), _alike(pair.aged.pixels, restored)
    return {
        "psnr_aged": psnr(aged, clean),
        "psnr_restored": psnr(restored, clean),
        "ssim_aged": ssim(aged, clean),
        "ssim_restored": ssim(restored, clean),
    }


def _alike(pixels: Pixels, other: Pixels) -> Pixels:
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] < other.shape[2] else pixels
