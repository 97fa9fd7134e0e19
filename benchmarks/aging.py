"""How many crops a second aging makes, per core and in several processes.

    python benchmarks/aging.py [--side 256] [--crops 200] [--processes 1 2 4 16] [--library FOLDER]

The crops are synthetic, so that no data is needed. Processor time does not count what other
programs take from the clock; wall time does.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import os
import time

import cv2
import numpy as np

from unfade.darkroom import Darkroom
from unfade.degrade import PRESETS, draw_aging
from unfade.photo import Photo
from unfade.pipeline import run

Task = tuple[str, float, int, int, str]


def crop_of(side: int) -> Photo:
    """Something like a photo: soft areas from dark to light, with some texture."""
    rng = np.random.default_rng(0)
    ground = cv2.resize(rng.random((6, 6, 3), np.float32), (side, side))
    noise = rng.standard_normal((side, side, 3), np.float32) * np.float32(0.02)
    return Photo(np.clip(ground + noise, 0, 1).astype(np.float32))


def age_crops(task: Task) -> tuple[float, dict[str, tuple[int, float]]]:
    """Age crops of one preset: processor seconds in all, and count and seconds by stage."""
    preset, severity, side, crops, library = task
    cv2.setNumThreads(1)
    photo, room = crop_of(side), Darkroom()
    stages: dict[str, tuple[int, float]] = collections.defaultdict(lambda: (0, 0.0))
    start = time.process_time()
    for seed in range(crops):
        rng = np.random.default_rng(seed)
        recipe = draw_aging(rng, preset, severity, size=photo.size, library=library)
        for step in run(photo, recipe, room).history:
            count, seconds = stages[step.stage]
            stages[step.stage] = (count + 1, seconds + step.seconds)
    return time.process_time() - start, dict(stages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--crops", type=int, default=200)
    parser.add_argument("--severity", type=float, default=0.5)
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), choices=list(PRESETS))
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--library", default="", help="folder of artefact shapes")
    args = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{args.side} px crops, severity {args.severity}, load before {load:.1f}")
    print("\npreset, milliseconds of processor time per crop, crops per second per core")
    for preset in args.presets:
        task = (preset, args.severity, args.side, args.crops, args.library)
        age_crops((preset, args.severity, args.side, 3, args.library))
        seconds, stages = age_crops(task)
        slow = sorted(stages.items(), key=lambda pair: -pair[1][1])[:3]
        told = ", ".join(f"{name} {sum_ / args.crops * 1e3:.1f}" for name, (_, sum_) in slow)
        each = seconds / args.crops
        print(f"{preset:20s} {each * 1e3:6.1f} {1 / each:7.1f}   slowest: {told}")
    print("\nprocesses, crops per second of the clock, all together (old-photo-mixed)")
    context = multiprocessing.get_context("spawn")
    for count in args.processes:
        task = ("old-photo-mixed", args.severity, args.side, args.crops, args.library)
        with context.Pool(count) as pool:
            pool.map(age_crops, [(*task[:3], 2, args.library)] * count, chunksize=1)
            start = time.perf_counter()
            pool.map(age_crops, [task] * count, chunksize=1)
            print(f"{count:3d} {count * args.crops / (time.perf_counter() - start):8.1f}")


if __name__ == "__main__":
    main()
