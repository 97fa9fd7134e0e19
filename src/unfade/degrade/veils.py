"""Veils by kind: what lies over a photo and lets it through; and where in an aging they come."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .artifacts import COARSE
from .chemistry import draw_chemistry
from .damage import DAMAGE, VEILS
from .fingerprints import WIDEST_UM, draw_fingerprints
from .light import draw_leaks
from .shapes import Rng
from .silver import draw_silver
from .stains import draw_foxing, draw_stains
from .tape import draw_tape

SCANNED = ("moire", "noise", "banding", "jpeg")
"""What the scanner adds; a veil lay there before."""


def draw_veil(rng: Rng, kind: str, size: tuple[int, int], severity: float, film_um: float) -> Any:
    """Draw a veil of a kind.

    Args:
        kind: One of `VEILS`.
        size: (height, width) in pixels.
        severity: 0 to 1.
        film_um: Size of a pixel in micrometres if the photo is film; on a print it is taken to be
            `COARSE` times as large. Fingerprints are drawn at a size of their own.
    """
    print_um = COARSE * film_um
    draws: dict[str, Callable[[], Any]] = {
        "stains": lambda: draw_stains(rng, size, severity),
        "tape": lambda: draw_tape(rng, size, severity, print_um),
        "leaks": lambda: draw_leaks(rng, severity),
        "silver": lambda: draw_silver(rng, severity),
        "foxing": lambda: draw_foxing(rng, size, severity, print_um),
        "fingerprints": lambda: draw_fingerprints(
            rng, severity, _draw_finger_um(rng) / max(size), rng.random() < 0.5
        ),
        "chemistry": lambda: draw_chemistry(rng, size, severity, film_um),
    }
    return draws[kind]()


def _draw_finger_um(rng: Rng) -> float:
    """Draw how much of the object is seen beside a finger, in micrometres.

    From a part of a film frame to a small print: of a larger one, seen small, no ridge is left.
    """
    return WIDEST_UM * float(np.exp(rng.uniform(*np.log((0.4, 4)))))


def under(veils: Iterable[Any], stages: Iterable[Any]) -> list[Any]:
    """The stages of an aging without its own veils, and these before its dust and its scanner."""
    others = [stage for stage in stages if stage.name not in VEILS]
    later = (n for n, stage in enumerate(others) if stage.name in (*DAMAGE, *SCANNED))
    place = next(later, len(others))
    return [*others[:place], *veils, *others[place:]]
