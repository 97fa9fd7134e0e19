"""What is damaged within strokes that a person painted roughly over damage.

A brush is wider than a scratch, and the rest of what it covers is picture. Here each stroke is
filled smoothly, and of its pixels those are damaged that the network takes for damage or that stand
out from the fill: what stands out half as far must be twice as likely. Damage is lighter or darker
than the photo, seldom both, so each stroke has one side. Where the network sees hardly anything,
the person knows better, and what stands out is damage.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..fill import GRID, HALO, coarse_fill, smooth_fill
from ..photo import Mask, Photo, Pixels
from ..tiling import Tile
from .marks import Candidates, candidates
from .soft import grown

ENOUGH = 0.1
"""Odds of damage times how far a pixel stands out, as a share of what stands out most in its
stroke, from which it is damaged."""

DOUBT = 0.002
"""What the network tells apart: nothing is less, or more, likely than this."""

HARDLY = 0.02
"""Share of a stroke below which it goes by what stands out alone."""

PLAINLY = 0.5
"""As how far a pixel then must stand out, beside what stands out most."""

MOST = 0.95
"""Share of a stroke's pixels that stand out less than `what stands out most` in it."""

VISIBLE = 10
"""Of 255: what stands out most in a stroke is taken for at least this."""

SOFT_PX = 0.7
"""Standard deviation in pixels over which differences are averaged, for grain is not damage."""

MARGIN_PX = 4
LEVELS = 256
SMALLEST = 1e-3
"""From which value on a pixel of the mask was painted."""

Plane = NDArray[np.float32]
Numbers = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Within:
    """What was found within strokes.

    Attributes:
        mask: (H, W) in [0, 1]: of the strokes what is damaged, as much as it was painted.
        strokes: How many pieces were painted.
        painted_px, damaged_px: Pixels of them, and of these the damaged ones, before they grow.
        empty: Strokes in which nothing stands out.
    """

    mask: Mask
    strokes: int
    painted_px: int
    damaged_px: int
    empty: int


def damaged_within(
    photo: Photo, strokes: Mask, probability: Plane, grow_px: int, darkroom: Darkroom
) -> Within:
    """Find what is damaged within strokes; nothing outside of them is ever marked.

    Args:
        photo: Whose pixels are looked at.
        strokes: (H, W) in [0, 1]; above 0 is painted.
        probability: (H, W) of damage, as `damage_probability` gives it.
        grow_px: What is found is grown by so much, or a few times as far if it is soft, but no
            farther than was painted.
    """
    seen = candidates(strokes, darkroom, SMALLEST)
    apart = standing_out(photo.pixels, strokes, darkroom)
    side, most = _extremes(seen, apart, darkroom)
    size = (strokes.shape[0], strokes.shape[1])
    found = darkroom.empty(size, np.float32)

    def note_likely(rows: slice) -> None:
        number = seen.labels[rows]
        far = np.maximum(apart[rows] * side[number], 1 / 255) / most[number]
        chance = np.clip(probability[rows], DOUBT, 1 - DOUBT)
        found[rows] = (number > 0) & (far * chance >= ENOUGH * (1 - chance))

    def note_plain(rows: slice) -> None:
        number = seen.labels[rows]
        plain = apart[rows] * side[number] >= PLAINLY * most[number]
        found[rows] = np.where(hardly[number], plain, found[rows])

    darkroom.strips(note_likely, size)
    hardly = _counts(seen, found, darkroom) < HARDLY * seen.areas
    hardly[0] = False
    darkroom.strips(note_plain, size)
    damaged = _counts(seen, found, darkroom)[1:]
    pieces = candidates(found, darkroom, 1)
    mask = grown(photo.pixels, pieces, pieces.of_size(1), grow_px, darkroom)

    def keep_painted(rows: slice) -> None:
        mask[rows] *= strokes[rows]

    darkroom.strips(keep_painted, size)
    return Within(
        mask,
        len(seen.areas) - 1,
        int(seen.areas[1:].sum()),
        int(damaged.sum()),
        int(np.count_nonzero(damaged == 0)),
    )


def standing_out(pixels: Pixels, strokes: Mask, darkroom: Darkroom) -> Plane:
    """How much lighter (above 0) or darker painted pixels are than a smooth fill of the strokes.

    Returns:
        (H, W) in [-1, 1], in the channel in which it is most; 0 where nothing was painted.
    """
    coarse = coarse_fill(pixels, strokes)

    def differ(tile: Tile, piece: Pixels, painted: Mask) -> Plane:
        cells = tuple(slice(s.start // GRID, -(-s.stop // GRID)) for s in tile.read)
        change = piece - smooth_fill(piece, painted, coarse[cells])
        most = np.abs(change).argmax(axis=2)[:, :, None]
        plane = np.take_along_axis(change, most, axis=2)[:, :, 0]
        soft = np.asarray(cv2.GaussianBlur(plane, (0, 0), SOFT_PX), np.float32)
        return soft * (painted > 0)

    size = (pixels.shape[0], pixels.shape[1])
    out = darkroom.empty(size)

    def clear(rows: slice) -> None:
        out[rows] = 0

    darkroom.strips(clear, size)
    halo = HALO + MARGIN_PX
    return darkroom.map(
        differ,
        pixels,
        strokes,
        out=out,
        halo=halo,
        tile=darkroom.tile_where(strokes, halo, most=1024),
        multiple_of=GRID,
        where=strokes,
    )


def _extremes(seen: Candidates, apart: Plane, darkroom: Darkroom) -> tuple[Plane, Plane]:
    """To which side each stroke stands out, 1 lighter or -1 darker, and how far it does at most."""
    count = len(seen.areas)
    tally = np.zeros((2, count * LEVELS), np.int64)

    def note(rows: slice) -> None:
        within = seen.labels[rows] > 0
        number, far = seen.labels[rows][within].astype(np.int64), apart[rows][within]
        levels = np.minimum(np.rint(np.abs(far) * 255), LEVELS - 1).astype(np.int64)
        for darker, of_side in enumerate((far > 0, far < 0)):
            place = number[of_side] * LEVELS + levels[of_side]
            tally[darker] += np.bincount(place, minlength=count * LEVELS)

    darkroom.strips(note, (apart.shape[0], apart.shape[1]))
    sides = tally.reshape(2, count, LEVELS)
    # Not the sum of the differences: a little noise over all of a stroke is no scratch.
    darker = (sides @ np.arange(LEVELS) ** 3).argmax(axis=0)
    of_side = sides[darker, np.arange(count)]
    above = np.cumsum(of_side[:, ::-1], axis=1)[:, ::-1]
    allowed = (1 - MOST) * seen.areas[:, None]
    most = np.maximum(VISIBLE, (above > allowed).sum(axis=1) - 1) / 255
    return np.where(darker == 1, -1, 1).astype(np.float32), most.astype(np.float32)


def _counts(seen: Candidates, found: Plane, darkroom: Darkroom) -> NDArray[np.int64]:
    """(n + 1,) how many pixels of each stroke were found."""
    counts = np.zeros(len(seen.areas), np.int64)

    def count(rows: slice) -> None:
        counts[:] += np.bincount(seen.labels[rows][found[rows] > 0], minlength=len(counts))

    darkroom.strips(count, (found.shape[0], found.shape[1]))
    return counts
