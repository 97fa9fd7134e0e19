"""Damage painted over roughly: the strokes filled as they are, or what is damaged within them.

    python benchmarks/strokes.py DATA --library LIBRARY [--limit N] [--json FILE]

Clean photos get the artefacts of a preset and nothing else, but for stains and other veils, which
are no matter of filling. Kept is what a person would see and paint: components of 25 px² or more
that differ by 16/255 in the mean. A brush reaches a few pixels beyond them and is off by up to half
of that. PSNR of the whole photo against the clean one, mean over the photos; F1 of what is marked,
before it is grown, against the damaged pixels.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from film import FILL, only_damaged
from unfade.darkroom import Darkroom
from unfade.degrade.damage import VISIBLE
from unfade.evaluate.damage import CLEAR, COMPONENT_PX
from unfade.evaluate.figures import decibels
from unfade.io.read import can_read, read
from unfade.metrics import mask_scores
from unfade.photo import Mask, Photo
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.stages.damage import DetectDamage

PRESETS = ("film-35mm", "old-photo-mixed")
BRUSHES_PX = (4, 8, 14)
VEILS = ("stains", "leaks", "tape")
LOOK = Recipe("look", (DetectDamage(rough=True),))
UNGROWN = Recipe("look", (DetectDamage(rough=True, grow_px=0),))

Row = dict[str, float]


@dataclasses.dataclass(frozen=True)
class Painted:
    """A damaged photo, the clean one, its damaged pixels, and strokes over them."""

    damaged: Photo
    clean: Photo
    truth: NDArray[np.bool_]
    strokes: Mask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--library", default="", help="folder of artefact pictures")
    parser.add_argument("--part", default="val", help="part of the library")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    room = Darkroom()
    told = []
    for preset in PRESETS:
        for brush in BRUSHES_PX:
            rows = [measure(case, room) for case in cases(args, preset, brush, room)]
            row: dict[str, Any] = {"preset": preset, "brush_px": brush, "photos": len(rows)}
            row |= {name: round(float(np.mean([r[name] for r in rows])), 4) for name in rows[0]}
            print(row, flush=True)
            told.append(row)
    if args.json:
        args.json.write_text(json.dumps(told, indent=1) + "\n")


def cases(
    args: argparse.Namespace, preset: str, brush_px: int, room: Darkroom
) -> Iterator[Painted]:
    """Every photo that the preset damages so that a person sees it."""
    paths = [path for path in sorted(args.data.rglob("*")) if can_read(path)]
    for index, path in enumerate(paths[: args.limit or None]):
        photo, rng = read(path), np.random.default_rng((50_000 + index, brush_px))
        aging = np.random.default_rng(50_000 + index)
        pair = only_damaged(photo, preset, 0.5, aging, args, room, without=VEILS)
        truth = seen_by_a_person(pair.artifacts)
        if truth.any():
            whole = cv2.dilate(truth.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
            pixels = np.where(whole[:, :, None], pair.aged.pixels, pair.clean.pixels)
            yield Painted(Photo(pixels), pair.clean, truth, paint(truth, brush_px, rng))


def seen_by_a_person(artifacts: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The pixels of components that are large and clear enough."""
    damaged = (artifacts >= VISIBLE).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(damaged, connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA]
    means = np.bincount(labels.ravel(), artifacts.ravel(), count) / areas
    clear = (areas >= COMPONENT_PX) & (means >= CLEAR)
    clear[0] = False
    return np.asarray(clear[labels], np.bool_)


def paint(truth: NDArray[np.bool_], brush_px: int, rng: np.random.Generator) -> Mask:
    """Strokes over damage by a hand that is off by up to half of what the brush reaches beyond."""
    side = 2 * brush_px + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    off = rng.integers(-brush_px // 2, brush_px // 2 + 1, 2)
    moved = np.array([[1, 0, off[0]], [0, 1, off[1]]], np.float32)
    wide = np.asarray(cv2.dilate(truth.astype(np.float32), kernel))
    return np.asarray(cv2.warpAffine(wide, moved, truth.shape[::-1], flags=cv2.INTER_NEAREST))


def measure(case: Painted, room: Darkroom) -> Row:
    """PSNR of what is done with the strokes, and how well they tell what is damaged."""
    given = dataclasses.replace(case.damaged, damage=case.strokes)
    exact = cv2.dilate(case.truth.astype(np.float32), np.ones((5, 5), np.uint8))
    within, ungrown = (run(given, look, room).damage for look in (LOOK, UNGROWN))
    assert within is not None
    assert ungrown is not None

    def filled(mask: Mask) -> float:
        pixels = run(dataclasses.replace(case.damaged, damage=mask), FILL, room).pixels
        return decibels(np.clip(pixels, 0, 1), case.clean.pixels)

    return {
        "damaged": decibels(case.damaged.pixels, case.clean.pixels),
        "whole": filled(case.strokes),
        "within": filled(within),
        "exact": filled(exact),
        "painted_share": float((case.strokes > 0).mean()),
        "f1_whole": mask_scores(case.strokes, case.truth).f1,
        "f1_within": mask_scores(ungrown, case.truth).f1,
    }


if __name__ == "__main__":
    main()
