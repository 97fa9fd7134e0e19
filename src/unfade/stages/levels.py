"""A photo at several sizes: what is a speck on one scan is a blot on a finer one.

Networks know marks by their size in pixels. A spot on a print that is 6 px wide where the print is
600 px long is 60 px wide and soft at 6000, and nothing to a network that learned from photos of
`SIDE` pixels. So a scan is looked at again and again, each time smaller, down to that size. What
that finds hardly depends on how fine the scan is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..photo import Photo
from .sight import enlarged

SIDE = 384
"""Shorter side in pixels of the photos that networks learned from, and of the smallest level."""

RATIO = 3.0
"""About how much smaller each level is than the one before, so that every mark is seen at less than
twice its usual size: of 39 marks on old photos 28 are found where these are enlarged twice, and 8
where they are enlarged three times (`benchmarks/finer.py`)."""


def sides(size: tuple[int, int]) -> tuple[int, ...]:
    """Longer sides of the levels of a photo of (height, width) `size`, its own first.

    The steps are alike, and the last one ends where the shorter side, which on a strip of film is
    that of a frame, is `SIDE`. A photo that is not much larger has no other level than its own.
    """
    longest, share = max(size), SIDE / min(size)
    steps = max(0, round(-math.log(share) / math.log(RATIO)))
    return (longest, *(round(longest * share ** (k / steps)) for k in range(1, steps + 1)))


def smaller(photo: Photo) -> Iterator[Photo]:
    """The photo at its other levels, one after the other: nothing but pixels."""
    return (Photo(np.ascontiguousarray(photo.proxy(side))) for side in sides(photo.size)[1:])


def nearest(plane: NDArray[Any], rows: slice, size: tuple[int, int]) -> NDArray[Any]:
    """Some rows of a plane (h, w) brought to (height, width) `size`, larger or smaller.

    Each pixel is the one of the plane in which its middle lies.
    """
    down, across = (
        (2 * np.arange(span.start, span.stop) + 1) * own // (2 * length)
        for span, own, length in zip((rows, slice(0, size[1])), plane.shape, size, strict=True)
    )
    return np.asarray(plane[down][:, across])


def marked(
    mask: NDArray[np.float32], rows: slice, size: tuple[int, int]
) -> NDArray[np.bool_] | None:
    """Where the mask (h, w) of a level lies in some rows of the photo of (height, width) `size`.

    None where it marks nothing there.
    """
    first, last = (row * mask.shape[0] // size[0] for row in (rows.start, rows.stop))
    if not mask[max(0, first - 1) : last + 2].any():
        return None
    wide = enlarged(mask[:, :, None], (rows, slice(0, size[1])), size)
    return np.asarray(wide[:, :, 0] >= 0.5)
