"""Inpainting against others: PSNR inside the mask, the masks being those of `quality.py`.

    python benchmarks/inpainting.py DATA --library LIBRARY [--methods ...] [--limit N] [--json FILE]

Telea, Navier-Stokes and biharmonic are those of `unfade evaluate`. The patch-based one (shift map:
He and Sun, Statistics of Patch Offsets for Image Completion, ECCV 2012) and frequency selective
reconstruction (Genser et al., ICIP 2018) come with `opencv-contrib-python-headless` in the place of
`opencv-python-headless`; without it they are left out. All are told the mask.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from quality import FILL, masked_photos
from unfade.color import in_color
from unfade.darkroom import Darkroom
from unfade.evaluate.baselines import biharmonic, navier_stokes, telea
from unfade.io.read import can_read, read
from unfade.metrics import psnr
from unfade.photo import Photo
from unfade.pipeline import run

Pixels = NDArray[np.float32]
Method = Callable[[Pixels, Pixels], Pixels]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--library", default="", help="folder of artefact pictures")
    parser.add_argument("--part", default="val", help="part of the library")
    parser.add_argument("--severity", type=float, default=0.5)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--methods", nargs="*")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    paths = [path for path in sorted(args.data.rglob("*")) if can_read(path)]
    room = Darkroom(args.engine)
    methods: dict[str, Method] = {
        "unfade": lambda holed, mask: run(Photo(holed, damage=mask), FILL, room).pixels,
        "telea": telea,
        "navier_stokes": navier_stokes,
        "biharmonic": biharmonic,
        **contributed(),
    }
    chosen = {name: methods[name] for name in args.methods or methods}
    photos = [read(path) for path in paths[: args.limit or None]]
    told = measure(masked_photos(photos, args, room), chosen)
    for name, row in told.items():
        print(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in row.items()))
    if args.json:
        args.json.write_text(json.dumps({"photos": len(photos), "methods": told}, indent=1) + "\n")


def measure(masked, methods: Mapping[str, Method]) -> dict[str, dict[str, float]]:  # type: ignore[no-untyped-def]
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in methods}
    for photo, mask in masked:
        holed = np.where(mask[:, :, None] > 0, np.float32(1), photo.pixels)
        for name, method in methods.items():
            begin = time.perf_counter()
            filled = np.clip(method(holed, mask), 0, 1).reshape(holed.shape)
            seconds = time.perf_counter() - begin
            rows[name].append((psnr(filled, photo.pixels, mask), seconds / mask.size * 1e6))
    means = {name: np.mean(row, axis=0) for name, row in rows.items()}
    return {
        name: {
            "psnr": float(psnr_inside),
            "ahead_of_it": float(means["unfade"][0] - psnr_inside) if "unfade" in means else 0.0,
            "seconds_per_megapixel": float(seconds),
        }
        for name, (psnr_inside, seconds) in means.items()
    }


def contributed() -> dict[str, Method]:
    if not hasattr(cv2, "xphoto"):
        return {}

    def fill(source: NDArray[np.uint8], mask: Pixels, method: int) -> NDArray[np.uint8]:
        filled = np.zeros_like(source)
        cv2.xphoto.inpaint(source, (mask <= 0).astype(np.uint8) * 255, filled, method)
        return filled

    def patches(holed: Pixels, mask: Pixels) -> Pixels:
        lab = cv2.cvtColor(_eight(holed), cv2.COLOR_RGB2LAB)  # as its documentation advises
        filled = fill(np.asarray(lab, np.uint8), mask, cv2.xphoto.INPAINT_SHIFTMAP)
        return _back(cv2.cvtColor(filled, cv2.COLOR_LAB2RGB))

    def frequencies(holed: Pixels, mask: Pixels) -> Pixels:
        return _back(fill(_eight(holed), mask, cv2.xphoto.INPAINT_FSR_FAST))

    return {"patch_based": patches, "frequency_selective": frequencies}


def _eight(pixels: Pixels) -> NDArray[np.uint8]:
    return np.rint(in_color(pixels) * 255).astype(np.uint8)


def _back(eight: NDArray[np.uint8]) -> Pixels:
    return eight.astype(np.float32) / 255


if __name__ == "__main__":
    main()
