"""What happened to a print: which kinds of damage, how often and how bad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .creases import draw_creases
from .fingerprints import draw_fingerprints
from .shapes import Rng
from .silver import draw_silver
from .stains import draw_foxing, draw_stains
from .tape import draw_tape
from .tears import draw_tears
from .wear import draw_abrasion, draw_flaking, draw_scratches
from .writing import draw_writing

FREQUENCY = {
    "stains": 0.06,
    "foxing": 0.06,
    "silver": 0.02,
    "fingerprints": 0.04,
    "abrasion": 0.15,
    "scratches": 0.25,
    "flaking": 0.08,
    "creases": 0.3,
    "tears": 0.15,
    "writing": 0.1,
    "tape": 0.04,
}
"""Share of neglected prints (severity 0.5) that show each kind, in the order they come about.

Wide soft discolorations are rarer than collectors of damage make believe: of 40 old photographs
drawn at random from the data pack none shows a water stain, tape or a light leak.
"""

MIRRORED = 0.2
"""Share of black-and-white prints with silver mirroring."""


def draw_print_damage(
    rng: Rng,
    size: tuple[int, int],
    severity: float,
    um_per_px: float,
    *,
    monochrome: bool = False,
) -> list[Any]:
    """Draw the damage of a print, from the first to the last that came.

    Most prints have one to three kinds of damage and not all. How many grows with severity, and
    how bad each is. The shares are judged by eye on family albums; nobody counted them.

    Args:
        size: (height, width) in pixels.
        severity: 0 (nothing) to 1 (badly neglected: twice as often).
        um_per_px: Size of a pixel on the print in micrometres.
        monochrome: It is a silver print, which may show mirroring.
    """
    paper = _paper(rng)
    # Old cracks hold dirt.
    crack = _paper(rng, dirty=True) if rng.random() < 0.25 else paper
    draws: dict[str, Callable[[], Any]] = {
        "stains": lambda: draw_stains(rng, size, severity),
        "foxing": lambda: draw_foxing(rng, size, severity, um_per_px),
        "silver": lambda: draw_silver(rng, severity),
        "fingerprints": lambda: draw_fingerprints(rng, severity, um_per_px, rng.random() < 0.7),
        "abrasion": lambda: draw_abrasion(rng, size, severity, um_per_px, paper),
        "scratches": lambda: draw_scratches(rng, size, severity, um_per_px, paper),
        "flaking": lambda: draw_flaking(rng, size, severity, um_per_px, paper),
        "creases": lambda: draw_creases(rng, size, severity, um_per_px, crack),
        "tears": lambda: draw_tears(rng, size, severity, um_per_px, paper),
        "writing": lambda: draw_writing(rng, size, um_per_px),
        "tape": lambda: draw_tape(rng, size, severity, um_per_px),
    }
    stages = []
    for kind, often in FREQUENCY.items():
        often = MIRRORED if kind == "silver" and monochrome else often
        if rng.random() < min(0.9, 2 * severity * often):
            stages.append(draws[kind]())
    return stages


def _paper(rng: Rng, dirty: bool = False) -> tuple[float, ...]:
    """Draw the color of bare paper: nearly white, often a little yellow; grey-brown with dirt."""
    yellow = rng.uniform(0, 0.14) * np.array([0.2, 0.5, 1.0])
    base = rng.uniform(0.35, 0.65) if dirty else rng.uniform(0.86, 0.98)
    return tuple(float(c) for c in np.clip(base - yellow + rng.normal(0, 0.01, 3), 0, 1))
