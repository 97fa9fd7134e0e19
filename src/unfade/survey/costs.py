"""What restoring will take: time, memory and disk, estimated from what a look has seen."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence

from ..plan import SECONDS_PER_MEGAPIXEL, SECONDS_PER_PHOTO
from .look import LONGEST, Seen

BASE_MEMORY = 500 * 2**20
"""Bytes of libraries and open networks."""

SECONDS_PER_LOOK = 0.08
"""What a look costs beside the size of the picture; for the most part the networks of veils and
fading, which see every photo equally small. Measured as `SECONDS_PER_PHOTO` was."""


@dataclasses.dataclass(frozen=True)
class Cost:
    """An estimate for one file, all pages of it.

    Attributes:
        seconds: Time in one process.
        memory: Most bytes of memory.
        scratch: Bytes of scratch files, where its arrays exceed the budget.
        disk: Bytes of the result, if it is stored as the source is.
    """

    seconds: float
    memory: int
    scratch: int
    disk: int


def cost_of(seen: Seen, pace: float, budget: int) -> Cost:
    """Estimate what restoring a photo takes.

    Args:
        seen: The photo; of several pages each counts as the first.
        pace: How much slower this machine is than the one `SECONDS_PER_MEGAPIXEL` is of.
        budget: Memory budget in bytes, as of the darkroom.
    """
    stages = ["read and write", "measure", "damage", "denoise"]
    stages += ["inpaint", "grain"] if seen.damaged_share else []
    stages += ["fading"] if seen.faded else []
    stages += ["veils"] if seen.veiled else []
    per_megapixel = sum(SECONDS_PER_MEGAPIXEL[name] for name in stages)
    seconds = (SECONDS_PER_PHOTO + per_megapixel * seen.megapixels) * seen.pages * pace
    colors = min(seen.channels, 3)
    plane = 4 * seen.height * seen.width
    # Pixels before and after a stage and while they are read; damage, origin and one more plane.
    arrays = plane * (3 * colors + 3)
    large = plane * colors > budget // 8
    held = min(arrays, budget) if large else arrays
    return Cost(seconds, BASE_MEMORY + held, arrays if large else 0, seen.file_bytes)


def pace_of(photos: Sequence[Seen]) -> float:
    """How much slower this machine is than the measured one, by the time that the looks took.

    The first look opens the networks, and does not count where there are more.
    """
    known = [seen for seen in photos if not seen.problem]
    paces = [seen.seconds / _expected(seen) for seen in known[1:] or known]
    return statistics.median(paces) if paces else 1.0


def _expected(seen: Seen) -> float:
    shrink = min(1.0, LONGEST / max(seen.height, seen.width)) ** 2
    read = SECONDS_PER_MEGAPIXEL["read and write"] / 2 * seen.megapixels
    work = SECONDS_PER_MEGAPIXEL["damage"] + SECONDS_PER_MEGAPIXEL["fading"]
    return SECONDS_PER_LOOK + read + work * seen.megapixels * shrink
