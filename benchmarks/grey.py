"""The experiment of the small photo U-Net: grey, noisy, textured photos restored by one network.

    python benchmarks/grey.py DATA NETWORK.onnx ... [--severity 0.5] [--limit N] [--json FILE]

Photos are aged by the preset `grey-noise-texture` (grey, Gaussian noise, one of 64 textures over
it), each by its own seed, in 8 bit. What a network answers is compared with the clean grey photo:
mean squared error, white being 1, the mean over photos. NETWORK is what `unfade export` writes of a
run such as

    unfade train restore --net photo-unet --mode grey --aging grey-noise-texture --undo all \\
      --loss squared --mask-weight 0 --optimizer muon --lr 0.004 --side 256 --batch 3 \\
      --steps 3400 --data PHOTOS
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unfade.color import luma
from unfade.darkroom import Darkroom
from unfade.degrade import draw_aging
from unfade.evaluate import age_pair, printed
from unfade.evaluate.networks import RunNetwork
from unfade.io.read import can_read, read
from unfade.photo import Photo

PRESET = "grey-noise-texture"

Plane = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("networks", type=Path, nargs="+")
    parser.add_argument("--severity", type=float, default=0.5)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    room = Darkroom(args.engine)
    networks = [RunNetwork(path) for path in args.networks]
    errors: dict[str, list[float]] = {n: [] for n in ("untouched", *(n.name for n in networks))}
    for aged, clean in aged_photos(args.data, args.severity, args.limit, room):
        errors["untouched"].append(_error(aged, clean))
        for network in networks:
            restored = network.restored(aged[:, :, None], room)
            errors[network.name].append(_error(luma(restored), clean))
    told = {
        "photos": len(errors["untouched"]),
        "severity": args.severity,
        "mse": {name: float(np.mean(values)) for name, values in errors.items()},
        "median": {name: float(np.median(values)) for name, values in errors.items()},
    }
    for name in errors:
        print(f"{name}: MSE {told['mse'][name]:.5f}, median {told['median'][name]:.5f}")
    if args.json:
        args.json.write_text(json.dumps(told, indent=1) + "\n")


def aged_photos(
    folder: Path, severity: float, limit: int, room: Darkroom
) -> Iterator[tuple[Plane, Plane]]:
    """Aged and clean, (H, W) each, in [0, 1]."""
    paths = [path for path in sorted(folder.rglob("*")) if can_read(path)]
    for index, path in enumerate(paths[: limit or None]):
        photo = read(path)
        rng = np.random.default_rng(30_000 + index)
        aging = draw_aging(rng, PRESET, severity, size=photo.size)
        aged, clean = age_pair(photo, aging, room).aged, printed(photo, aging, room)
        yield _plane(aged), _plane(clean)


def _plane(photo: Photo) -> Plane:
    return np.asarray(luma(photo.pixels), np.float32)


def _error(picture: Plane, clean: Plane) -> float:
    return float(np.square(picture - clean).mean())


if __name__ == "__main__":
    main()
