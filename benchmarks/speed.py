"""Time and memory of `unfade restore`, open to written, on a made-up scan.

    python benchmarks/speed.py DATA [--megapixels 12] [--bits 8] [--repeat 3] [--engines ...]
        [--json FILE]

A scan is laid together from enlarged photos of DATA, aged as film (dust, hair, scratches, grain,
fading) and written as JPEG (8 bit) or uncompressed TIFF (16 bit). Each engine then restores it in
a process of its own, in turn; seconds and peak resident memory are those of that process.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from unfade.darkroom import Darkroom
from unfade.degrade import draw_aging
from unfade.io.read import can_read, read
from unfade.io.write import write
from unfade.photo import Metadata, Photo
from unfade.pipeline import run
from unfade.report.versions import versions


class Spent(NamedTuple):
    """What a process took: seconds by the clock and of all its threads, peak memory in MiB."""

    seconds: float
    processor_seconds: float
    memory_mib: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--bits", type=int, choices=(8, 16), default=8)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--engines", nargs="+", default=["auto"])
    parser.add_argument("--options", nargs="*", default=[], help="more options, without dashes")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    told: dict[str, Any] = {"machine": versions(tuple(args.engines)), "runs": []}
    with tempfile.TemporaryDirectory() as folder:
        scan = Path(folder) / ("scan.jpg" if args.bits == 8 else "scan.tif")
        make_scan_apart(scan, args.data, args.megapixels, args.bits)
        told |= {"megapixels": args.megapixels, "bits": args.bits, "options": args.options}
        told["scan_bytes"] = scan.stat().st_size
        print(f"{scan.name}: {scan.stat().st_size / 2**20:.1f} MB")
        for round_number in range(args.repeat):
            for engine in args.engines:
                spent = restore(scan, engine, [f"--{o}" for o in args.options])
                told["runs"].append({"engine": engine, **spent._asdict()})
                print(
                    f"round {round_number + 1} {engine}: {spent.seconds:.2f} s, "
                    f"{spent.memory_mib:.0f} MiB"
                )
    if args.json:
        args.json.write_text(json.dumps(told, indent=1), "utf-8")


def make_scan_apart(path: Path, data: Path, megapixels: float, bits: int) -> None:
    """Make a scan in a process of its own: a child is charged for what its parent held."""
    process = multiprocessing.get_context("spawn").Process(
        target=make_scan, args=(path, data, megapixels, bits)
    )
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"the scan could not be made of the photos in {data}")


def make_scan(path: Path, data: Path, megapixels: float, bits: int) -> None:
    """Lay photos together at two thirds of the picture's side, enlarge, age and write."""
    height = int((megapixels * 1e6 / 1.5) ** 0.5)
    width = int(height * 1.5)
    photos = [p for p in sorted(data.rglob("*")) if can_read(p)][:6]
    cell = (width // 3, height // 2)
    pieces = [_cell(read(path).pixels, cell) for path in photos]
    rows = [np.hstack(pieces[:3]), np.hstack(pieces[3:])]
    clean = Photo(np.clip(np.vstack(rows), 0, 1), metadata=Metadata(bits=bits))
    aging = draw_aging(np.random.default_rng(4), "film-35mm", 0.4, size=clean.size)
    aged = run(clean, aging, Darkroom(memory=64 * 2**30))
    pixels = np.clip(aged.pixels, 0, 1)
    write(Photo(pixels, metadata=Metadata(bits=bits)), path, quality=92)


def _cell(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    large = cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC)
    return np.repeat(large[:, :, None], 3, axis=2) if large.ndim == 2 else large


def restore(scan: Path, engine: str, options: list[str]) -> Spent:
    """Restore in a fresh process into the folder `out` beside the scan."""
    out = scan.parent / "out"
    command = [sys.executable, "-m", "unfade", "restore", str(scan), "-o", str(out)]
    command += ["--engine", engine, "--overwrite", *options]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with status {status}")
    seconds = time.perf_counter() - start
    return Spent(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
