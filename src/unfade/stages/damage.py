"""`DetectDamage`: find dust, hair, scratches, stains and creases at the scan's full resolution."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..color import in_color
from ..darkroom import Darkroom
from ..photo import Damage, Edit, Mask, Origin, Photo
from ..recipe import Finding
from ..settings import check_settings, setting
from ..tiling import Tile
from .infrared import InfraredReading, read_infrared_damage

Plane = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class DetectDamage:
    """Mark damaged pixels in `Photo.damage`; change none.

    The published detector (Wan et al., "Bringing Old Photos Back to Life", CVPR 2020) shrinks
    every photo to 256 px and loses thin scratches; this network runs tile by tile on every pixel
    of the scan. A mask that the photo already has, such as the user's own, is kept as it is.
    Where the scanner saw infrared, and the plane is of use, both have a say: a pixel is whole only
    if neither calls it damaged.
    """

    name: ClassVar[str] = "damage"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.UNTOUCHED

    sensitivity: float = setting(
        0.5, "0 marks only what is certain, 1 also what is faint", low=0, high=1
    )
    min_area_px: int = setting(5, "smaller marks are dropped", low=1, high=10_000, unit="px")
    grow_px: int = setting(
        2, "marks are grown by this much, to take in soft edges", low=0, high=50, unit="px"
    )

    acquired_only: bool = setting(
        False, "leave alone what belongs to the object: paper texture, halftone, retouching by hand"
    )

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        if photo.damage is not None:
            if self.acquired_only and _original(photo, slice(None)).any():
                return Finding(True, "a mask is given: kept but for what is original")
            return Finding(False, "a mask is given: kept")
        return Finding(True, f"looked for at sensitivity {self.sensitivity:g}")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        finding = self.look(photo, darkroom)
        if not finding.needed:
            return Edit(notes={"evidence": finding.evidence})
        if photo.damage is not None:
            mask, spared = self._spare_original(photo, photo.damage, darkroom)
            evidence = f"{finding.evidence}, {spared} px"
            return Edit(damage=mask, notes={"evidence": evidence, "original_pixels": spared})
        reading = None if photo.infrared is None else read_infrared_damage(photo, darkroom)
        probability = damage_probability(photo, darkroom, reading)
        mask, count = self.mask(probability, darkroom)
        mask, spared = self._spare_original(photo, mask, darkroom)
        share = float(np.count_nonzero(mask)) / mask.size
        told = [f"{count} marks on {share:.2%} of the photo"]
        told += [reading.evidence] if reading is not None else []
        told += [f"{spared} px left alone as original"] if spared else []
        notes = {
            "evidence": "; ".join(told),
            "marks": count,
            "damaged_share": share,
            "threshold": self.threshold,
            "infrared": reading is not None and reading.probability is not None,
        }
        if reading is not None:
            notes["infrared_measured"] = reading.notes
        if self.acquired_only:
            notes["original_pixels"] = spared
        return Edit(damage=mask, notes=notes)

    def _spare_original(self, photo: Photo, mask: Mask, darkroom: Darkroom) -> tuple[Mask, int]:
        """Take out of a mask what is not acquired, if so set; and how many pixels that were."""
        if not self.acquired_only or photo.kinds is None:
            return mask, 0
        left, spared = darkroom.empty(photo.size), 0

        def strip(rows: slice) -> None:
            nonlocal spared
            original = _original(photo, rows)
            spared += int(np.count_nonzero(original & (mask[rows] > 0)))
            left[rows] = np.where(original, np.float32(0), mask[rows])

        darkroom.strips(strip, photo.size)
        return left, spared

    @property
    def threshold(self) -> float:
        """Probability from which a pixel is damaged: 0.9999 at sensitivity 0, 0.99, 0.25 at 1.

        Even in log odds. The middle is strict on purpose: a mark that is missed can be asked for,
        but a mark on a face that had none changes the person.
        """
        return 1 / (1 + math.exp(-4.6 + 11.4 * (self.sensitivity - 0.5)))

    def mask(self, probability: Plane, darkroom: Darkroom) -> tuple[Mask, int]:
        """Turn probabilities into a mask by hysteresis (Canny, 1986): sure marks, grown along.

        Returns:
            (H, W) of 0 and 1, and the number of marks.
        """
        sure, likely = self.threshold, self.threshold * 0.5
        size = (probability.shape[0], probability.shape[1])
        mask, marks = darkroom.empty(size, np.float32), np.empty(size, np.uint8)

        def mark(rows: slice) -> None:
            marks[rows] = probability[rows] >= likely

        darkroom.strips(mark, size)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(marks, connectivity=8)
        found = np.zeros(count, bool)

        def grow(rows: slice) -> None:
            found[labels[rows][probability[rows] >= sure]] = True

        darkroom.strips(grow, size)
        found &= stats[:, cv2.CC_STAT_AREA] >= self.min_area_px
        found[0] = False
        width = 2 * self.grow_px + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))

        def choose(rows: slice) -> None:
            marks[rows] = found[labels[rows]]

        def widen(rows: slice) -> None:
            top = max(0, rows.start - self.grow_px)
            wide = cv2.dilate(marks[top : rows.stop + self.grow_px], kernel)
            mask[rows] = wide[rows.start - top :][: rows.stop - rows.start]

        darkroom.strips(choose, size)
        darkroom.strips(widen, size)
        return mask, int(found.sum())


def _original(photo: Photo, rows: slice) -> NDArray[np.bool_]:
    """Which pixels of some rows are of a kind that the object had from the beginning."""
    if photo.kinds is None:
        return np.zeros((0, photo.size[1]), np.bool_)
    belongs = np.array([kind is Damage.ORIGINAL for kind in Damage])
    return np.asarray(belongs[photo.kinds[rows]])


def damage_probability(
    photo: Photo, darkroom: Darkroom, reading: InfraredReading | None = None
) -> Plane:
    """Ask the network how likely each pixel is damaged, and the infrared plane if it is of use.

    Returns:
        (H, W) float32 in [0, 1]; whole only where neither says damaged: 1 - (1 - p) (1 - q).
    """
    model = darkroom.model("damage")

    def ask(tile: Tile, pixels: Plane) -> Plane:
        return model(in_color(pixels))[:, :, 0]

    probability = darkroom.map(
        ask,
        photo.pixels,
        out=darkroom.empty(photo.size),
        halo=model.card.halo,
        tile=darkroom.tile_for(model, photo.size),
        multiple_of=model.card.multiple_of,
    )
    if reading is None or reading.probability is None:
        return probability
    return darkroom.map(
        lambda tile, seen, hidden: 1 - (1 - seen) * (1 - hidden),
        probability,
        reading.probability,
        out=darkroom.empty(photo.size),
    )


def mark_statistics(mask: Mask) -> dict[str, Any]:
    """Count and measure the marks of a mask, for reports.

    Args:
        mask: (H, W) in [0, 1]; from 0.5 on is damaged.
    Returns:
        `marks`, `damaged_share` and the area percentiles in pixels.
    """
    count, _, stats, _ = cv2.connectedComponentsWithStats((mask >= 0.5).astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    if count <= 1:
        return {"marks": 0, "damaged_share": 0.0, "area_px": {}}
    levels = {f"p{p}": float(np.percentile(areas, p)) for p in (10, 50, 90, 100)}
    share = float(areas.sum()) / mask.size
    return {"marks": count - 1, "damaged_share": share, "area_px": levels}
