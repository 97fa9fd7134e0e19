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
from .levels import marked, nearest, sides, smaller
from .marks import Numbers, usual_share
from .overview import joined
from .sight import enlarged, see
from .strokes import damaged_within
from .weigh import Weighed, weigh

Plane = NDArray[np.float32]
Kinds = NDArray[np.uint8]

STEP = 0.2
"""How much more sensitivity is tried out, to say what it would bring."""


@dataclasses.dataclass(frozen=True)
class DetectDamage:
    """Mark damaged pixels in `Photo.damage`; change none.

    The published detector (Wan et al., "Bringing Old Photos Back to Life", CVPR 2020) shrinks
    every photo to 256 px and loses thin scratches; this network runs tile by tile on every pixel
    of the scan, and then on smaller copies, for what is too large and soft to be seen so close up.
    A mask that the photo already has, such as the user's own, is kept as it is.
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
        1,
        "marks are grown by this much, and up to three times as far where their edges are soft",
        low=0,
        high=50,
        unit="px",
    )
    thickest: float = setting(
        0.2,
        "what is thicker than this share of the photo's shorter side is left: nothing around it "
        "tells what was there",
        low=0,
        high=1,
    )
    acquired_only: bool = setting(
        False, "leave alone what belongs to the object: paper texture, halftone, retouching by hand"
    )
    rough: bool = setting(
        False, "a mask that is given was painted roughly: mark what is damaged within it"
    )

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        if photo.damage is not None:
            if self._painted(photo):
                return Finding(True, "a mask is given: looked for within it")
            if self.acquired_only and _original(photo.kinds, slice(None)).any():
                return Finding(True, "a mask is given: kept but for what is original")
            return Finding(False, f"a mask is {'known' if is_found(photo) else 'given'}: kept")
        return Finding(True, f"looked for at sensitivity {self.sensitivity:g}")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        finding = self.look(photo, darkroom)
        if not finding.needed:
            return Edit(notes={"evidence": finding.evidence})
        if photo.damage is not None and self._painted(photo):
            return self._within(photo, photo.damage, darkroom)
        if photo.damage is not None:
            mask, spared = self._spare_original(photo.kinds, photo.damage, darkroom)
            evidence = f"{finding.evidence}, {spared} px"
            return Edit(damage=mask, notes={"evidence": evidence, "original_pixels": spared})
        reading = None if photo.infrared is None else read_infrared_damage(photo, darkroom)
        probability, kinds = find_damage(photo, darkroom, reading)
        kinds = kinds if photo.kinds is None else None
        hidden = None if reading is None else reading.probability
        mask, likely, left = self.mask(photo, probability, darkroom, hidden, kinds)
        count, beyond = int((likely >= self.threshold).sum()), self._beyond(likely)
        mask, spared = self._spare_original(photo.kinds if kinds is None else kinds, mask, darkroom)
        areas = None if kinds is None else keep_marked(kinds, mask, darkroom)
        share = float(np.count_nonzero(mask)) / mask.size
        told = [f"{count} mark{'' if count == 1 else 's'} on {share:.2%} of the photo"]
        told += unmarked(left, beyond)
        told += [reading.evidence] if reading is not None else []
        told += [f"{spared} px left alone as original"] if spared else []
        notes = {
            "evidence": "; ".join(told),
            "marks": count,
            "beyond": beyond,
            "too_large": left,
            "damaged_share": share,
            "threshold": self.threshold,
            "infrared": reading is not None and reading.probability is not None,
        }
        if reading is not None:
            notes["infrared_measured"] = reading.notes
        if areas is not None:
            notes["kinds_px"] = areas
        if self.acquired_only:
            notes["original_pixels"] = spared
        return Edit(damage=mask, kinds=kinds, notes=notes)

    def _painted(self, photo: Photo) -> bool:
        """Whether the mask that a photo has was painted roughly by a person."""
        return self.rough and not is_found(photo)

    def _within(self, photo: Photo, strokes: Mask, darkroom: Darkroom) -> Edit:
        """Mark what is damaged within strokes."""
        probability = damage_probability(photo, darkroom)
        found = damaged_within(photo, strokes, probability, self.grow_px, darkroom)
        mask, spared = self._spare_original(photo.kinds, found.mask, darkroom)
        strokes_given = f"{found.strokes} stroke{'' if found.strokes == 1 else 's'} given"
        told = [f"{strokes_given}, {found.damaged_px} of {found.painted_px} px in them damaged"]
        told += [f"{found.empty} left in which nothing stands out"] if found.empty else []
        told += [f"{spared} px left alone as original"] if spared else []
        notes = {
            "evidence": "; ".join(told),
            "strokes": found.strokes,
            "painted_px": found.painted_px,
            "damaged_px": found.damaged_px,
            "empty_strokes": found.empty,
        }
        return Edit(damage=mask, notes=notes)

    def _spare_original(
        self, kinds: Kinds | None, mask: Mask, darkroom: Darkroom
    ) -> tuple[Mask, int]:
        """Take out of a mask what is not acquired, if so set; and how many pixels that were."""
        if not self.acquired_only or kinds is None:
            return mask, 0
        left, spared = darkroom.empty((mask.shape[0], mask.shape[1])), 0

        def strip(rows: slice) -> None:
            nonlocal spared
            original = _original(kinds, rows)
            spared += int(np.count_nonzero(original & (mask[rows] > 0)))
            left[rows] = np.where(original, np.float32(0), mask[rows])

        darkroom.strips(strip, (mask.shape[0], mask.shape[1]))
        return left, spared

    @property
    def threshold(self) -> float:
        """How likely a mark must be damage: 0.98 at sensitivity 0, 0.5 in the middle, 0.02 at 1.

        Even in log odds. A mark that is missed can be asked for; one on a face that had none
        changes the person.
        """
        return _threshold(self.sensitivity)

    def _beyond(self, likely: Numbers) -> str:
        """What more sensitivity would bring: more marks at `STEP` more, or from where on any."""
        count = int((likely >= self.threshold).sum())
        for tenth in range(min(10, math.floor(10 * (self.sensitivity + STEP) + 1e-9)), 11):
            more = int((likely >= _threshold(tenth / 10)).sum()) - count
            if more > 0:
                return f"{more} more at sensitivity {tenth / 10:g}"
        return "" if count else "none at any sensitivity"

    def mask(
        self,
        photo: Photo,
        probability: Plane,
        darkroom: Darkroom,
        infrared: Plane | None = None,
        kinds: Kinds | None = None,
    ) -> tuple[Mask, Numbers, int]:
        """Turn probabilities of a photo into a mask: candidates, each kept or dropped whole.

        Then the photo is looked at again at each smaller level, for marks that are not known yet.

        Args:
            probability: (H, W), as `find_damage` gives it.
            infrared: (H, W), how likely the infrared alone calls each pixel damaged; it needs
                nobody to verify it.
            kinds: (H, W) of `Damage`; takes, in place, those of the marks on smaller levels.
        Returns:
            (H, W) of 0 and 1; how likely each candidate is damage, (n,), from `threshold` on it is
            a mark; and how many were left for being too thick, which are not likely any more.
        """
        usual = usual_share(photo)
        weighed = weigh(photo, probability, self.min_area_px, usual, darkroom, infrared)
        mask, likely, left = self._kept(photo, weighed, darkroom)
        for small in smaller(photo):
            plane, told = find_damage(small, darkroom)
            known = nearest(mask, slice(0, small.size[0]), small.size)
            weighed = weigh(small, plane, self.min_area_px, usual, darkroom, known=known)
            more, how_likely, too_large = self._kept(small, weighed, darkroom)
            likely, left = np.concatenate([likely, how_likely]), max(left, too_large)
            _add(more, told, mask, kinds, darkroom)
        return mask, likely, left

    def _kept(
        self, photo: Photo, weighed: Weighed, darkroom: Darkroom
    ) -> tuple[Mask, Numbers, int]:
        """What is likely enough at one size, and not too thick; gives what `mask` does."""
        marks = weighed.likely >= self.threshold
        thick = weighed.thick(marks, self.thickest)
        likely = np.where(thick, 0, weighed.likely)
        mask = weighed.grown(marks & ~thick, self.grow_px, photo.pixels, darkroom)
        return mask, likely, int(thick.sum())


def _add(
    more: Mask, told: Kinds | None, mask: Mask, kinds: Kinds | None, darkroom: Darkroom
) -> None:
    """Add the marks of a smaller level, (h, w), and their kinds to those of the photo, in place."""
    size = (mask.shape[0], mask.shape[1])

    def strip(rows: slice) -> None:
        where = marked(more, rows, size)
        if where is None:
            return
        new = where & (mask[rows] == 0)
        mask[rows][new] = 1
        if kinds is not None and told is not None:
            kinds[rows][new] = nearest(told, rows, size)[new]

    darkroom.strips(strip, size)


def unmarked(left: int, beyond: str) -> list[str]:
    """Say what is not in the mask: how many marks were too large, and what more sensitivity brings.

    Args:
        left, beyond: As the notes of this stage hold them, `too_large` and `beyond`.
    """
    large = [f"{left} too large to fill left alone"] if left else []
    return [*large, beyond] if beyond else large


def _threshold(sensitivity: float) -> float:
    return 1 / (1 + math.exp(8 * (sensitivity - 0.5)))


def is_found(photo: Photo) -> bool:
    """Whether its mask is what this stage found, and no one else's."""
    step = photo.last(DetectDamage.name)
    return step is not None and "marks" in step.notes


def _original(kinds: Kinds | None, rows: slice) -> NDArray[np.bool_]:
    """Which pixels of some rows are of a kind that the object had from the beginning."""
    if kinds is None:
        return np.zeros((0, 0), np.bool_)
    belongs = np.array([kind is Damage.ORIGINAL for kind in Damage])
    return np.asarray(belongs[kinds[rows]])


def keep_marked(kinds: Kinds, mask: Mask, darkroom: Darkroom) -> dict[str, int]:
    """Set kinds to `Damage.NONE` outside a mask, in place, and count what is left.

    Returns:
        Pixels by the name of the kind, in lower case; kinds that do not occur are left out.
    """
    counts = np.zeros(len(Damage), np.int64)

    def strip(rows: slice) -> None:
        kinds[rows][mask[rows] == 0] = Damage.NONE
        counts[:] += np.bincount(kinds[rows].ravel(), minlength=len(Damage))

    darkroom.strips(strip, (mask.shape[0], mask.shape[1]))
    return {kind.name.lower(): int(counts[kind]) for kind in Damage if kind and counts[kind]}


def damage_probability(photo: Photo, darkroom: Darkroom) -> Plane:
    """How likely each pixel is damaged, as seen at any size: (H, W) float32 in [0, 1]."""
    return at_all_sizes(photo, find_damage(photo, darkroom)[0], darkroom)


def at_all_sizes(photo: Photo, probability: Plane, darkroom: Darkroom) -> Plane:
    """Add to the probability (H, W) of damage at a photo's own size what its other levels show."""
    whole = slice(0, photo.size[0]), slice(0, photo.size[1])
    for small in smaller(photo):
        seen = enlarged(find_damage(small, darkroom)[0][:, :, None], whole, photo.size)[:, :, 0]
        probability = 1 - (1 - probability) * (1 - seen)
    return probability


def find_damage(
    photo: Photo, darkroom: Darkroom, reading: InfraredReading | None = None
) -> tuple[Plane, Kinds | None]:
    """Ask how likely each pixel is damaged and how, at one size: the network close up, on the
    smallest level from afar as well, and the infrared if it is of use.

    Returns:
        (H, W) float32 in [0, 1], whole only where neither says damaged: 1 - (1 - p) (1 - q); and
        (H, W) uint8 of `Damage`, the likeliest kind of every pixel should it be damaged, or None
        for a network that knows no kinds.
    """
    model = darkroom.model("damage")
    kinds = darkroom.empty(photo.size, np.uint8) if model.card.channels_out > 1 else None

    def ask(tile: Tile, pixels: Plane) -> Plane:
        answer = model.planes(in_color(pixels))
        if kinds is not None:
            kinds[tile.core] = (1 + highest_plane(answer[1:]))[tile.inner]
        return answer[0]

    probability = darkroom.map(
        ask,
        photo.pixels,
        out=darkroom.empty(photo.size),
        halo=model.card.halo,
        tile=darkroom.tile_for(model, photo.size),
        multiple_of=model.card.multiple_of,
    )
    if model.card.overview and len(sides(photo.size)) == 1:
        sight = see(photo, darkroom.model(model.card.overview))
        probability, kinds = joined(sight, photo.pixels, probability, kinds)
    if reading is None or reading.probability is None:
        return probability, kinds
    both = darkroom.map(
        lambda tile, seen, hidden: 1 - (1 - seen) * (1 - hidden),
        probability,
        reading.probability,
        out=darkroom.empty(photo.size),
    )
    return both, kinds


def highest_plane(planes: NDArray[np.float32]) -> Kinds:
    """Which of the planes (n, H, W) is highest at each pixel, the first of equals: (H, W) uint8.

    A seventh of the time of `argmax`.
    """
    highest, which = planes[0].copy(), np.zeros(planes.shape[1:], np.uint8)
    for number, plane in enumerate(planes[1:], 1):
        higher = np.asarray(cv2.compare(plane, highest, cv2.CMP_GT), np.uint8)
        np.maximum(which, higher & np.uint8(number), out=which)
        cv2.max(plane, highest, dst=highest)
    return which


def mark_statistics(mask: Mask, kinds: Kinds | None = None) -> dict[str, Any]:
    """Count and measure the marks of a mask, for reports.

    Args:
        mask: (H, W) in [0, 1]; from 0.5 on is damaged.
        kinds: (H, W) uint8 of `Damage`, what kind each damaged pixel is; None if not known.
    Returns:
        `marks`, `damaged_share` and the area percentiles in pixels; with kinds also the same two
        for each kind that occurs, by its name in lower case. A mark is of the kind most of its
        pixels have, so that the kinds add up to all marks of which a kind is known.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats((mask >= 0.5).astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    if count <= 1:
        return {"marks": 0, "damaged_share": 0.0, "area_px": {}}
    levels = {f"p{p}": float(np.percentile(areas, p)) for p in (10, 50, 90, 100)}
    told = {"marks": count - 1, "damaged_share": float(areas.sum()) / mask.size, "area_px": levels}
    return told if kinds is None else told | {"kinds": _tally(labels, kinds, areas)}


def _tally(labels: NDArray[Any], kinds: Kinds, areas: NDArray[Any]) -> dict[str, dict[str, float]]:
    """Count and measure the marks of each kind; label 0 is no mark, and `areas` are of the rest."""
    marked = labels > 0
    codes = (labels[marked] - 1) * len(Damage) + kinds[marked]
    votes = np.bincount(codes, minlength=len(areas) * len(Damage)).reshape(-1, len(Damage))
    votes[:, Damage.NONE] = 0
    of_mark = votes.argmax(axis=1)  # The first where nobody told any, which is none.
    return {
        kind.name.lower(): {
            "marks": int(np.count_nonzero(of_mark == kind)),
            "damaged_share": float(areas[of_mark == kind].sum()) / labels.size,
        }
        for kind in Damage
        if kind and (of_mark == kind).any()
    }
