"""Long marks on crops to learn from: scratches, cracks, tears, lost pieces, few and by themselves.

Drawn over real old photos they are of more shapes than what slid over a print in `degrade`: thin
arcs, hooks, rows of dots, folds, ragged white cracks, pieces that broke off. Of those that persons
drew on photos held out one in ten was found, and of drawn scratches on clean photos as few: a life
has them seldom, and never without a swarm of dust that tells of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..degrade.artifacts import BRIGHT, COARSE, DARK, deposit_tone
from ..degrade.creases import draw_creases
from ..degrade.films import draw_film_pixel
from ..degrade.lines import draw_lines
from ..degrade.tears import draw_tears
from ..degrade.wear import AddScratches, draw_flaking

Rng = np.random.Generator
Size = tuple[int, int]

KINDS = ("scratches", "creases", "tears", "lines", "flaking")
OFTEN = (0.45, 0.22, 0.15, 0.1, 0.08)
"""Which they are: of those persons drew half are scratches, a fifth chips, a sixth creases."""

MOST = 3
"""Stages of one crop, at most; their kinds may be the same."""


def draw_long(rng: Rng, size: Size) -> list[Any]:
    """Draw one to `MOST` stages of long marks for a crop.

    Args:
        rng: Where all chance comes from.
        size: (height, width) of the crop in pixels.
    """
    draws: dict[str, Callable[[], Any]] = {
        "scratches": lambda: _scratches(rng, size),
        "creases": lambda: draw_creases(rng, size, _severity(rng), _pixel(rng), _tone(rng)),
        "tears": lambda: draw_tears(rng, size, _severity(rng), _pixel(rng), _tone(rng)),
        "lines": lambda: draw_lines(rng, draw_film_pixel(rng), bool(rng.random() < 0.6)),
        "flaking": lambda: draw_flaking(rng, size, _severity(rng), _pixel(rng), _tone(rng)),
    }
    count = 1 + int(rng.binomial(MOST - 1, 0.3))
    return [draws[str(kind)]() for kind in rng.choice(KINDS, count, p=OFTEN)]


def _scratches(rng: Rng, size: Size) -> AddScratches:
    """Few of them, from hairlines to what a nail leaves; half of them bend or wander."""
    bends, wanders, skips = rng.random(3) < (0.4, 0.3, 0.35)
    straight = not (bends or wanders)
    return AddScratches(
        count=1 + int(rng.poisson(0.7)),
        width_px=float(np.clip(rng.lognormal(np.log(1.3), 0.5), 0.5, 6)),
        length_px=float(max(size) * np.exp(rng.uniform(*np.log((0.12, 0.8))))),
        sheaf=float(rng.uniform(0, 0.6)) if straight and rng.random() < 0.4 else 0.0,
        bend=float(rng.uniform(0.3, 2.5)) if bends else 0.15,
        wander=float(rng.uniform(0.1, 1.2)) if wanders else 0.0,
        skipping=float(rng.uniform(0.2, 0.8)) if skips else 0.0,
        opacity=float(rng.uniform(0.25, 1)),
        tone=_tone(rng),
        seed=int(rng.integers(2**62)),
    )


def _tone(rng: Rng) -> tuple[float, ...]:
    """Paper, base or dirt: nearly white three times of four, else nearly black; seldom between."""
    if rng.random() < 0.1:
        grey = rng.uniform(0.3, 0.7) + rng.normal(0, 0.03, 3)
        return tuple(float(c) for c in grey)
    return deposit_tone(rng, BRIGHT if rng.random() < 0.72 else DARK)


def _severity(rng: Rng) -> float:
    return float(rng.uniform(0.1, 0.8))


def _pixel(rng: Rng) -> float:
    """Size of a pixel on a print in micrometres."""
    return COARSE * draw_film_pixel(rng)
