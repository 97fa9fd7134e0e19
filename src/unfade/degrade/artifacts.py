"""How much of which damage: what a film frame or a print of a given severity has suffered."""

from __future__ import annotations

from typing import Any

import numpy as np

from .damage import AddArtifacts, AddCreases, AddLineScratches, AddStains, AddTears

Rng = np.random.Generator

BRIGHT = "bright"
DARK = "dark"


def draw_damage(
    rng: Rng,
    size: tuple[int, int],
    *,
    medium: str = "print",
    severity: float = 0.5,
    library: str = "",
    part: str = "all",
) -> list[Any]:
    """Draw the damage stages for one photo.

    Args:
        size: (height, width) in pixels; small artefacts come by area.
        medium: `negative` (dust is bright), `slide` (dust is dark) or `print` (both, and folds).
        severity: 0 (next to nothing) to 1 (badly neglected).
        library: Folder of artefact pictures that are mixed with drawn shapes; empty draws all.
        part: Part of the library: `all`, `train` or `val`.
    """
    shapes: dict[str, Any] = {"library": library, "part": part}
    megapixels = size[0] * size[1] / 1e6
    stages: list[Any] = []
    for _ in range(int(rng.integers(2, 5))):
        stages.append(_specks(rng, megapixels, medium, severity, shapes))
    for kind, chance in (("hair", 0.55), ("lint", 0.45), ("scratch", 0.6)):
        if rng.random() < chance:
            stages.append(_strokes(rng, kind, megapixels, medium, severity, shapes))
    if medium != "print" and rng.random() < 0.35:
        stages.append(_lines(rng, medium))
    if rng.random() < 0.15 + 0.2 * (medium == "print"):
        stages.append(_stains(rng, size, severity))
    if medium == "print":
        stages += _paper(rng, size, severity)
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
    """Two of three stages draw their shapes from the library where there is one."""
    return shapes if shapes["library"] and rng.random() < 0.67 else {}


def _count(rng: Rng, per_megapixel: float, megapixels: float, severity: float) -> int:
    mean = per_megapixel * megapixels * (0.15 + 1.7 * severity) * float(rng.lognormal(0, 0.8))
    return int(min(rng.poisson(mean), 20_000))


def _specks(
    rng: Rng, megapixels: float, medium: str, severity: float, shapes: dict[str, Any]
) -> AddArtifacts:
    kind = "dust" if rng.random() < 0.65 else "dirt"
    size = float(np.exp(rng.uniform(np.log(0.9), np.log(7.0))))
    return AddArtifacts(
        kind=kind,
        # Small specks are many, large ones few: about as many pixels of each.
        count=_count(rng, 420 / size**1.2, megapixels, severity),
        size_px=size,
        opacity=float(rng.uniform(0.45, 1.0)),
        tone=deposit_tone(rng, _polarity(rng, medium)),
        softness_px=float(rng.choice([0.3, 0.5, 0.8, 1.3])),
        clustering=float(rng.uniform(0, 1)),
        seed=_seed(rng),
        **_pick(rng, shapes),
    )


def _strokes(
    rng: Rng, kind: str, megapixels: float, medium: str, severity: float, shapes: dict[str, Any]
) -> AddArtifacts:
    length = {"hair": (25, 160), "lint": (8, 40), "scratch": (20, 220)}[kind]
    density = {"hair": 22, "lint": 60, "scratch": 40}[kind]
    return AddArtifacts(
        kind=kind,
        count=_count(rng, density, megapixels, severity),
        size_px=float(np.exp(rng.uniform(*np.log(length)))),
        width_px=int(rng.choice([1, 1, 1, 2, 2, 3])),
        opacity=float(rng.uniform(0.5, 1.0)),
        tone=deposit_tone(rng, _polarity(rng, "print" if kind == "scratch" else medium)),
        softness_px=float(rng.choice([0.3, 0.5, 0.7, 1.0])),
        clustering=float(rng.uniform(0, 1)),
        seed=_seed(rng),
        **_pick(rng, shapes),
    )


def _lines(rng: Rng, medium: str) -> AddLineScratches:
    return AddLineScratches(
        count=int(rng.integers(1, 7)),
        width_px=float(np.exp(rng.uniform(np.log(0.6), np.log(3.0)))),
        upright=bool(rng.random() < 0.6),
        opacity=float(rng.uniform(0.3, 1.0)),
        tone=deposit_tone(rng, _polarity(rng, medium)),
        seed=_seed(rng),
    )


def _stains(rng: Rng, size: tuple[int, int], severity: float) -> AddStains:
    brown = np.clip(np.array([0.36, 0.25, 0.13]) + rng.normal(0, 0.08, 3), 0, 1)
    pale = np.clip(np.array([0.85, 0.8, 0.7]) + rng.normal(0, 0.05, 3), 0, 1)
    return AddStains(
        count=int(rng.integers(1, 3)),
        size_px=float(max(size) * np.exp(rng.uniform(np.log(0.02), np.log(0.12)))) + 2,
        opacity=float(rng.uniform(0.15, 0.4) + 0.25 * severity),
        rim=float(rng.uniform(0, 1)),
        tone=tuple(float(c) for c in (brown if rng.random() < 0.7 else pale)),
        seed=_seed(rng),
    )


def _paper(rng: Rng, size: tuple[int, int], severity: float) -> list[Any]:
    paper = tuple(
        float(c) for c in np.clip(np.array([0.94, 0.92, 0.87]) + rng.normal(0, 0.04, 3), 0, 1)
    )
    stages: list[Any] = []
    if rng.random() < 0.3 + 0.3 * severity:
        stages.append(
            AddCreases(
                count=int(rng.integers(1, 2 + int(4 * severity))),
                width_px=float(np.exp(rng.uniform(np.log(0.8), np.log(4.0)))),
                length=float(rng.uniform(0.2, 1.2)),
                shading=float(rng.uniform(0, 0.25)),
                opacity=float(rng.uniform(0.6, 1)),
                tone=paper,
                seed=_seed(rng),
            )
        )
    if rng.random() < 0.1 + 0.25 * severity:
        stages.append(
            AddTears(
                tears=int(rng.integers(0, 3)),
                holes=int(rng.integers(0, 3)),
                width_px=float(rng.uniform(1, 6)),
                hole_px=float(max(size) * np.exp(rng.uniform(np.log(0.01), np.log(0.06)))) + 1,
                tone=paper,
                seed=_seed(rng),
            )
        )
    return stages
