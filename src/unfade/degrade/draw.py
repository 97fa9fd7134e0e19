"""`draw_aging`: a recipe of degradations as one photo of a kind may have suffered them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..recipe import Recipe
from .artifacts import COARSE, deposit_tone, draw_damage
from .capture import draw_blur, draw_film_grain, draw_grain, draw_jpegs, draw_noise
from .fading import draw_fade, draw_grey
from .films import draw_film_pixel
from .gentle import gentler
from .mixes import draw_grey_noise_texture, draw_random_order
from .particles import AddParticles
from .scanner import draw_banding, draw_moire
from .surface import draw_halftone, draw_texture
from .tone import draw_exposure, draw_vignette

Rng = np.random.Generator
Stages = list[Any]


@dataclasses.dataclass(frozen=True)
class Frame:
    """What a preset is drawn for.

    Attributes:
        size: (height, width) in pixels.
        library, part: As of `draw_aging`.
    """

    size: tuple[int, int]
    library: str = ""
    part: str = "all"


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
        severity: 0 (hardly anything) to 1 (badly neglected); 0.5 is an average neglected photo.
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
    return Recipe(preset, tuple(PRESETS[preset](rng, severity, Frame(size, library, part))))


def _film(rng: Rng, severity: float, frame: Frame) -> Stages:
    pixel_um = draw_film_pixel(rng)
    return [
        *_taken(rng, severity),
        draw_film_grain(rng, pixel_um, severity),
        *_maybe(rng, 0.3, draw_fade, severity * 0.5),
        *_damaged(rng, severity, frame, "negative", pixel_um),
        *_scanned(rng, severity, frame, "negative", pixel_um),
    ]


def _slide(rng: Rng, severity: float, frame: Frame) -> Stages:
    pixel_um = draw_film_pixel(rng)
    return [
        *_taken(rng, severity),
        draw_film_grain(rng, pixel_um, 0.7 * severity),
        draw_fade(rng, severity, "slide"),
        *_damaged(rng, severity, frame, "slide", pixel_um),
        *_scanned(rng, severity, frame, "slide", pixel_um),
    ]


def _print_color(rng: Rng, severity: float, frame: Frame) -> Stages:
    pixel_um = COARSE * draw_film_pixel(rng)
    return [
        *_taken(rng, severity),
        draw_grain(rng, severity * 0.3),
        draw_fade(rng, severity, "print"),
        *_printed(rng, severity, pixel_um, 0.02),
        *_damaged(rng, severity, frame, "print", pixel_um),
        *_scanned(rng, severity, frame, "print", pixel_um),
    ]


def _print_bw(rng: Rng, severity: float, frame: Frame) -> Stages:
    pixel_um = COARSE * draw_film_pixel(rng)
    return [
        *_taken(rng, severity),
        draw_grey(rng, toned=min(0.5, severity)),
        draw_grain(rng, severity * 0.3),
        draw_fade(rng, severity, "silver"),
        *_printed(rng, severity, pixel_um, 0.06),
        *_damaged(rng, severity, frame, "print", pixel_um, monochrome=True),
        *_scanned(rng, severity, frame, "print", pixel_um),
    ]


def _mixed(rng: Rng, severity: float, frame: Frame) -> Stages:
    kinds = (_print_bw, _print_color, _film, _slide)
    return kinds[int(rng.choice(4, p=(0.4, 0.3, 0.18, 0.12)))](rng, severity, frame)


def _taken(rng: Rng, severity: float) -> Stages:
    """What camera and photographer did."""
    part = _part(severity)
    return [
        *_maybe(rng, 0.35, draw_blur, severity * 0.6, part),
        *_maybe(rng, 0.3, draw_exposure, severity, part),
        *_maybe(rng, 0.3, draw_vignette, severity, part),
    ]


def _printed(rng: Rng, severity: float, pixel_um: float, screened: float) -> Stages:
    """What the print is made of: mostly smooth paper, at times embossed, seldom a book's screen."""
    if rng.random() < screened * _part(severity):
        return [draw_halftone(rng)]
    return [draw_texture(rng, pixel_um)] if rng.random() < 0.15 * _part(severity) else []


def _damaged(
    rng: Rng,
    severity: float,
    frame: Frame,
    medium: str,
    pixel_um: float,
    monochrome: bool = False,
) -> Stages:
    return draw_damage(
        rng,
        frame.size,
        medium=medium,
        severity=severity,
        um_per_px=pixel_um,
        library=frame.library,
        part=frame.part,
        monochrome=monochrome,
    )


def _scanned(rng: Rng, severity: float, frame: Frame, medium: str, pixel_um: float) -> Stages:
    """The scanner's share: softness, noise, stripes, rings; its own dust, which is sharp; JPEG."""
    part = _part(severity)
    rings = medium != "print" and rng.random() < 0.06 * severity
    dusty = rng.random() < 0.4 * severity
    return [
        *_maybe(rng, 0.2, draw_blur, 0.15, part),
        *([gentler(draw_moire(rng, severity, "rings"), part)] if rings else []),
        *([_scanner_dust(rng, frame, medium, pixel_um)] if dusty else []),
        *_maybe(rng, 0.5, draw_noise, severity * 0.4, part),
        *_maybe(rng, 0.12, draw_banding, severity, part),
        *(gentler(jpeg, part) for jpeg in _saved(rng, severity, part)),
    ]


def _saved(rng: Rng, severity: float, part: float) -> Stages:
    return list(draw_jpegs(rng, severity * 0.5)) if rng.random() < 0.4 * part else []


def _scanner_dust(rng: Rng, frame: Frame, medium: str, pixel_um: float) -> AddParticles:
    """Some dust on the scanner's glass: in its focus, so sharp also over a soft picture."""
    bright = medium == "negative" or (medium == "print" and rng.random() < 0.6)
    film_um = pixel_um / (COARSE if medium == "print" else 1)
    share = frame.size[0] * frame.size[1] / (512 * 768)
    return AddParticles(
        kind=str(rng.choice(("dust", "dirt", "fiber"), p=(0.6, 0.2, 0.2))),
        count=1 + int(rng.poisson(12 * share)),
        um_per_px=film_um,
        spread=float(rng.uniform(0, 0.3)),
        tone=deposit_tone(rng, "bright" if bright else "dark"),
        softness_px=0.25,
        clustering=0.2,
        library=frame.library,
        part=frame.part,
        seed=int(rng.integers(2**62)),
    )


def _part(severity: float) -> float:
    """How much of their usual share camera and scanner have: all of it from severity 0.5 on."""
    return min(1.0, 2 * severity)


def _maybe(
    rng: Rng, chance: float, draw: Callable[..., Any], severity: float, part: float = 1.0
) -> Stages:
    """Draw a stage or none; in part, it is as much less likely as it is gentler."""
    return [gentler(draw(rng, severity), part)] if rng.random() < chance * part else []


def _random_order(rng: Rng, severity: float, frame: Frame) -> Stages:
    return draw_random_order(rng, frame.size, severity)


def _grey_noise_texture(rng: Rng, severity: float, frame: Frame) -> Stages:
    return draw_grey_noise_texture(rng, frame.size, severity)


PRESETS: Mapping[str, Callable[[Rng, float, Frame], Stages]] = {
    "film-35mm": _film,
    "slide": _slide,
    "print-bw": _print_bw,
    "print-color": _print_color,
    "old-photo-mixed": _mixed,
    "random-order": _random_order,
    "grey-noise-texture": _grey_noise_texture,
}
"""Aging presets by name: five of ours, and two mixes that others published."""
