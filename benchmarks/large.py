"""Does an enormous scan stay within the memory budget?

    python benchmarks/large.py DATA [--megapixels 400] [--memory 4G] [--options recipe=print]

A 16-bit TIFF is laid together from photos of DATA, enlarged, with dust drawn on it, and restored by
`unfade restore` in a process of its own; `--masked` gives it the mask of the dust. Shown are its
time, the peak of its resident memory as the system counts it (pages of scratch files and programs
included) and how much of that was its own memory, and the sizes of the scan and the result.
`--timeline FILE` writes what it held every half second.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyvips

from unfade.io.read import can_read

DUST = 2e-4
"""Share of the picture, in specks of 32 px."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--megapixels", type=float, default=400)
    parser.add_argument("--memory", default="4G")
    parser.add_argument("--masked", action="store_true", help="give the mask of the dust")
    parser.add_argument("--folder", type=Path, help="where scan and scratch files lie")
    parser.add_argument("--timeline", type=Path, help="tab-separated, for a look at the stages")
    parser.add_argument("--options", nargs="*", default=["recipe=print"], help="without dashes")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        scan = Path(folder) / "scan.tif"
        make_scan(scan, args.data, args.megapixels)
        print(f"scan: {args.megapixels:g} megapixels, {scan.stat().st_size / 2**30:.2f} GiB")
        command = [sys.executable, "-m", "unfade", "restore", str(scan), "-o", f"{folder}/out.tif"]
        command += ["--mask", str(scan.with_name("mask.png"))] if args.masked else []
        command += ["--memory", args.memory, *(f"--{option}" for option in args.options)]
        start = time.perf_counter()
        environment = {**os.environ, "TMPDIR": folder}
        with subprocess.Popen(command, env=environment) as process:
            samples: list[tuple[float, int, int]] = []
            watcher = threading.Thread(target=watch, args=(process.pid, samples))
            watcher.start()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            watcher.join()
        seconds = time.perf_counter() - start
        cpu = usage.ru_utime + usage.ru_stime
        print(f"{seconds:.0f} s ({cpu:.0f} s of processor), peak {usage.ru_maxrss / 2**20:.2f} GiB")
        own = max(own for _, own, _ in samples)
        print(f"its own memory at most {own / 2**20:.2f} GiB (looked at twice a second)")
        out = Path(folder) / "out.tif"
        print(f"result: {out.stat().st_size / 2**30 if out.exists() else 0:.2f} GiB")
        if args.timeline:
            rows = (f"{at:.1f}\t{own >> 10}\t{pages >> 10}" for at, own, pages in samples)
            args.timeline.write_text("second\town MiB\tpages MiB\n" + "\n".join(rows) + "\n")
        print(f"status {process.returncode}, {' '.join(args.options)}, memory {args.memory}")


def watch(pid: int, samples: list[tuple[float, int, int]]) -> None:
    """Note seconds, own memory and pages of files of a process, in KiB, until it ends."""
    start = time.perf_counter()
    while True:
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            return
        held = {name: int(rest.split()[0]) for name, _, rest in (s.partition(":") for s in lines)
                if name.startswith("Rss")}  # fmt: skip
        if not held:
            return
        pages = held["RssFile"] + held["RssShmem"]
        samples.append((time.perf_counter() - start, held["RssAnon"], pages))
        time.sleep(0.5)


def make_scan(path: Path, data: Path, megapixels: float) -> None:
    """Lay six photos together, enlarge them and draw dust; never whole in memory."""
    height = int((megapixels * 1e6 / 1.5) ** 0.5)
    width = int(height * 1.5)
    files = [p for p in sorted(data.rglob("*")) if can_read(p)][:6]
    cells = [pyvips.Image.thumbnail(str(p), 600, height=600, crop="centre")[:3] for p in files]
    sheet = pyvips.Image.arrayjoin(cells, across=3)
    large = sheet.cast("ushort") * 257
    large = large.resize(width / large.width, vscale=height / large.height, kernel="cubic")
    rng = np.random.default_rng(1)
    dust = (rng.random((large.height // 32 + 1, large.width // 32 + 1)) < DUST).astype(
        np.uint8
    ) * 255
    dots = pyvips.Image.new_from_array(dust).zoom(32, 32).crop(0, 0, large.width, large.height)
    dots.pngsave(str(path.with_name("mask.png")), compression=1)
    dusty = (dots > 128).ifthenelse([60000, 60000, 60000], large.cast("ushort"))
    dusty.cast("ushort").copy(interpretation="rgb16").tiffsave(str(path), bigtiff=True)


if __name__ == "__main__":
    main()
