"""How the cost of `unfade restore` grows: megapixels 1 to 400, threads 1 to all.

    python benchmarks/scaling.py DATA [--megapixels 1 4 12 48 100 400] [--threads 1 2]
        [--repeat 1] [--json FILE]

A 12-megapixel scan is made of photos of DATA, aged as film, and cut or repeated to each size as
JPEG. Each size is restored with all threads, 12 megapixels also with each number of threads, from
opening to written in a process of its own; of several repetitions the fastest counts.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import pyvips

from speed import make_scan_apart, restore
from unfade.report.versions import versions

MIDDLE = 12.0
"""The size that is made, and at which numbers of threads are compared."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 4, 12, 48, 100, 400])
    parser.add_argument("--threads", type=int, nargs="+", default=all_threads())
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    told: dict[str, Any] = {"machine": versions(("openvino",)), "engine": args.engine, "runs": []}
    wanted = [(size, max(args.threads)) for size in args.megapixels]
    wanted += [(MIDDLE, count) for count in args.threads if (MIDDLE, count) not in wanted]
    with tempfile.TemporaryDirectory() as folder:
        middle = Path(folder) / "middle.jpg"
        make_scan_apart(middle, args.data, MIDDLE, 8)
        for megapixels, threads in wanted:
            scan = middle.with_name("scan.jpg")
            size = resize(middle, scan, megapixels)
            load = os.getloadavg()[0]
            options = ["--threads", str(threads)]
            runs = [restore(scan, args.engine, options) for _ in range(args.repeat)]
            spent = min(runs, key=lambda run: run.seconds)
            row = {"megapixels": size, "threads": threads, "load": load, **spent._asdict()}
            row["seconds_per_megapixel"] = spent.seconds / size
            told["runs"].append(row)
            print(
                f"{size:.1f} MP, {threads} threads: {spent.seconds:.1f} s, "
                f"{spent.seconds / size:.3f} s/MP, {spent.memory_mib:.0f} MiB",
                flush=True,
            )
    if args.json:
        args.json.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def all_threads() -> list[int]:
    """1, 2, 4 and so on, and the number of cores."""
    cores = os.cpu_count() or 1
    return sorted({*(2**k for k in range(cores.bit_length()) if 2**k <= cores), cores})


def resize(source: Path, target: Path, megapixels: float) -> float:
    """Cut or repeat a picture to a size of the same shape; gives the megapixels it became."""
    picture = pyvips.Image.new_from_file(str(source))
    scale = math.sqrt(megapixels * 1e6 / (picture.width * picture.height))
    width, height = round(picture.width * scale), round(picture.height * scale)
    across, down = -(-width // picture.width), -(-height // picture.height)
    picture.replicate(across, down).crop(0, 0, width, height).jpegsave(str(target), Q=92)
    return width * height / 1e6


if __name__ == "__main__":
    main()
