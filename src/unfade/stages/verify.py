"""A closer look at each mark: a second network says whether what the first one saw is damage.

A network that labels every pixel learns mostly from pixels that are plainly clean, and errs on the
few things that look like damage: lamps, buttons, twigs, letters. The second network learns from
nothing but the first one's candidates, and sees each of them alone, close up and from afar. It is
a cascade (Viola and Jones, "Rapid Object Detection using a Boosted Cascade of Simple Features",
CVPR 2001), known as false positive reduction where specks are looked for in medical scans (Setio
et al., IEEE Transactions on Medical Imaging 35(5), 2016).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..models.model import Model
from ..photo import Pixels
from .marks import Calibration, Candidates, Numbers, log_odds

VIEW_SIDE = 64
VIEW_CHANNELS = 9
"""Of a view: close up red, green, blue, odds, the mark; from afar all but the mark."""

AFAR = 4
"""How much wider the view from afar is."""

PART_SIDE = 48
"""Longest side of a mark that is looked at as a whole: the view shows what is around it, too."""

PARTS = 4
"""Parts of a larger mark that are looked at: those that hold most of it."""

DOUBT = 1 / 400
"""Probability below which nothing is told apart; networks in bfloat16 end there."""

BATCH = 64
"""Views that the network is given at once, empty ones to fill up: one shape is prepared once."""

SURE = 3.0
"""Log odds from which a first look is enough: on photos held out as much is found, and as little
wrong, as by two looks at all; from 2 on 14 of 855 judged marks are lost."""

Plane = NDArray[np.float32]
Planes = NDArray[np.float32]
"""(channels, H, W), as networks take them."""

Cell = tuple[slice, slice]
"""Rows and columns of a part of the photo."""


def evidence(
    pixels: Pixels, probability: Plane, seen: Candidates, which: NDArray[np.bool_], room: Darkroom
) -> Numbers:
    """How much speaks for each candidate: its log likelihood ratio of damage to detail.

    Args:
        pixels: (H, W, 1 or 3) of the photo.
        probability: (H, W), in which the candidates were seen.
        which: (n + 1,) the candidates that are asked for.
    """
    card = room.model("damage").card
    judging = room.model(card.verifier).card if card.verifier else card
    odds = ask(pixels, probability, seen, which, room)
    return Calibration(*judging.calibration).evidence(odds)


def evidence_of_peaks(peaks: Plane, room: Darkroom) -> Numbers:
    """The same by the highest probability (n,) within each candidate alone."""
    calibration = Calibration(*room.model("damage").card.calibration)
    return calibration.evidence(log_odds(peaks)[:, None])


def ask(
    pixels: Pixels, probability: Plane, seen: Candidates, which: NDArray[np.bool_], room: Darkroom
) -> Numbers:
    """What the networks say of each candidate, in log odds; arguments as of `evidence`.

    A mark has no upper side: the network that verifies is asked about each view, and where it is
    not `SURE`, about the same upside down; the mean counts. What the two answers do not share is
    error; six further turns and reflections would tell hardly more. Of a mark too large for a view
    the mean of its parts counts.

    Returns:
        (n, 2) by the network that verifies, which stands on the card of the damage network, and the
        mean of the first network's within each; without one (n, 1), of the peaks alone.
    """
    verifier = room.model("damage").card.verifier
    if not verifier:
        return log_odds(seen.peaks[which])[:, None]
    model = room.model(verifier)
    numbers = np.flatnonzero(which)
    places = [(n, cell) for n, number in enumerate(numbers) for cell in parts(seen, int(number))]
    scene = look_over(pixels, probability, room)

    def upright(place: int) -> Planes:
        n, cell = places[place]
        return view(scene, seen, int(numbers[n]), cell)

    def upside_down(place: int) -> Planes:
        return upright(place)[:, ::-1, ::-1]

    odds = _answers(model, upright, np.arange(len(places)), room)
    doubtful = np.flatnonzero(np.abs(odds) < SURE)
    odds[doubtful] = (odds[doubtful] + _answers(model, upside_down, doubtful, room)) / 2
    of = np.array([n for n, _ in places], np.int64)
    means = np.bincount(of, odds, len(numbers)) / np.bincount(of, minlength=len(numbers))
    return np.stack([means, seen.means[which]], axis=1)


def _answers(
    model: Model, show: Callable[[int], Planes], which: NDArray[np.int64], room: Darkroom
) -> Numbers:
    """What a network says of some views (n,), a batch at a time, each made when its turn comes."""
    odds = np.zeros(len(which))

    def answer(part: slice) -> None:
        views = np.zeros((BATCH, VIEW_CHANNELS, VIEW_SIDE, VIEW_SIDE), np.float32)
        for place, number in enumerate(map(int, which[part])):
            views[place] = show(number)
        odds[part] = model.each(views)[: len(which[part]), 0]

    starts = range(0, len(which), BATCH)
    room.several(answer, [slice(start, start + BATCH) for start in starts])
    return odds


@dataclasses.dataclass(frozen=True)
class Scene:
    """What candidates lie in.

    Attributes:
        pixels: (H, W, 1 or 3) of the photo.
        probability: (H, W) of damage, as the first network sees it.
        small: (H / `AFAR`, W / `AFAR`, 2 or 4), pixels and probability shrunk.
    """

    pixels: Pixels
    probability: Plane
    small: Pixels


def look_over(pixels: Pixels, probability: Plane, room: Darkroom) -> Scene:
    """Shrink pixels and probability once for all views from afar."""
    height, width, channels = pixels.shape
    size = (-(-height // AFAR), -(-width // AFAR))
    small = room.empty((*size, channels + 1))

    def strip(rows: slice) -> None:
        wide = slice(rows.start * AFAR, rows.stop * AFAR)
        for part, array in ((small[rows, :, :-1], pixels), (small[rows, :, -1:], probability)):
            whole = _filled_up(array[wide])
            shrunk = cv2.resize(whole, part.shape[1::-1], interpolation=cv2.INTER_AREA)
            part[:] = np.asarray(shrunk).reshape(part.shape)

    # A strip of the small picture reads this many pixels for each of its rows.
    room.strips(strip, (size[0], width * AFAR))
    return Scene(pixels, probability, small)


def _filled_up(array: NDArray[Any]) -> NDArray[Any]:
    """Repeat the last row and column until both sides are multiples of `AFAR`."""
    below, right = (-side % AFAR for side in array.shape[:2])
    if below or right:
        array = np.asarray(cv2.copyMakeBorder(array, 0, below, 0, right, cv2.BORDER_REPLICATE))
    return array


def parts(seen: Candidates, number: int) -> list[Cell]:
    """Where a candidate is looked at: the boxes of its parts, or of all of it if it is small.

    A network that was shown a scratch shrunk until it fits into a view would see no scratch.
    """
    left, top, right, bottom = (int(side) for side in seen.boxes[number])
    cells = list(itertools.product(_cuts(top, bottom), _cuts(left, right)))
    if len(cells) == 1:
        return cells
    within = [np.count_nonzero(seen.labels[cell] == number) for cell in cells]
    fullest = sorted(range(len(cells)), key=lambda place: -within[place])[:PARTS]
    most = [cells[place] for place in fullest if within[place]]
    return [_around(cell, seen.labels[cell] == number) for cell in most]


def _cuts(start: int, stop: int) -> list[slice]:
    """Pieces of a length, as few and as alike as can be, none of them longer than `PART_SIDE`."""
    count = -(-(stop - start) // PART_SIDE)
    ends = [start + (stop - start) * n // count for n in range(count + 1)]
    return [slice(*pair) for pair in itertools.pairwise(ends)]


def _around(cell: Cell, mark: NDArray[np.bool_]) -> Cell:
    """The box, within a cell, around what of it is marked."""
    left, top, width, height = cv2.boundingRect(mark.astype(np.uint8))
    top, left = cell[0].start + top, cell[1].start + left
    return slice(top, top + height), slice(left, left + width)


def view(scene: Scene, seen: Candidates, number: int, cell: Cell) -> Planes:
    """What the network is shown of a candidate: (`VIEW_CHANNELS`, `VIEW_SIDE`, `VIEW_SIDE`).

    Beyond the edges of the photo its last pixels are repeated.

    Args:
        cell: The part in the middle of the view, as of `parts`.
    """
    down, across = ((side.start + side.stop) // 2 for side in cell)
    corner = (across - VIEW_SIDE // 2, down - VIEW_SIDE // 2)
    small = square(scene.small, (across // AFAR - VIEW_SIDE // 2, down // AFAR - VIEW_SIDE // 2))
    planes = np.empty((VIEW_CHANNELS, VIEW_SIDE, VIEW_SIDE), np.float32)
    planes[:3] = square(scene.pixels, corner).transpose(2, 0, 1)
    planes[3] = shown(square(scene.probability, corner))
    planes[4] = square(seen.labels, corner, cv2.BORDER_CONSTANT) == number
    planes[5:8] = small[:, :, :-1].transpose(2, 0, 1)
    planes[8] = shown(small[:, :, -1])
    return planes


def shown(probability: Plane) -> Plane:
    """Probabilities as the network sees them: their log odds, from 0 (certainly not) to 1.

    Next to 0 and 1 probabilities hardly differ, and there most is told: the faint end of a hair
    goes on at a hundredth, and between a lamp and a speck of dust lies a thousandth.
    """
    doubt = np.float32(DOUBT)
    clipped = np.clip(probability, doubt, 1 - doubt)
    odds = cv2.log(clipped / (1 - clipped)) / np.float32(2 * np.log((1 - DOUBT) / DOUBT))
    return np.asarray(odds + np.float32(0.5), np.float32)


def square(
    array: NDArray[Any], corner: tuple[int, int], edge: int = cv2.BORDER_REPLICATE
) -> NDArray[Any]:
    """Cut a square of `VIEW_SIDE` out of (H, W) or (H, W, C) at a corner (left, top).

    Args:
        edge: What lies beyond the array, as OpenCV names it.
    """
    (left, top), (height, width) = corner, array.shape[:2]
    rows = slice(max(0, top), min(height, top + VIEW_SIDE))
    cols = slice(max(0, left), min(width, left + VIEW_SIDE))
    piece = array[rows, cols]
    if piece.shape[:2] != (VIEW_SIDE, VIEW_SIDE):
        above, before = rows.start - top, cols.start - left
        below, behind = (VIEW_SIDE - above - len(piece), VIEW_SIDE - before - piece.shape[1])
        piece = np.asarray(cv2.copyMakeBorder(piece, above, below, before, behind, edge))
    return piece.reshape(VIEW_SIDE, VIEW_SIDE, *array.shape[2:])
