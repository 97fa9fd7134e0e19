"""What happened to a film frame beside its dust: which kinds of damage, how often and how bad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .chemistry import draw_chemistry
from .fingerprints import WIDEST_UM, draw_fingerprints
from .gate import draw_gate_hair
from .light import draw_leaks
from .lines import draw_lines
from .shapes import Rng
from .wear import draw_flaking

FREQUENCY = {
    "leaks": 0.02,
    "gate": 0.06,
    "chemistry": 0.04,
    "fingerprints": 0.03,
    "flaking": 0.04,
    "lines": 0.35,
}
"""Share of neglected frames (severity 0.5) that show each kind, in the order they come about."""


def draw_film_pixel(rng: Rng) -> float:
    """Draw the size of a pixel on film in micrometres: a part of a scan of 1,400 to 4,200 dpi."""
    return float(np.exp(rng.uniform(*np.log((6, 18)))))


def draw_film_damage(
    rng: Rng, size: tuple[int, int], medium: str, severity: float, um_per_px: float
) -> list[Any]:
    """Draw the damage of a frame, from the first to the last that came.

    The shares are judged by eye; only particles were counted, and those come from `particles`.

    Args:
        size: (height, width) in pixels.
        medium: `negative` or `slide`: whether clear base shows black or white.
        severity: 0 (nothing) to 1 (badly neglected: twice as often).
        um_per_px: Size of a pixel on the film in micrometres.
    """
    slide = medium == "slide"
    bright = rng.random() < (0.35 if slide else 0.9)
    base = (0.97, 0.96, 0.93) if slide else (0.04, 0.04, 0.05)
    draws: dict[str, Callable[[], Any]] = {
        "leaks": lambda: draw_leaks(rng, severity),
        "gate": lambda: draw_gate_hair(rng, severity, um_per_px),
        "chemistry": lambda: draw_chemistry(rng, size, severity, um_per_px),
        "fingerprints": lambda: draw_fingerprints(
            rng, severity, max(um_per_px, WIDEST_UM / max(size)), slide
        ),
        "flaking": lambda: draw_flaking(rng, size, severity, 4 * um_per_px, base),
        "lines": lambda: draw_lines(rng, um_per_px, bright),
    }
    return [
        draws[kind]()
        for kind, often in FREQUENCY.items()
        if rng.random() < min(0.9, 2 * severity * often)
    ]
