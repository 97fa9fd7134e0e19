"""What a million and a billion photos would cost, on paper, from what was measured.

    python benchmarks/plan.py speed.json [--megapixels 12] [--gpu-tflops 20] [--json FILE]

`speed.json` is of `compare_speed.py --json`. Core-hours are processor time of `unfade restore`
(opening, restoring, writing, start of the process): a core that waits can work on another photo.
Traffic is the bytes of the scan
read and of the result written. GPU-hours are *assumed, not measured*: the operations of the
networks over a sustained speed that is given, while all that is not a network stays on the cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

WHOLE = "unfade restore"
PHOTOS = (10**6, 10**9)
PHOTO_MEGAPIXELS = 12.0
GPU_TFLOPS = 20.0
"""Sustained, an assumption: a third of the 32-bit peak of a large GPU of 2023."""

FARM = 1000
"""Cores that share the work, for the days it takes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("speed", type=Path)
    parser.add_argument("--megapixels", type=float, default=PHOTO_MEGAPIXELS)
    parser.add_argument("--gpu-tflops", type=float, default=GPU_TFLOPS)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    speed = json.loads(args.speed.read_text("utf-8"))
    told = plan(speed, args.megapixels, args.gpu_tflops)
    for row in told["photos"]:
        print(", ".join(f"{name} {value:,.4g}" for name, value in row.items()))
    if args.json:
        args.json.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def plan(speed: Mapping[str, Any], megapixels: float, gpu_tflops: float) -> dict[str, Any]:
    """Scale what one scan took to many photos.

    Args:
        speed: What `compare_speed.py` wrote; it must have the contestant `unfade restore`, and
            for GPU-hours the stages in some engine.
        megapixels: Of a photo.
        gpu_tflops: Sustained operations per second of a GPU, in 1e12.
    Raises:
        ValueError: `unfade restore` was not timed.
    """
    found = speed["contestants"]
    whole = next((c for c in found if c["name"] == WHOLE and c["engine"] == "auto"), None)
    if whole is None:
        raise ValueError("the comparison of speeds lacks `unfade restore`; run it without --only")
    scale = megapixels / whole["megapixels"]
    middle = {
        name: statistics.median(each[name] for each in whole["rounds"]) * scale
        for name in ("processor_seconds", "read_bytes", "written_bytes")
    }
    core_hours = middle["processor_seconds"] / 3600
    per_photo = {
        "core_hours": core_hours,
        "days_on_farm": core_hours / FARM / 24,
        "read_tb": middle["read_bytes"] / 1e12,
        "written_tb": middle["written_bytes"] / 1e12,
    }
    staged = next((c for c in found if c["kind"] == "stages"), None)
    if staged is not None:
        per_photo |= with_gpu(staged, megapixels, gpu_tflops)
    return {
        "photo_megapixels": megapixels,
        "farm_cores": FARM,
        "gpu_tflops_assumed": gpu_tflops,
        "photos": [
            {"photos": count, **{name: value * count for name, value in per_photo.items()}}
            for count in PHOTOS
        ],
        "farm_mb_per_second": (middle["read_bytes"] + middle["written_bytes"])
        / 1e6
        / (core_hours * 3600 / FARM),
    }


def with_gpu(staged: Mapping[str, Any], megapixels: float, tflops: float) -> dict[str, float]:
    """GPU-hours of the networks, and core-hours of what else the stages do, for one photo."""
    scale = megapixels / staged["megapixels"]
    rounds = [each["stages"] for each in staged["rounds"]]
    gflop = statistics.median(sum(s["gflop"] for s in stages) for stages in rounds)
    rest = statistics.median(
        sum(s["processor_seconds"] - s["network_processor_seconds"] for s in stages)
        for stages in rounds
    )
    return {
        "gpu_hours": gflop * scale / (tflops * 1e3) / 3600,
        "core_hours_beside_gpu": rest * scale / 3600,
    }


if __name__ == "__main__":
    main()
