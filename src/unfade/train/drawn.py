"""Damage that a person drew on a photo, roughly: which of its pixels are meant, the photo tells.

A hand is a few pixels off, and a box holds what lies beside a speck. So each mark stands for a
region, a little larger than what was drawn. Damage is what in it is lighter, or darker, both than
the region filled from around it and than all that is wider than the mark (the top hat of
mathematical morphology). An edge of the scene that runs through the region is wider than that; its
texture goes on around. A scratch or crease is no row of dots: where it hardly shows between two
places where it does, it goes on along its ridge.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .ridge import bridged

KINDS = ("spot", "chip", "scratch", "crease", "stain")

SLACK_PX = 3
"""How far a hand may be off that draws on a whole photo."""

SEEN = 5 / 255
"""Difference from its surroundings below which nobody saw a mark there."""

USUAL_PERCENTILE = {"box": 97, "line": 94}
"""Of the differences in a region, that which stands for its damage: a line fills more of it."""

STRONG = 0.45
"""Of that difference, from which a pixel is meant."""

BESIDE = 0.7
"""How much a difference counts that lies where only the hand's error puts it."""

TEXTURE_PERCENTILE = 75
"""Of the differences around the region, above which a pixel of it must be, too."""

LEAST_PART = 0.15
"""Pixels that hang together count if their differences are so much of the largest such piece's."""

Picture = NDArray[np.uint8]
Drawing = NDArray[np.int32]
"""(H, W): the number of a mark, from 1, where it is damage, the negative number in the rest of its
region, 0 elsewhere."""


@dataclasses.dataclass(frozen=True)
class Drawn:
    """One mark.

    Attributes:
        kind: One of `KINDS`.
        points: (x, y) in pixels: two corners of a box, or what a line goes through.
        width_px: Of a line; 0 for a box.
        slack_px: How far the hand may be off: less where it drew on an enlarged piece.
    """

    kind: str
    points: tuple[tuple[int, int], ...]
    width_px: int = 0
    slack_px: int = SLACK_PX

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"the kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        least, most = (2, 1000) if self.width_px else (2, 2)
        if not least <= len(self.points) <= most:
            raise ValueError(f"a box has two corners, a line two points, got {len(self.points)}")

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Drawn:
        """Read what `to_dict` gives.

        Raises:
            ValueError, KeyError, TypeError: It is not that.
        """
        points = tuple((int(x), int(y)) for x, y in told["points"])
        numbers = (int(told.get(n, getattr(cls, n))) for n in ("width_px", "slack_px"))
        return cls(str(told["kind"]), points, *numbers)

    def to_dict(self) -> dict[str, Any]:
        """What JSON keeps."""
        told: dict[str, Any] = {"kind": self.kind, "points": [list(p) for p in self.points]}
        own = ("width_px", "slack_px")
        return told | {n: getattr(self, n) for n in own if getattr(self, n) != getattr(Drawn, n)}

    @property
    def thickness_px(self) -> int:
        """Of the mark as it was drawn, across."""
        (left, top), (right, bottom) = self.points[0], self.points[-1]
        return self.width_px or max(1, min(abs(right - left), abs(bottom - top)))

    @property
    def length_px(self) -> int:
        """The longer side of its box."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in pixels."""
        xs, ys = zip(*self.points, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    def region(self, size: tuple[int, int]) -> Picture:
        """Where it may lie on a photo of (height, width): 1, else 0."""
        plane = np.zeros(size, np.uint8)
        if not self.width_px:
            left, top = (max(0, side - self.slack_px) for side in self.box[:2])
            right, bottom = (max(0, side + self.slack_px) for side in self.box[2:])
            plane[top:bottom, left:right] = 1
            return plane
        path = np.array(self.points, np.int32).reshape(-1, 1, 2)
        cv2.polylines(plane, [path], False, 1, self.width_px + 2 * self.slack_px)
        return plane


def draw(pixels: Picture, marks: Sequence[Drawn]) -> Drawing:
    """Lay marks on a photo (H, W, 3); of those that overlap the later ones are seen."""
    size = (pixels.shape[0], pixels.shape[1])
    plane = np.zeros(size, np.int32)
    for number, mark in enumerate(marks, 1):
        region = mark.region(size)
        rows, cols = _around(region)
        corner = cols.start, rows.start
        meant = _meant(pixels[rows, cols], region[rows, cols], mark, corner)
        within = region[rows, cols] > 0
        part = plane[rows, cols]
        part[within & (part == 0)] = -number
        part[meant] = number
    return plane


def _around(region: Picture) -> tuple[slice, slice]:
    """Rows and columns of a region, with room to fill it from."""
    if not region.any():
        return slice(0, 0), slice(0, 0)
    left, top, width, height = cv2.boundingRect(region)
    room = 4 * SLACK_PX
    return (
        slice(max(0, top - room), top + height + room),
        slice(max(0, left - room), left + width + room),
    )


def _meant(
    pixels: Picture, region: Picture, mark: Drawn, corner: tuple[int, int]
) -> NDArray[np.bool_]:
    """Which pixels of a region stand out as its damage does; none where nothing can be seen.

    Args:
        corner: Where on the photo the region begins: left, top.
    """
    if not pixels.size:
        return np.zeros(region.shape, np.bool_)
    side = 2 * (mark.thickness_px // 2 + 1) + 1
    element = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
    filled = np.asarray(cv2.inpaint(pixels, region, 3, cv2.INPAINT_TELEA), np.uint8)
    slack = 2 * mark.slack_px + 1
    drawn = cv2.erode(region, np.ones((slack, slack), np.uint8))
    weight = np.where(drawn > 0, np.float32(1), np.float32(BESIDE)) * (region > 0)
    lighter = _hat(pixels, cv2.MORPH_TOPHAT, element), _over(pixels, filled)
    darker = _hat(pixels, cv2.MORPH_BLACKHAT, element), _over(filled, pixels)
    # Damage is lighter or darker than the photo, seldom both: what is the other way is not it.
    far, hat = max(
        ((weight * np.sqrt(hat * over), hat) for hat, over in (lighter, darker)),
        key=lambda seen: float((seen[0] ** 3).sum()),
    )
    usual = float(
        np.percentile(far[region > 0], USUAL_PERCENTILE["line" if mark.width_px else "box"])
    )
    around = (cv2.dilate(region, np.ones((9, 9), np.uint8)) > 0) & (region == 0)
    texture = hat[around]
    level = float(np.percentile(texture, TEXTURE_PERCENTILE)) if texture.size else 0.0
    if usual < max(SEEN, level):
        return np.zeros(region.shape, np.bool_)
    pieces = _pieces(far, max(STRONG * usual, level))
    if not mark.width_px:
        return pieces
    points = [(x - corner[0], y - corner[1]) for x, y in mark.points]
    return bridged(far, pieces, points, mark.slack_px + mark.width_px // 2)


def _over(one: Picture, other: Picture) -> NDArray[np.float32]:
    """How much lighter a picture is than another, in the channel where it is most: [0, 1]."""
    return np.asarray(cv2.subtract(one, other).max(axis=2) / np.float32(255))


def _hat(pixels: Picture, operation: int, element: Picture) -> NDArray[np.float32]:
    """What is lighter or darker than all that an element fits into, in some channel: [0, 1]."""
    hat = np.asarray(cv2.morphologyEx(pixels, operation, element), np.float32)
    return np.asarray(hat.max(axis=2) / np.float32(255))


def _pieces(far: NDArray[np.float32], level: float) -> NDArray[np.bool_]:
    """Where differences reach a level, without what is small beside the largest piece."""
    count, labels = cv2.connectedComponents((far >= level).astype(np.uint8))
    weights = np.bincount(labels.ravel(), far.ravel(), minlength=count)
    kept = weights >= LEAST_PART * weights[1:].max(initial=0)
    kept[0] = False
    return np.asarray(kept[labels], np.bool_)
