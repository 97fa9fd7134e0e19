"""Where the infrared plane of a scan lies over its visible planes, to a fraction of a pixel.

A scanner takes infrared in another pass, or through a lens that focuses it elsewhere, so the plane
is shifted by a few pixels and a little larger or smaller. What both have in common is dust. In
patches all over the scan the dust of the infrared is looked for in the visible planes by phase
correlation (Kuglin and Hines, 1975), and a similarity (shift, scale, rotation) is fitted to the
displacements by RANSAC (Fischler and Bolles, 1981), so that patches that mislead do not count.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..photo import Pixels

Plane = NDArray[np.float32]
Numbers = NDArray[np.float64]
Place = tuple[slice, slice]

PATCH = 256
CELLS, TRIES = 8, 3
"""The scan is divided into CELLS x CELLS; in each the best of TRIES x TRIES patches speaks."""

DARKEST = 1e-3
"""Light below this counts as this: density 3."""

MOST_SHIFT_PX, MOST_SCALE, MOST_ROTATION = 8.0, 0.006, 0.006
"""Beyond these no scanner goes: pixels, share of the size, radians."""

NEXT_PX = 3.0
"""How far off the first fit may be."""

SURE = 6.0
"""A peak is believed that stands this many standard deviations above its surface."""

NEAR_PX, FEWEST = 0.75, 4
"""Patches agree that miss the fit by no more; fewer of them agree by chance."""


@dataclasses.dataclass(frozen=True)
class Alignment:
    """Where a pixel of the picture lies in the infrared plane.

    A point p, counted from the center, lies at  p + shift + scale p + rotation (-p_y, p_x).

    Attributes:
        shift_px: Right and down, in pixels, at the center.
        scale: How much larger the infrared is: 0.003 is 0.3 %.
        rotation: Radians, clockwise.
        patches: Number of patches that agree on it; 0 if there was nothing in common to go by and
            the plane is taken as it lies.
        rest_px: Root mean square of what those patches miss it by.
    """

    shift_px: tuple[float, float] = (0.0, 0.0)
    scale: float = 0.0
    rotation: float = 0.0
    patches: int = 0
    rest_px: float = 0.0

    def displacement(self, points: Numbers) -> Numbers:
        """How far points (N, 2), x and y from the center, are displaced, in pixels."""
        turned = np.stack([-points[:, 1], points[:, 0]], axis=1)
        return np.asarray(self.shift_px) + self.scale * points + self.rotation * turned

    def reach_px(self, size: tuple[int, int]) -> int:
        """The farthest displacement anywhere in a picture of (height, width), rounded up."""
        corners = np.array(list(itertools.product((-0.5, 0.5), repeat=2))) * size[::-1]
        return math.ceil(np.abs(self.displacement(corners)).max())


def align(
    plane: Plane, alignment: Alignment, size: tuple[int, int], place: Place | None = None
) -> Plane:
    """Lay an infrared plane, or the piece of it at `place`, over the picture (bicubic).

    Args:
        plane: (h, w), the whole plane or what of it lies at `place`; what would come from outside
            it is taken from its edge, so a piece needs `Alignment.reach_px` + 2 to spare.
        alignment: As `register` found it.
        size: (height, width) of the whole plane.
        place: Rows and columns of the piece.
    """
    rows, cols = place or (slice(0, size[0]), slice(0, size[1]))
    start = np.array([cols.start, rows.start]) - (np.array(size[::-1]) - 1) / 2
    grow = 1 + alignment.scale
    turn = np.array([[grow, -alignment.rotation], [alignment.rotation, grow]])
    offset = alignment.displacement(start[None])[0]
    laid = cv2.warpAffine(
        plane,
        np.column_stack([turn, offset]),
        (plane.shape[1], plane.shape[0]),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    # The cubic overshoots at an edge, and light below 0 has no density.
    return np.asarray(np.clip(laid, 0, 1), np.float32)


def register(infrared: Plane, pixels: Pixels) -> Alignment:
    """Find where the infrared plane lies over the picture.

    Looks at 64 patches of 256 px, whatever the size of the scan.

    Args:
        infrared: (H, W) float32 in [0, 1]; dust is dark.
        pixels: (H, W, C) float32 in [0, 1]; dust may be dark (slides) or bright (inverted
            negatives).
    """
    size = (infrared.shape[0], infrared.shape[1])
    places = list(_places(size, min(PATCH, *size), infrared))
    found = Alignment()
    # The dust of a patch need not lie around its middle, so scale shifts what a patch answers;
    # laid over the picture by the first fit, it answers with what is left.
    for reach in (MOST_SHIFT_PX, NEXT_PX):
        found = _refined(found, infrared, pixels, places, reach)
        if not found.patches:
            break
    return found


def _refined(
    before: Alignment, infrared: Plane, pixels: Pixels, places: list[Place], most_px: float
) -> Alignment:
    """Ask every patch how far it lies from where an alignment lays it, and fit anew."""
    size = (infrared.shape[0], infrared.shape[1])
    points = np.array([_middle(place, size) for place in places]).reshape(-1, 2)
    spare = MOST_SCALE if not before.patches else 0.0
    answers = []
    for place, point in zip(places, points, strict=True):
        side = place[0].stop - place[0].start
        reach = min(math.ceil(most_px + spare * float(np.abs(point).max())), side // 3)
        laid = _laid(infrared, before, size, place)
        answers.append(_displaced(laid, pixels[place], reach))
    # Dust is dark in all patches or bright in all of them.
    sign = int(sum(a.dark.sure - a.bright.sure for a in answers) < 0)
    sure = np.array([answer[sign].sure >= SURE for answer in answers], bool)
    moved = np.array([answer[sign].moved for answer in answers]).reshape(-1, 2)
    return _agree(points[sure], moved[sure] + before.displacement(points[sure]))


def _middle(place: Place, size: tuple[int, int]) -> Numbers:
    """Middle of a patch, x and y from the center of the picture."""
    rows, cols = place
    middle = np.array([cols.start + cols.stop - 1, rows.start + rows.stop - 1]) / 2
    return np.asarray(middle - (np.array(size[::-1]) - 1) / 2, np.float64)


def _laid(infrared: Plane, alignment: Alignment, size: tuple[int, int], place: Place) -> Plane:
    spare = alignment.reach_px(size) + 2
    starts = [max(0, part.start - spare) for part in place]
    wide = tuple(slice(start, part.stop + spare) for start, part in zip(starts, place, strict=True))
    laid = align(infrared[wide], alignment, size, (wide[0], wide[1]))
    inner = tuple(
        slice(part.start - start, part.stop - start)
        for start, part in zip(starts, place, strict=True)
    )
    return np.asarray(laid[inner], np.float32)


class _Peak(NamedTuple):
    moved: tuple[float, float]
    sure: float


class _Answer(NamedTuple):
    dark: _Peak
    bright: _Peak


def _places(size: tuple[int, int], side: int, infrared: Plane) -> Iterator[Place]:
    """Of every cell the patch with the most dust, if it has any."""
    for rows, cols in itertools.product(_starts(size[0], side), _starts(size[1], side)):
        places = [(slice(y, y + side), slice(x, x + side)) for y in rows for x in cols]
        amounts = [float(np.square(dust(infrared[place])).sum()) for place in places]
        if max(amounts) > 0:
            yield places[int(np.argmax(amounts))]


def _starts(length: int, side: int) -> list[list[int]]:
    count = min(CELLS, max(1, length // side))
    edges = np.linspace(0, length, count + 1)
    return [
        sorted({int(v) for v in np.linspace(a, max(a, b - side), TRIES)})
        for a, b in itertools.pairwise(edges)
        if a + side <= length
    ] or [[0]]


def dust(infrared: Plane) -> Plane:
    """Density in [0, 0.3] by which spots stand out of their surroundings and of the noise."""
    density = -np.log10(np.maximum(infrared, DARKEST))
    detail = density - cv2.GaussianBlur(density, (0, 0), 8)
    noise = 1.4826 * float(np.median(np.abs(detail - np.median(detail))))
    spots = np.clip(detail - 4 * noise - 0.005, 0, 0.3)
    return np.asarray(spots, np.float32)


def _displaced(infrared: Plane, pixels: Pixels, reach: int) -> _Answer:
    """Where the dust of a patch of infrared lies, seen from the picture."""
    light = np.maximum(pixels.mean(axis=2), DARKEST)
    density = -np.log10(light)
    detail = np.clip(density - cv2.GaussianBlur(density, (0, 0), 8), -0.3, 0.3)
    window = cv2.createHanningWindow(infrared.shape[::-1], cv2.CV_32F)
    there, here = (np.fft.rfft2(part * window) for part in (dust(infrared), detail))
    power = np.abs(here)
    # The picture's own edges are strong at low frequencies; this makes all of them alike.
    cross = there * np.conj(here) / (power + 0.1 * power.mean())
    surface = np.fft.irfft2(cross, infrared.shape)
    surface = np.asarray(cv2.GaussianBlur(surface, (0, 0), 1.0), np.float64)
    near = np.roll(surface, (reach, reach), axis=(0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    noise = float(surface.std()) or 1.0
    return _Answer(*(_peak(sign * near, noise, reach) for sign in (1, -1)))


def _peak(surface: Numbers, noise: float, reach: int) -> _Peak:
    """The highest point, to a fraction of a pixel by a parabola along each axis."""
    y, x = np.unravel_index(int(surface.argmax()), surface.shape)
    if not (0 < y < 2 * reach and 0 < x < 2 * reach):
        return _Peak((0.0, 0.0), 0.0)
    down = _summit(*surface[y - 1 : y + 2, x])
    right = _summit(*surface[y, x - 1 : x + 2])
    return _Peak((x - reach + right, y - reach + down), float(surface[y, x]) / noise)


def _summit(before: float, at: float, after: float) -> float:
    bend = before - 2 * at + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0


def _agree(points: Numbers, moved: Numbers) -> Alignment:
    """The similarity that most patches agree on; without enough of them no displacement."""
    best = np.zeros(len(points), bool)
    for first, second in itertools.combinations(range(len(points)), 2):
        if np.abs(points[first] - points[second]).max() < PATCH / 2:
            continue
        pair = [first, second]
        guess = _similarity(points[pair], moved[pair])
        if not _plausible(guess):
            continue
        close = np.linalg.norm(guess.displacement(points) - moved, axis=1) < NEAR_PX
        if close.sum() > best.sum():
            best = close
    if best.sum() < FEWEST:
        return _shifted(moved)
    fit = _similarity(points[best], moved[best])
    rest = fit.displacement(points[best]) - moved[best]
    error = float(np.sqrt(np.square(rest).sum(axis=1).mean()))
    return dataclasses.replace(fit, patches=int(best.sum()), rest_px=error)


def _shifted(moved: Numbers) -> Alignment:
    """A shift alone, for the few patches of a small or a nearly clean scan."""
    if not len(moved):
        return Alignment()
    middle = np.median(moved, axis=0)
    close = np.linalg.norm(moved - middle, axis=1) < NEAR_PX
    if 2 * close.sum() <= len(moved) or np.abs(middle).max() > MOST_SHIFT_PX:
        return Alignment()
    x, y = moved[close].mean(axis=0)
    error = float(np.sqrt(np.square(moved[close] - (x, y)).sum(axis=1).mean()))
    return Alignment((float(x), float(y)), patches=int(close.sum()), rest_px=error)


def _similarity(points: Numbers, moved: Numbers) -> Alignment:
    """Least squares of shift, scale and rotation."""
    zero, one = np.zeros(len(points)), np.ones(len(points))
    right = np.stack([one, zero, points[:, 0], -points[:, 1]], axis=1)
    down = np.stack([zero, one, points[:, 1], points[:, 0]], axis=1)
    answer, *_ = np.linalg.lstsq(
        np.concatenate([right, down]), np.concatenate([moved[:, 0], moved[:, 1]]), rcond=None
    )
    x, y, scale, rotation = map(float, answer)
    return Alignment((x, y), scale, rotation)


def _plausible(guess: Alignment) -> bool:
    return (
        max(map(abs, guess.shift_px)) <= MOST_SHIFT_PX
        and abs(guess.scale) <= MOST_SCALE
        and abs(guess.rotation) <= MOST_ROTATION
    )
