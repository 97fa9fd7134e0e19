"""Quality on the validation photos: damage, inpainting, the whole recipe, and clean photos.

    python benchmarks/quality.py DATA [--library FOLDER] [--part val] [--limit N] [--json FILE]

DATA is a folder of clean photos that no network was trained on. Every photo is aged with its own
seed, so two runs over the same folder see the same damage. The definitions stand in
`unfade.evaluate`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from unfade.choose import load_recipe
from unfade.darkroom import Darkroom
from unfade.degrade import draw_aging
from unfade.degrade.artifacts import draw_damage
from unfade.evaluate import DamageFigures, age_pair, printed, restoration_gain
from unfade.evaluate.baselines import navier_stokes, telea
from unfade.evaluate.figures import SAME
from unfade.io.read import can_read, read
from unfade.metrics import psnr
from unfade.photo import Photo
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.stages.damage import DetectDamage
from unfade.stages.inpaint import Inpaint
from unfade.stages.veils import LiftVeils

Figures = dict[str, float]

FILL = Recipe("fill", (Inpaint(feather_px=0, grain=0),))
"""Nothing but the network's own answer: no soft rim, no grain."""


def main() -> None:
    args = parse()
    photos = [read(path) for path in sorted(args.data.rglob("*")) if can_read(path)]
    photos = photos[: args.limit] if args.limit else photos
    room = Darkroom(args.engine)
    results: dict[str, Figures] = {}
    for name, measure in CHECKS.items():
        if not args.only or name in args.only:
            results[name] = measure(photos, args, room)
            print(f"{name}: " + ", ".join(f"{k} {v:.4g}" for k, v in results[name].items()))
    if args.json:
        args.json.write_text(json.dumps(results, indent=1))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--library", default="", help="folder of artefact pictures")
    parser.add_argument("--part", default="val", help="part of the library")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--only", nargs="*", help=f"of {', '.join(CHECKS)}")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--sensitivity", type=float, default=DetectDamage().sensitivity)
    parser.add_argument("--severity", type=float, default=0.5)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def at_scan_scale(photo: Photo) -> Photo:
    """A photo as a scanner gives it: twice as large, and no sharper."""
    size = (photo.size[1] * 2, photo.size[0] * 2)
    large = cv2.resize(photo.pixels, size, interpolation=cv2.INTER_CUBIC)
    return Photo(np.clip(large, 0, 1).reshape(size[1], size[0], -1))


def damage(preset: str, prepare: Callable[[Photo], Photo]) -> Callable[..., Figures]:
    """Detection on photos aged with a preset."""

    def measure(photos: list[Photo], args: argparse.Namespace, room: Darkroom) -> Figures:
        figures = DamageFigures()
        stages = (LiftVeils(), DetectDamage(sensitivity=args.sensitivity))
        for index, photo in enumerate(map(prepare, photos)):
            aging = draw_aging(
                np.random.default_rng(index),
                preset,
                args.severity,
                size=photo.size,
                library=args.library,
                part=args.part,
            )
            figures.add(age_pair(photo, aging, room), stages, room)
        for photo in map(prepare, photos):
            figures.add_clean(photo, stages, room)
        return figures.summary()

    return measure


def inpainting(photos: list[Photo], args: argparse.Namespace, room: Darkroom) -> Figures:
    """PSNR inside the mask against the clean photo, for ours and for OpenCV's two methods."""
    rows = [_inpainting_row(photo, mask, room) for photo, mask in masked_photos(photos, args, room)]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def masked_photos(
    photos: list[Photo], args: argparse.Namespace, room: Darkroom
) -> Iterator[tuple[Photo, np.ndarray]]:
    """Photos with holes to fill: where particles, scratches and the like would lie on them."""
    for index, photo in enumerate(photos):
        rng = np.random.default_rng(10_000 + index)
        stages = draw_damage(
            rng,
            photo.size,
            medium=("negative", "print")[index % 2],
            severity=args.severity,
            library=args.library,
            part=args.part,
        )
        stages = [stage for stage in stages if stage.name != "stains"]
        found = run(photo, Recipe("holes", tuple(stages)), room).damage
        if found is not None and (found >= 1).any():
            yield photo, cv2.dilate((found >= 1).astype(np.float32), np.ones((5, 5), np.uint8))


def _inpainting_row(photo: Photo, mask: np.ndarray, room: Darkroom) -> Figures:
    holed = np.where(mask[:, :, None] > 0, np.float32(1), photo.pixels)
    row = {"unfade": psnr(run(Photo(holed, damage=mask), FILL, room).pixels, photo.pixels, mask)}
    for name, method in (("telea", telea), ("navier_stokes", navier_stokes)):
        row[name] = psnr(method(holed, mask), photo.pixels, mask)
    return row | {"gain_over_telea": row["unfade"] - row["telea"]}


def whole_recipe(photos: list[Photo], args: argparse.Namespace, room: Darkroom) -> Figures:
    """The default recipe on photos aged with the mixed preset: mean gain in dB."""
    recipe = load_recipe("print")
    recipe = _at(recipe, args.sensitivity)
    rows = []
    for index, photo in enumerate(photos):
        rng = np.random.default_rng(20_000 + index)
        aging = draw_aging(
            rng,
            "old-photo-mixed",
            args.severity,
            size=photo.size,
            library=args.library,
            part=args.part,
        )
        pair = age_pair(photo, aging, room)
        pair = dataclasses.replace(pair, clean=printed(photo, aging, room))
        rows.append(restoration_gain(pair, recipe, room))
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    gains = [row["psnr_restored"] - row["psnr_aged"] for row in rows]
    return means | {
        "gain_db": float(np.mean(gains)),
        "gain_db_median": float(np.median(gains)),
        "photos_made_worse": float(sum(gain < 0 for gain in gains)),
    }


def clean_photos(photos: list[Photo], args: argparse.Namespace, room: Darkroom) -> Figures:
    """Clean photos through the default recipe: how much is left alone?

    Pixels are identical if they are the same in 8 bits, as for `unfade evaluate`.
    """
    recipe = _at(load_recipe("print"), args.sensitivity)
    same, quality = [], []
    for photo in photos:
        restored = run(photo, recipe, room).pixels
        same.append(float((np.abs(restored - photo.pixels).max(axis=2) < SAME).mean()))
        quality.append(min(99.0, psnr(restored, photo.pixels)))
    return {
        "identical_pixels": float(np.mean(same)),
        "photos_99_percent_identical": float(np.mean([s >= 0.99 for s in same])),
        "psnr_mean": float(np.mean(quality)),
        "psnr_of_mean_error": float(-10 * np.log10(np.mean([10 ** (-q / 10) for q in quality]))),
        "photos_50_db": float(np.mean([q >= 50 for q in quality])),
        "identical_pixels_worst": min(same),
        "psnr_worst": min(quality),
    }


def _at(recipe: Recipe, sensitivity: float) -> Recipe:
    return recipe.setting(f"damage.sensitivity={sensitivity}")


CHECKS: dict[str, Callable[..., Figures]] = {
    "damage old-photo-mixed": damage("old-photo-mixed", lambda photo: photo),
    "damage film-35mm": damage("film-35mm", lambda photo: photo),
    "damage film-35mm at scan scale": damage("film-35mm", at_scan_scale),
    "inpainting": inpainting,
    "whole recipe": whole_recipe,
    "clean photos": clean_photos,
}


if __name__ == "__main__":
    main()
