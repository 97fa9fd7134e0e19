"""Does inverting a simulated color negative give back the photo, and one roll one look?

    python benchmarks/negatives.py DATA [--photos 32] [--save FOLDER]

Photos of DATA are exposed on simulated color negative film: contrast 0.6 (7 % either way in each
channel), a toe, dyes that leak into one another's channels by 2 to 10 %, an orange base, a cast of
up to 0.12 of log exposure per roll, and a frame's own exposure of -0.2 to +0.3. Rolls hold eight
frames. Black and white is the same in grey. Shown is the mean CIEDE2000 of inverted photos to the
originals, each frame measured by itself and as rolls. Consistency: two overlapping crops of
one frame are inverted, each by itself and as frames of the roll, and compared where they overlap.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from unfade.color import in_color, to_lab
from unfade.film.density import from_density, to_density
from unfade.film.negative import Negative, frame_white, invert_negative, measure_negative
from unfade.io.read import can_read, read
from unfade.io.write import write
from unfade.metrics.color import ciede2000
from unfade.photo import Photo

ROLL = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--photos", type=int, default=32)
    parser.add_argument("--save", type=Path)
    args = parser.parse_args()
    paths = [path for path in sorted(args.data.rglob("*")) if can_read(path)]
    photos = [read(path).pixels for path in paths[:: max(1, len(paths) // args.photos)]]
    photos = [shrunk(pixels) for pixels in photos if pixels.shape[2] == 3][: args.photos]
    grey = [photo.mean(axis=2, keepdims=True) for photo in photos]
    for name, frames in (("color", photos), ("black and white", grey)):
        compare(name, frames, args.save)


def compare(kind: str, photos: list[np.ndarray], save: Path | None) -> None:
    """Invert rolls of photos, print how near they come, and save sheets of them."""
    rows, consistency = [], []
    for start in range(0, len(photos), ROLL):
        rng = np.random.default_rng(start)
        roll = photos[start : start + ROLL]
        negatives = develop(roll, rng)
        film = measure_negative(negatives)
        for number, (photo, negative) in enumerate(zip(roll, negatives, strict=True)):
            alone = invert_negative(negative, measure_negative([negative]))
            inverted = invert_negative(negative, on(film, negative))
            rows.append((difference(alone, photo), difference(inverted, photo)))
            consistency.append((overlap(negative, None), overlap(negative, film)))
            if save:
                sheet = np.concatenate([photo, negative, alone, inverted], axis=1)
                save.mkdir(parents=True, exist_ok=True)
                write(Photo(sheet), save / f"{kind}-{start + number:02d}.png", bits=8)
    alone, rolls = np.asarray(rows).T
    for name, values in (("frame by frame", alone), ("as rolls", rolls)):
        print(
            f"{kind}, {name}: mean dE2000 {values.mean():.2f}, median {np.median(values):.2f}, "
            f"worst {values.max():.2f}"
        )
    each, together = np.asarray(consistency).T
    print(f"{kind}, overlap of two crops: alone {each.mean():.2f}, as a roll {together.mean():.2f}")


def on(film: Negative, negative: np.ndarray) -> Negative:
    return film.exposed(frame_white(negative, film))


def shrunk(pixels: np.ndarray) -> np.ndarray:
    factor = 384 / max(pixels.shape[:2])
    return cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def develop(roll: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Expose photos on one film, and scan it."""
    channels = roll[0].shape[2]
    mixing = np.eye(3) + rng.uniform(0.02, 0.1, (3, 3)) * (1 - np.eye(3))
    contrast = 0.6 * rng.uniform(0.93, 1.07, 3)
    base = np.array([0.25, 0.6, 0.9]) * rng.uniform(0.85, 1.15)
    cast = rng.uniform(-0.12, 0.12, 3)
    if channels == 1:
        mixing, contrast, base, cast = np.eye(1), contrast[:1], base[:1], cast[:1]
    frames = []
    for pixels in roll:
        exposure = 2.4 - to_density(pixels).astype(np.float64) + rng.uniform(-0.2, 0.3) + cast
        exposure = np.log1p(np.exp(6 * exposure)) / 6
        density = (exposure * contrast) @ mixing.T + base
        frames.append(from_density(density.astype(np.float32)))
    return frames


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(ciede2000(*(to_lab(in_color(pixels)) for pixels in (a, b))).mean())


def overlap(negative: np.ndarray, film: Negative | None) -> float:
    """Difference between the middle of a frame, as two crops of two thirds show it."""
    width = negative.shape[1]
    third = width // 3
    crops = (negative[:, : 2 * third], negative[:, third : 3 * third])
    left, right = (
        invert_negative(crop, measure_negative([crop]) if film is None else on(film, crop))
        for crop in crops
    )
    return difference(left[:, third:], right[:, :third])


if __name__ == "__main__":
    main()
