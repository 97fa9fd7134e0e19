"""How many pieces of damage are found: a speck of dust counts as much as a long scratch.

The definitions are those of `evaluate`: a component is a connected piece of at least 25 px, found
if at least half of it is marked; a false component is a marked piece of at least 10 px of which no
pixel is damaged.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

COMPONENT_PX = 25
FALSE_PX = 10

Plane = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Count:
    """Components of some pictures."""

    found: int = 0
    true: int = 0
    false: int = 0
    pixels: int = 0

    def __add__(self, other: Count) -> Count:
        ours, theirs = dataclasses.astuple(self), dataclasses.astuple(other)
        return Count(*(a + b for a, b in zip(ours, theirs, strict=True)))


def count_components(marked: Plane, damaged: Plane, faint: Plane) -> Count:
    """Count the components of one picture.

    Args:
        marked: (H, W), what the network marks.
        damaged: (H, W), what is damaged.
        faint: (H, W), what is neither damaged nor clean: marks there are not false.
    """
    labels, areas = _label(damaged)
    hits = np.bincount(labels.ravel(), weights=marked.ravel(), minlength=len(areas))
    large = areas >= COMPONENT_PX
    found = int((large & (hits >= 0.5 * areas))[1:].sum())
    labels, areas = _label(marked)
    excused = np.bincount(labels.ravel(), weights=(damaged | faint).ravel(), minlength=len(areas))
    false = int(((areas >= FALSE_PX) & (excused == 0))[1:].sum())
    return Count(found, int(large[1:].sum()), false, marked.size)


def count_batch(marked: Tensor, damaged: Tensor, faint: Tensor) -> Count:
    """Count the components of a batch, each (N, 1, H, W) of truth values."""
    arrays = (t[:, 0].cpu().numpy().astype(bool) for t in (marked, damaged, faint))
    counts = [count_components(*planes) for planes in zip(*arrays, strict=True)]
    return sum(counts, Count())


def _label(plane: Plane) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(plane.astype(np.uint8))
    return np.asarray(labels, np.int32), np.asarray(stats[:, cv2.CC_STAT_AREA], np.int32)
