"""Crops of real old photos around judged marks: the damage network learns what no aging draws.

A verdict is a box. Which of its pixels are damaged, the network that proposed the mark says, or, if
the one of today hardly suspects it, the photo, as of damage that was drawn; what a person called
detail is clean, whatever the network thinks. What nobody looked at is clean too where
the photo is plain and the network hardly suspects it, the rest counts neither way. Of damage that a
person drew the photo says which pixels are meant. Half of all damage is laid over another photo,
turned. Of what is none, what a person called detail is shown most: nothing is more like damage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ..degrade.damage import VISIBLE
from ..errors import ReadError
from ..stages.marks import CANDIDATE
from .aging import CLEAN, DAMAGED, NEITHER
from .crops import Draw, relit, to_tensor, turned
from .drawn import Drawn, draw
from .judged import JudgedPhoto
from .plain import stands_out
from .transplant import Films, grown, lifted
from .verify import Detector

ON_DAMAGE = 0.5
"""Share of crops around a mark that is damage."""

ON_DRAWN = 0.5
"""Share of these around a drawn mark: there is most to learn, for no network found it."""

LAID_OVER = 0.5
"""Share of the crops around damage whose damage is laid over another photo, any way round."""

SCALES = 0.75, 1.5
"""How much smaller or larger it may be there."""

ON_DETAIL = 0.7
"""Share of the crops without damage around what a person called detail on an old photo; the others
are around marks on photos that have no damage, of which there are many more."""

UNSUSPECTED = 0.3
"""Probability of damage below which a pixel of a plain place is clean that nobody looked at, and up
to which the network says nothing of what in a box is meant."""

Plane = NDArray[np.float32]
Chances = NDArray[np.float64]


@dataclass(frozen=True)
class Marks:
    """Where crops may lie: photo and number of each mark, and how often it is taken.

    The judged marks of a photo come first, then those that were drawn.
    """

    places: list[tuple[int, int]]
    chances: Chances | None = None

    def __bool__(self) -> bool:
        return bool(self.places)

    def draw(self, rng: np.random.Generator) -> tuple[int, int]:
        """Photo and number of one of them."""
        return self.places[int(rng.choice(len(self.places), p=self.chances))]


class RealCrops(Dataset[tuple[Tensor, ...]]):
    """Crops around judged marks, and what is damaged in them; the n-th is always the same.

    Crops come turned, mirrored, lighter or darker.

    Args:
        photos: Photos and verdicts; those with no mark at all are left out.
        detector: Says which pixels of a mark are meant.
        seed: Fixes every example.
    Raises:
        ReadError: No photo has a mark.
    """

    def __init__(self, photos: Sequence[JudgedPhoto], detector: Detector, seed: int = 0) -> None:
        self.photos = [photo for photo in photos if len(photo.verdicts.boxes) or photo.marks]
        if not self.photos:
            raise ReadError(
                f"none of the {len(photos)} judged photos has a mark; expected boxes that are "
                "damage, detail or unsure, or drawn damage. Judge some, or leave --judged away"
            )
        self.detector, self.seed = detector, seed
        self.damage, self.drawn = _damage(self.photos), _drawn(self.photos)
        self.others = _others(self.photos)
        self._kept: dict[int, Plane] = {}

    def __getitem__(self, draw: Draw) -> tuple[Tensor, ...]:
        """Picture (3, S, S), visibility of damage (1, S, S), and 0 for kinds: nobody told them."""
        rng = np.random.default_rng((self.seed, draw.number))
        marks = self._some_marks(rng)
        crop = self._crop(marks, draw.side, rng)
        if marks is not self.others and self.others and rng.random() < LAID_OVER:
            films = lifted(crop[:, :, :3], crop[:, :, 3] == DAMAGED)
            moved = films.moved(_any_way(films.spots, rng))
            crop = laid_over(moved, self._crop(self.others, draw.side, rng))
        tensor = to_tensor(crop)
        return tensor[:3], tensor[3:], torch.zeros_like(tensor[3:])

    def _some_marks(self, rng: np.random.Generator) -> Marks:
        """Those that a crop is around: judged damage, drawn damage, or the others."""
        found = [marks for marks in (self.damage, self.drawn) if marks]
        if not found or (self.others and rng.random() >= ON_DAMAGE):
            return self.others
        return found[-1] if rng.random() < ON_DRAWN else found[0]

    def _crop(self, marks: Marks, side: int, rng: np.random.Generator) -> Plane:
        """A crop (S, S, 4) around one of some marks: its colors, and what is damaged."""
        place, number = marks.draw(rng)
        photo = self.photos[place]
        planes = np.dstack([photo.photo.pixels, self.visible(place)])
        crop = turned(_around(planes, _middle(photo, number, rng), side, rng), rng)
        crop[:, :, :3] = relit(crop[:, :, :3], rng)
        return crop

    def visible(self, place: int) -> Plane:
        """What is damaged on a photo, (H, W): `DAMAGED`, `CLEAN` or `NEITHER`."""
        if place not in self._kept:
            photo = self.photos[place]
            self._kept[place] = label(photo, self._probability(photo))
        return self._kept[place]

    def _probability(self, photo: JudgedPhoto) -> Plane:
        """What the detector says, which takes time, where the verdicts leave anything open."""
        told = photo.verdicts
        if told.rest == 0 and not (told.truth == 1).any():
            return np.zeros(photo.photo.pixels.shape[:2], np.float32)
        return self.detector(photo.photo.pixels)


def _damage(photos: Sequence[JudgedPhoto]) -> Marks:
    """What was judged to be damage."""
    return Marks([(n, i) for n, p in enumerate(photos) for i in _which(p.verdicts.truth == 1)])


def _drawn(photos: Sequence[JudgedPhoto]) -> Marks:
    """Damage that was drawn: the larger, the more often, for of large ones there are few."""
    places = [
        (n, len(p.verdicts.truth) + i) for n, p in enumerate(photos) for i in range(len(p.marks))
    ]
    sides = np.array([side for p in photos if p.marks for side in _sides(p)])
    return Marks(places, sides / max(1.0, float(sides.sum())))


def _others(photos: Sequence[JudgedPhoto]) -> Marks:
    """What is no damage, `ON_DETAIL` of it detail; what nobody can tell if there is no other."""
    others = [(n, i) for n, p in enumerate(photos) for i in _which(p.verdicts.truth != 1)]
    harmless = np.array([photos[n].verdicts.rest == 0 for n, _ in others], bool)
    detail = np.array([photos[n].verdicts.truth[i] == 0 for n, i in others], bool) & ~harmless
    shares = ON_DETAIL * _evenly(detail) + (1 - ON_DETAIL) * _evenly(harmless)
    chances = shares if shares.any() else np.ones(len(others))
    return Marks(others, chances / max(1e-9, float(chances.sum())))


def _which(marks: NDArray[np.bool_]) -> list[int]:
    return [int(number) for number in np.flatnonzero(marks)]


def _evenly(among: NDArray[np.bool_]) -> Chances:
    return among / max(1, int(among.sum()))


def _sides(photo: JudgedPhoto) -> Chances:
    """Side of each mark that was drawn, in pixels; 1 of one that cannot be seen."""
    seen = photo.drawing[photo.drawing > 0]
    return np.sqrt(np.maximum(1, np.bincount(seen, minlength=len(photo.marks) + 1)[1:]))


def laid_over(films: Films, other: Plane) -> Plane:
    """Lay the damage of one crop over another (S, S, 4), and say what of it is seen there."""
    ground = other[:, :, :3]
    colors = films.over(ground)
    visible = np.where(grown(films.spots), np.float32(NEITHER), other[:, :, 3])
    visible[films.spots & (np.abs(colors - ground).max(axis=2) >= VISIBLE)] = DAMAGED
    return np.dstack([colors, visible])


def _any_way(spots: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw how damage comes to lie on another photo: turned about its middle, larger, smaller."""
    places = np.argwhere(spots)
    row, column = places.mean(axis=0) if len(places) else (0.0, 0.0)
    degrees = float(rng.uniform(0, 360))
    scale = float(np.exp(rng.uniform(*np.log(SCALES))))
    return np.asarray(cv2.getRotationMatrix2D((column, row), degrees, scale), np.float64)


def label(photo: JudgedPhoto, probability: Plane) -> Plane:
    """Turn verdicts on boxes into verdicts on pixels, as this module says."""
    verdicts = photo.verdicts
    plain = (probability < UNSUSPECTED) & ~stands_out(photo.photo.pixels)
    quiet = plain | (verdicts.rest == 0)
    plane = np.where(quiet, np.float32(CLEAN), np.float32(NEITHER))
    # Damage last: a speck may lie on what was judged as a whole to be detail.
    for number in np.argsort(np.nan_to_num(verdicts.truth, nan=-1), kind="stable"):
        left, top, right, bottom = (int(side) for side in verdicts.boxes[number])
        inside = (slice(top, bottom), slice(left, right))
        seen = probability[inside]
        if verdicts.truth[number] == 1 and seen.max(initial=0) < UNSUSPECTED:
            seen = _meant(photo, (left, top, right, bottom))
        plane[inside] = _told(float(verdicts.truth[number]), seen, plane[inside])
    if photo.marks:
        plane[photo.drawing < 0] = NEITHER
        plane[photo.drawing > 0] = DAMAGED
    return plane


def _middle(photo: JudgedPhoto, number: int, rng: np.random.Generator) -> tuple[int, int]:
    """Row and column of the middle of a judged mark, or anywhere on one that was drawn."""
    judged = len(photo.verdicts.boxes)
    if number < judged:
        left, top, right, bottom = (int(side) for side in photo.verdicts.boxes[number])
        return (top + bottom) // 2, (left + right) // 2
    within = np.flatnonzero(np.abs(photo.drawing) == number - judged + 1)
    place = int(rng.choice(within)) if len(within) else 0  # Another mark may hide it.
    return divmod(place, photo.drawing.shape[1])


def _told(truth: float, probability: Plane, before: Plane) -> Plane:
    """The pixels of a box: of damage those that the network means, the others stay unsettled."""
    if truth == 0:
        return np.full_like(before, CLEAN)
    if truth != 1 or not probability.size:
        return np.full_like(before, NEITHER)
    level = min(CANDIDATE, 0.5 * float(probability.max()))
    meant = (probability >= level) & (probability > 0)
    return np.where(meant, np.float32(DAMAGED), np.float32(NEITHER))


def _meant(photo: JudgedPhoto, box: tuple[int, int, int, int]) -> Plane:
    """Which pixels of a box stand out, 1, else 0."""
    left, top, right, bottom = box
    drawing = draw(photo.pixels, [Drawn("spot", ((left, top), (right, bottom)), slack_px=1)])
    return np.asarray(drawing[top:bottom, left:right] > 0, np.float32)


def _around(planes: Plane, middle: tuple[int, int], side: int, rng: np.random.Generator) -> Plane:
    """A square (side, side, C) that holds a place (row, column), wherever it may lie in it.

    A photo smaller than that is mirrored at its edges.
    """
    below, right = (max(0, side - length) for length in planes.shape[:2])
    if below or right:
        planes = np.pad(planes, ((0, below), (0, right), (0, 0)), mode="symmetric")
    corner = []
    for place, length in zip(middle, planes.shape[:2], strict=True):
        start = place - int(rng.integers(side))
        corner.append(min(max(start, 0), length - side))
    return planes[corner[0] : corner[0] + side, corner[1] : corner[1] + side]
