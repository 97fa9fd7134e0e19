"""How a batch scales with processes, and whether its memory stays flat.

    python benchmarks/batch.py --source FOLDER --photos 1000 --megapixels 2 --processes 1 2

Photos are made from those of a folder: enlarged to the size asked, each turned and cut a little
differently, as JPEG. Every run restores all of them into a fresh folder with its ledger, as
`unfade restore --jobs N --threads T` does. Throughput is counted from the first results on, so that
starting up does not count; memory is what all processes hold, sampled at every result. Nothing
else should run on the machine: the load of others is printed, and spoils the ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from unfade.batch.campaign import run_campaign
from unfade.batch.pool import Pool
from unfade.batch.resume import Wish
from unfade.batch.share import Share, cores
from unfade.batch.stop import Stop
from unfade.io.proxy import read_proxy
from unfade.io.read import PHOTO_SUFFIXES
from unfade.io.write import write
from unfade.jobs.job import Equipment, Job
from unfade.jobs.outcome import State
from unfade.photo import Photo

MEMORY = 2**30


class Silence:
    """A watch that says nothing."""

    def photo(self, name: str, lane: int = 0) -> None:
        pass

    def tile(self, stage: str, done: int, total: int, lane: int = 0) -> None:
        pass

    def finished(self, lane: int | None = 0) -> None:
        pass


def make_photos(source: Path, out: Path, count: int, megapixels: float) -> list[Path]:
    """Write `count` different photos of about so many megapixels."""
    known = sorted(path for path in source.iterdir() if path.suffix.lower() in PHOTO_SUFFIXES)
    rng = np.random.default_rng(0)
    made = []
    for number in range(count):
        pixels = read_proxy(known[number % len(known)], 4096).photo.pixels
        if number // len(known) % 2:
            pixels = pixels[:, ::-1]
        height, width = pixels.shape[:2]
        top, left = rng.integers(0, height // 16 + 1), rng.integers(0, width // 16 + 1)
        pixels = np.ascontiguousarray(pixels[top:, left:])
        factor = (megapixels * 1e6 / (pixels.shape[0] * pixels.shape[1])) ** 0.5
        size = (round(pixels.shape[1] * factor), round(pixels.shape[0] * factor))
        large = cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC)
        large = large.reshape(size[1], size[0], -1)
        path = out / f"{number:05}.jpg"
        write(Photo(np.clip(large, 0, 1)), path, quality=92)
        made.append(path)
    return made


def measure(photos: list[Path], out: Path, processes: int, threads: int) -> dict[str, object]:
    """Restore all photos; throughput, processor time and memory."""
    tools = Equipment("auto", threads, MEMORY)
    jobs = [Job(str(path), str(out / path.name), equipment=tools) for path in photos]
    pool = Pool(Share(processes, threads, MEMORY), Stop(), Silence())
    times, memory, states = [], [], []
    for outcome in run_campaign(jobs, pool, Wish(out)):
        times.append(time.perf_counter())
        memory.append(held() / 2**20)
        states.append(outcome.state)
    # Each process has done one photo, and has opened all networks.
    warm = min(2 * processes, len(times) // 2)
    fifth = max(1, (len(memory) - warm) // 5)
    return {
        "processes": processes,
        "threads": threads,
        "photos": len(photos),
        "failed": sum(state is State.FAILED for state in states),
        "photos_per_minute": 60 * (len(times) - warm) / (times[-1] - times[warm - 1]),
        "memory_first_fifth_mib": statistics.median(memory[warm : warm + fifth]),
        "memory_last_fifth_mib": statistics.median(memory[-fifth:]),
        "memory_most_mib": max(memory),
        "load_of_all": os.getloadavg()[0],
    }


def held() -> int:
    """Bytes of memory that this process and its children hold."""
    return sum(_resident(pid) for pid in (os.getpid(), *_children(os.getpid())))


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield int(child)
            yield from _children(int(child))


def _resident(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/statm").read_text()
    except OSError:
        return 0
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, required=True, help="folder of photos")
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--megapixels", type=float, default=2.0)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    print(f"{cores()} cores, load before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="unfade-batch-") as folder:
        (Path(folder) / "photos").mkdir()
        photos = make_photos(
            options.source, Path(folder) / "photos", options.photos, options.megapixels
        )
        results = []
        for processes in options.processes:
            out = Path(folder) / f"out-{processes}"
            results.append(measure(photos, out, processes, options.threads))
            if not options.json:
                print(_line(results[-1], results[0]), flush=True)
    if options.json:
        print(json.dumps(results, indent=2))


def _line(result: dict[str, object], first: dict[str, object]) -> str:
    ratio = float(str(result["photos_per_minute"])) / float(str(first["photos_per_minute"]))
    return (
        f"{result['processes']} processes x {result['threads']} threads: "
        f"{result['photos_per_minute']:.1f} photos/min ({ratio:.2f} x), {result['failed']} failed, "
        f"memory {result['memory_first_fifth_mib']:.0f} -> "
        f"{result['memory_last_fifth_mib']:.0f} MiB (most {result['memory_most_mib']:.0f}), "
        f"load {result['load_of_all']:.1f}"
    )


if __name__ == "__main__":
    main()
