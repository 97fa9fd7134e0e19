"""How well does the infrared plane of a film scan tell where the dust is?

    python benchmarks/infrared.py DATA [--photos 12] [--size 3000] [--silver]

Photos of DATA are enlarged to scan scale, given grain, and dust, dirt, fibers and hairs as counted
on annotated scans. The infrared plane of each is made of the same dust on an uneven light, with
residue of the dyes, a slight blur and noise, shifted by up to 3 px and scaled by 0.3 % either way.
Shown per photo is the F1 of the mask from infrared alone (before it is grown for filling) against
two truths: where the dust lies, which is where it takes 5/255 or more from a plane that shows it
without the picture, and where it shows, which leaves out dust on a picture of its own tone. The
first is what a mask of infrared is asked for; the second what a person sees. Then F1 of a mask from
the plane as it lies, and the error of the registration in pixels at the worst corner.
Then the same pictures on simulated silver film and dense Kodachrome: how many are refused.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import cv2
import numpy as np

from unfade.darkroom import Darkroom
from unfade.degrade import DEGRADATIONS
from unfade.film.density import from_density, to_density
from unfade.film.registration import Alignment, align
from unfade.io.read import can_read, read
from unfade.metrics.masks import mask_scores
from unfade.photo import Photo
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.stages.infrared import read_infrared_damage

UM_PER_PX = 7.1
DYE_RESIDUE = (0.04, 0.012, 0.004)
SILVER = (0.2, 0.45, 0.15)
KODACHROME = (0.3, 0.05, 0.02)
NOISE = 0.006


@dataclasses.dataclass(frozen=True)
class Scan:
    """A synthetic scan: what the scanner gives, and how its planes are displaced.

    Attributes:
        photo: With its infrared plane.
        lies: (H, W) where dust is, over the picture.
        shows: (H, W) where it changes the visible planes.
        moved: Where the infrared plane lies.
    """

    photo: Photo
    lies: np.ndarray
    shows: np.ndarray
    moved: Alignment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--photos", type=int, default=12)
    parser.add_argument("--size", type=int, default=3000)
    args = parser.parse_args()
    paths = [path for path in sorted(args.data.rglob("*")) if can_read(path)]
    paths = paths[:: max(1, len(paths) // args.photos)][: args.photos]
    darkroom, scores = Darkroom(threads=1), []
    print(
        "photo | F1 where it lies | precision | recall | F1 where it shows | F1 unregistered "
        "| corner error px | dust %"
    )
    for number, path in enumerate(paths):
        scan = make_scan(read(path), args.size, number, DYE_RESIDUE, darkroom)
        reading = read_infrared_damage(scan.photo, darkroom)
        if reading.probability is None:
            print(f"{path.name} | refused: {reading.evidence}")
            scores.append((0.0, 0.0, 0.0, 0.0))
            continue
        found = mask_scores(reading.probability, scan.lies)
        seen = mask_scores(reading.probability, scan.shows).f1
        still = read_infrared_damage(scan.photo, darkroom, Alignment())
        plain = mask_scores(still.probability, scan.lies).f1
        error = corner_error(reading.alignment, scan.moved, scan.photo.size)
        scores.append((found.f1, seen, plain, error))
        print(
            f"{path.name} | {found.f1:.3f} | {found.precision:.3f} | {found.recall:.3f} | "
            f"{seen:.3f} | {plain:.3f} | {error:.2f} | {scan.lies.mean():.2%}",
            flush=True,
        )
    f1, seen, plain, error = np.asarray(scores).T
    print(f"where dust lies: F1 mean {f1.mean():.3f}, worst {f1.min():.3f}")
    print(f"where dust shows: F1 mean {seen.mean():.3f}, worst {seen.min():.3f}")
    print(f"unregistered: F1 mean {plain.mean():.3f}, worst {plain.min():.3f}")
    print(f"corner error mean {error.mean():.2f}, worst {error.max():.2f} px")
    for name, seen in (("silver", SILVER), ("Kodachrome", KODACHROME)):
        scans = (
            make_scan(read(path), args.size // 2, number, seen, darkroom)
            for number, path in enumerate(paths)
        )
        refused = [read_infrared_damage(scan.photo, darkroom).probability is None for scan in scans]
        print(f"{name}: {sum(refused)} of {len(refused)} refused")


def make_scan(
    clean: Photo, size: int, seed: int, seen: tuple[float, ...], darkroom: Darkroom
) -> Scan:
    """Enlarge, dust and scan a photo; `seen` is how much of each dye's density infrared sees."""
    rng = np.random.default_rng(seed)
    pixels = enlarge(clean.pixels, size)
    if seen == SILVER:
        pixels = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    grain = DEGRADATIONS["grain"]
    visible = run(Photo(pixels), Recipe("grain", (grain(seed=seed),)), darkroom).pixels
    lamp = 0.15 + 0.1 * rng.random() * np.linspace(-1, 1, pixels.shape[0])[:, None] ** 2
    through = from_density(lamp + to_density(visible) @ np.asarray(seen, np.float32))
    dusty = Recipe("dust", tuple(draw_dust(rng, pixels.shape[:2])))
    aged = run(Photo(np.clip(visible, 0, 1)), dusty, darkroom)
    hidden = run(Photo(through[:, :, None]), dusty, darkroom)
    infrared = hidden.pixels[:, :, 0]
    infrared = cv2.GaussianBlur(infrared, (0, 0), rng.uniform(0.5, 1.0))
    moved = Alignment(
        tuple(rng.uniform(-3, 3, 2)), rng.choice([-0.003, 0.003]), rng.uniform(-5e-4, 5e-4)
    )
    infrared = align(infrared, inverse(moved), infrared.shape)
    infrared = infrared + NOISE * rng.standard_normal(infrared.shape, np.float32)
    infrared = np.clip(infrared, 0, 1).astype(np.float32)
    return Scan(Photo(aged.pixels, infrared=infrared), hidden.damage, aged.damage, moved)


def enlarge(pixels: np.ndarray, size: int) -> np.ndarray:
    factor = size / max(pixels.shape[:2])
    large = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    large = np.clip(large, 0, 1).astype(np.float32)
    return np.repeat(large, 3, axis=2) if large.ndim == 2 else large


def draw_dust(rng: np.random.Generator, size: tuple[int, int]) -> list[object]:
    """Twice the mean of the annotated scans, by the area of the film."""
    from unfade.degrade.particles import STATISTICS

    area_mm2 = size[0] * size[1] * (UM_PER_PX / 1000) ** 2
    return [
        DEGRADATIONS["particles"](
            kind=kind,
            count=int(rng.poisson(2 * STATISTICS[kind].per_mm2 * area_mm2)),
            um_per_px=UM_PER_PX,
            seed=int(rng.integers(2**31)),
        )
        for kind in ("dust", "dirt", "fiber", "hair")
    ]


def inverse(moved: Alignment) -> Alignment:
    grow = complex(1 + moved.scale, moved.rotation)
    back = -complex(*moved.shift_px) / grow
    turn = 1 / grow
    return Alignment((back.real, back.imag), turn.real - 1, turn.imag)


def corner_error(found: Alignment, true: Alignment, size: tuple[int, int]) -> float:
    corners = np.array([[x, y] for x in (-0.5, 0.5) for y in (-0.5, 0.5)]) * size[::-1]
    miss = found.displacement(corners) - true.displacement(corners)
    return float(np.linalg.norm(miss, axis=1).max())


if __name__ == "__main__":
    main()
