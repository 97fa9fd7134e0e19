"""How much of which damage: what a film frame or a print of a given severity has suffered."""

from __future__ import annotations

from typing import Any

import numpy as np

from .films import draw_film_damage, draw_film_pixel
from .particles import STATISTICS, AddParticles
from .patches import PATCHES, AddPatches
from .prints import draw_print_damage

Rng = np.random.Generator

BRIGHT = "bright"
DARK = "dark"

COARSE = 5.0
"""How much larger the particles are that show on a print; an assumption, nobody measured it."""

PRINT_SHARE = 0.35
"""How many particles a print shows in a scan against film, per pixel; judged by eye on old prints:
no projector and no scanner's light through them shows what lies there."""


def draw_damage(
    rng: Rng,
    size: tuple[int, int],
    *,
    medium: str = "print",
    severity: float = 0.5,
    um_per_px: float = 0.0,
    library: str = "",
    part: str = "all",
    monochrome: bool = False,
) -> list[Any]:
    """Draw the damage stages for one photo.

    At severity 0.5 film carries as many particles, of the same sizes, as the annotated scans of
    `particles.STATISTICS` in the mean; frames differ among each other as those scans did. For
    prints nobody counted: there the same particles are taken to be `COARSE` times as large and
    rarer, so that a print scanned at 600 ppi shows them as large as film at 3,000 does, and
    `PRINT_SHARE` as many.

    Args:
        size: (height, width) in pixels; particles come by area.
        medium: `negative` (dust is bright), `slide` (dust is dark) or `print` (both, and folds).
        severity: 0 (next to nothing) to 1 (badly neglected: four times the mean).
        um_per_px: Size of a pixel on the object in micrometres; 0 draws one: a part of a film
            scan of 1,400 to 4,200 dpi, or of a print scanned at 250 to 850 ppi.
        library: Folder of artefact shapes that are mixed with drawn ones; empty draws all.
        part: Part of the library: `all`, `train` or `val`.
        monochrome: A print is of silver, which may show mirroring.
    """
    shapes: dict[str, Any] = {"library": library, "part": part}
    coarse = COARSE if medium == "print" else 1.0
    # Shapes are drawn in the units of film: what is five times as large looks five times as near.
    pixel = (um_per_px or coarse * draw_film_pixel(rng)) / coarse
    stages = _particles(rng, size, medium, severity, pixel, shapes)
    if library and rng.random() < 0.2 * severity:
        stages.append(_patches(rng, size, medium, severity, shapes))
    if medium == "print":
        at = coarse * pixel
        stages += draw_print_damage(rng, size, severity, at, monochrome=monochrome)
    else:
        stages += draw_film_damage(rng, size, medium, severity, pixel)
    return stages


def deposit_tone(rng: Rng, polarity: str) -> tuple[float, ...]:
    """Draw the color of dust: nearly black, or nearly white, slightly tinted."""
    base = rng.uniform(0.0, 0.25) if polarity == DARK else rng.uniform(0.78, 1.0)
    return tuple(float(c) for c in np.clip(base + rng.normal(0, 0.03, 3), 0, 1))


def _polarity(rng: Rng, medium: str) -> str:
    bright = {"negative": 0.92, "slide": 0.08}.get(medium, 0.5)
    return BRIGHT if rng.random() < bright else DARK


def _seed(rng: Rng) -> int:
    return int(rng.integers(2**62))


def _pick(rng: Rng, shapes: dict[str, Any]) -> dict[str, Any]:
    """Nine of ten stages mix in shapes from the library where there is one."""
    return shapes if shapes["library"] and rng.random() < 0.9 else {}


def _particles(
    rng: Rng,
    size: tuple[int, int],
    medium: str,
    severity: float,
    um_per_px: float,
    shapes: dict[str, Any],
) -> list[Any]:
    """Draw how many particles of each kind lie on the photo, and how they look."""
    area_mm2 = size[0] * size[1] * (um_per_px / 1000) ** 2
    # The ten scans held 77 to 1,818 artefacts; a Gamma distribution of shape 4 spreads as wide.
    dirty = 4 ** (2 * severity - 1) * min(1.0, severity / 0.1) * float(rng.gamma(4, 1 / 4))
    usual = PRINT_SHARE if medium == "print" else 1.0
    clustering, tint = float(rng.uniform(0, 1)), deposit_tone(rng, _polarity(rng, medium))
    stages: list[Any] = []
    for kind, statistics in STATISTICS.items():
        mean = usual * statistics.per_mm2 * area_mm2 * dirty * float(rng.lognormal(-0.18, 0.6))
        count = int(min(rng.poisson(mean), 20_000))
        own_side = medium == "print" or kind == "scratch"
        tone = deposit_tone(rng, _polarity(rng, "print")) if own_side else tint
        dense = float(rng.uniform(0.8, 1) if rng.random() < 0.75 else rng.uniform(0.35, 0.8))
        blur_um = float(rng.uniform(2, 8))
        stage = AddParticles(
            kind=kind,
            count=count,
            um_per_px=um_per_px,
            opacity=dense,
            spread=float(rng.uniform(0.1, 0.6)),
            tone=tone,
            softness_px=float(np.clip(blur_um / um_per_px, 0.25, 2)),
            clustering=clustering,
            seed=_seed(rng),
            **_pick(rng, shapes),
        )
        stages += [stage] if count else []
    return stages


def _patches(
    rng: Rng, size: tuple[int, int], medium: str, severity: float, shapes: dict[str, Any]
) -> AddPatches:
    return AddPatches(
        kind=str(rng.choice(list(PATCHES))),
        count=int(rng.integers(1, 2 + int(2 * severity))),
        size_px=float(np.clip(max(size) * np.exp(rng.uniform(*np.log((0.15, 0.6)))), 4, 10_000)),
        opacity=float(rng.uniform(0.5, 1)),
        tone=deposit_tone(rng, _polarity(rng, medium)),
        softness_px=float(rng.uniform(0.2, 0.8)),
        seed=_seed(rng),
        **shapes,
    )
