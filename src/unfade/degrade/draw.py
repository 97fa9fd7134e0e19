"""`draw_aging`: a recipe of degradations as one photo of a kind may have suffered them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..recipe import Recipe
from .artifacts import draw_damage
from .capture import draw_blur, draw_grain, draw_jpeg, draw_noise
from .fading import draw_fade, draw_grey

Rng = np.random.Generator
Stages = list[Any]


def draw_aging(
    rng: Rng,
    preset: str = "old-photo-mixed",
    severity: float = 0.5,
    *,
    size: tuple[int, int] = (512, 768),
    library: str = "",
    part: str = "all",
) -> Recipe:
    """Draw what happened to one photo: first to the picture, then to the object, then in the scan.

    Args:
        rng: Where all chance comes from; the recipe itself holds every drawn number, so that
            running it again gives the same aged photo.
        preset: One of `PRESETS`.
        severity: 0 (hardly anything) to 1 (badly neglected).
        size: (height, width) of the photo in pixels; artefacts come by area.
        library: Folder of artefact pictures to mix in; empty draws every shape.
        part: Part of the library: `all`, `train` or `val`.
    Raises:
        ValueError: No such preset, or severity outside 0 to 1.
    """
    if preset not in PRESETS:
        raise ValueError(f"no aging preset {preset!r}; known: {', '.join(PRESETS)}")
    if not 0 <= severity <= 1:
        raise ValueError(f"severity must be within 0 to 1, got {severity}")
    medium, before = PRESETS[preset](rng, severity)
    damage = draw_damage(rng, size, medium=medium, severity=severity, library=library, part=part)
    return Recipe(preset, (*before, *damage, *_scan(rng, severity)))


def _film(rng: Rng, severity: float) -> tuple[str, Stages]:
    return "negative", [
        *_maybe(rng, 0.3, draw_fade, severity * 0.5),
        draw_grain(rng, severity * 0.6),
    ]


def _slide(rng: Rng, severity: float) -> tuple[str, Stages]:
    return "slide", [draw_fade(rng, severity, "slide"), draw_grain(rng, severity * 0.4)]


def _print_color(rng: Rng, severity: float) -> tuple[str, Stages]:
    soft = _maybe(rng, 0.3, draw_blur, severity * 0.4)
    return "print", [draw_fade(rng, severity, "print"), *soft, draw_grain(rng, severity * 0.3)]


def _print_bw(rng: Rng, severity: float) -> tuple[str, Stages]:
    soft = _maybe(rng, 0.4, draw_blur, severity * 0.5)
    grain = draw_grain(rng, severity * 0.3)
    return "print", [draw_grey(rng), draw_fade(rng, severity, "silver"), *soft, grain]


def _mixed(rng: Rng, severity: float) -> tuple[str, Stages]:
    kinds = (_print_color, _print_color, _print_bw, _slide, _film)
    return kinds[int(rng.integers(len(kinds)))](rng, severity)


def _scan(rng: Rng, severity: float) -> Stages:
    """The scanner's share: a little blur and noise, and often JPEG."""
    soft = _maybe(rng, 0.2, draw_blur, 0.15)
    noise = _maybe(rng, 0.5, draw_noise, severity * 0.4)
    return [*soft, *noise, *_maybe(rng, 0.4, draw_jpeg, severity * 0.5)]


def _maybe(rng: Rng, chance: float, draw: Callable[..., Any], severity: float) -> Stages:
    return [draw(rng, severity)] if rng.random() < chance else []


PRESETS: Mapping[str, Callable[[Rng, float], tuple[str, Stages]]] = {
    "film-35mm": _film,
    "slide": _slide,
    "print-bw": _print_bw,
    "print-color": _print_color,
    "old-photo-mixed": _mixed,
}
"""Aging presets by name."""
