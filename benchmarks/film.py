"""Film damage alone: finding and filling against one network that does both at once.

    python benchmarks/film.py DATA --library LIBRARY [--network FILE.onnx ...] [--json FILE]

Clean photos get the artefacts of the preset `film-35mm` and nothing else, neither grain nor fading,
as the pairs of the film project had (shared/specs/film.md); each by its own seed, in 8 bit. Once at
full size, once as crops of 256 px from the middle of each photo. A draw that puts no artefact in is
drawn again. NETWORK is what `unfade export` writes of a run such as

    unfade train restore --aging film-35mm --init inpaint --optimizer muon --lr 0.003 --side 192 \\
      --steps 7000 --data PHOTOS --library LIBRARY
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from unfade.darkroom import Darkroom
from unfade.degrade import draw_aging
from unfade.degrade.damage import DAMAGE, VISIBLE
from unfade.evaluate import Pair, age_pair
from unfade.evaluate.cost import measured
from unfade.evaluate.figures import decibels
from unfade.evaluate.networks import RunNetwork
from unfade.io.read import can_read, read
from unfade.metrics import regions, ssim
from unfade.photo import Photo, Pixels
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.stages.damage import DetectDamage
from unfade.stages.inpaint import Inpaint
from unfade.stages.veils import LiftVeils

PRESET = "film-35mm"
CROP = 256
FIGURES = ("psnr", "ssim", "psnr_inside", "psnr_outside", "ssim_inside", "ssim_outside")

SENSITIVITIES = (DetectDamage().sensitivity, 0.8)
"""What finding is asked for: by default, and where hardly anything must stay."""

FILL = Recipe("fill", (Inpaint(grain=0),))

Method = Callable[[Pair], Pixels]
Figures = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--library", default="", help="folder of artefact pictures")
    parser.add_argument("--part", default="val", help="part of the library")
    parser.add_argument("--network", nargs="*", default=[], type=Path, help="one-stage networks")
    parser.add_argument("--severity", type=float, default=0.5)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    room = Darkroom(args.engine)
    paths = [path for path in sorted(args.data.rglob("*")) if can_read(path)]
    photos = [read(path) for path in paths[: args.limit or None]]
    methods = methods_of(args.network, room)
    told = {"photos": len(photos), "severity": args.severity, "sizes": {}}
    for name, prepare in (("full size", lambda photo: photo), ("crops of 256 px", middle)):
        pairs = damaged(map(prepare, photos), args, room)
        told["sizes"][name] = rows = table(pairs, methods)
        for method, row in rows.items():
            print(f"{name}, {method}: " + ", ".join(f"{k} {v:.4f}" for k, v in row.items()))
    if args.json:
        args.json.write_text(json.dumps(told, indent=1) + "\n")


def methods_of(networks: list[Path], room: Darkroom) -> dict[str, Method]:
    """What is compared, by name."""

    def alone(network: RunNetwork) -> Method:
        return lambda pair: network.restored(pair.aged.pixels, room)

    def two_stages(sensitivity: float) -> Method:
        recipe = Recipe(
            "find", (LiftVeils(), DetectDamage(sensitivity=sensitivity), FILL.stages[0])
        )
        return lambda pair: run(pair.aged, recipe, room).pixels

    def true_mask(pair: Pair) -> Pixels:
        mask = cv2.dilate((pair.artifacts >= VISIBLE).astype(np.float32), np.ones((3, 3)))
        return run(dataclasses.replace(pair.aged, damage=mask), FILL, room).pixels

    return {
        "untouched": lambda pair: pair.aged.pixels,
        **{f"find and fill, sensitivity {s:g}": two_stages(s) for s in SENSITIVITIES},
        **{network.name: alone(network) for network in map(RunNetwork, networks)},
        "fill, told the true mask": true_mask,
    }


def middle(photo: Photo) -> Photo:
    """The middle of a photo, at most `CROP` pixels a side."""
    top, left = (max(0, (side - CROP) // 2) for side in photo.size)
    return Photo(np.ascontiguousarray(photo.pixels[top : top + CROP, left : left + CROP]))


def damaged(photos: Iterator[Photo], args: argparse.Namespace, room: Darkroom) -> Iterator[Pair]:
    """Photos with the artefacts of old film and nothing else."""
    for index, photo in enumerate(photos):
        for again in range(100):
            rng = np.random.default_rng((40_000 + index, again))
            pair = only_damaged(photo, PRESET, args.severity, rng, args, room)
            if (pair.artifacts >= VISIBLE).any():
                yield pair
                break


def only_damaged(
    photo: Photo,
    preset: str,
    severity: float,
    rng: np.random.Generator,
    args: argparse.Namespace,
    room: Darkroom,
    without: Collection[str] = (),
) -> Pair:
    """A photo with the artefacts of a preset, but for those of some stages, and nothing else."""
    options = {"size": photo.size, "library": args.library, "part": args.part}
    aging = draw_aging(rng, preset, severity, **options)
    kept = (stage for stage in aging if stage.name in DAMAGE and stage.name not in without)
    return age_pair(photo, dataclasses.replace(aging, stages=tuple(kept)), room)


def table(pairs: Iterator[Pair], methods: Mapping[str, Method]) -> dict[str, Figures]:
    """Means over the photos, by method."""
    rows: dict[str, list[Figures]] = {name: [] for name in methods}
    for pair in pairs:
        for name, method in methods.items():
            with measured() as cost:
                pixels = np.clip(method(pair), 0, 1)
            megapixels = pair.aged.size[0] * pair.aged.size[1] / 1e6
            rows[name].append(figures(pixels, pair) | {"s_per_mp": cost.seconds / megapixels})
    return {name: means(lines) for name, lines in rows.items()}


def figures(pixels: Pixels, pair: Pair) -> Figures:
    """PSNR and SSIM against the clean photo, whole, inside and outside of the artefacts."""
    clean = pair.clean.pixels
    told = {"psnr": decibels(pixels, clean), "ssim": ssim(pixels, clean)}
    for name, where in regions(pair.artifacts >= VISIBLE).items():
        if name == "near" or not where[5:-5, 5:-5].any():
            continue
        told[f"psnr_{name}"] = decibels(pixels, clean, where)
        told[f"ssim_{name}"] = ssim(pixels, clean, where)
    return told


def means(lines: list[Figures]) -> Figures:
    """The mean of each figure over the photos that have it; of the time, the median."""
    told = {name: float(np.mean([r[name] for r in lines if name in r])) for name in FIGURES}
    return told | {"s_per_mp": float(np.median([row["s_per_mp"] for row in lines]))}


if __name__ == "__main__":
    main()
