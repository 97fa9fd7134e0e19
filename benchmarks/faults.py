"""Kill a batch at random moments, again and again, and see whether anything is lost or torn.

    python benchmarks/faults.py --source FOLDER --photos 24 --kills 50

Photos are restored once without disturbance. Then the same batch is begun by `unfade restore
--jobs 2` and killed (SIGKILL to the first process alone; its children must end by themselves) after
a random time, until so many kills are done. Each time every result that is there must be whole,
and those that the ledger called done must not be begun again. A last run ends it.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from unfade.batch.ledger import FILE, FOLDER, Ledger, Phase
from unfade.errors import LedgerError, PhotoError
from unfade.io.proxy import read_proxy
from unfade.io.read import PHOTO_SUFFIXES, read
from unfade.io.write import write


def make_photos(source: Path, out: Path, count: int, side: int) -> None:
    """Write small photos of those of a folder."""
    known = sorted(path for path in source.iterdir() if path.suffix.lower() in PHOTO_SUFFIXES)
    for number in range(count):
        write(read_proxy(known[number % len(known)], side).photo, out / f"{number:03}.png")


def start(photos: Path, out: Path, options: list[str]) -> subprocess.Popen[bytes]:
    """Begin the batch."""
    words = ["restore", str(photos), "-o", str(out), "--jobs", "2", *options]
    return subprocess.Popen(
        [sys.executable, "-m", "unfade", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def done(out: Path) -> dict[str, int]:
    """Attempts of the photos that the ledger calls done."""
    if not (out / FOLDER / FILE).is_file():
        return {}
    try:
        with Ledger(out, create=False) as ledger:
            return {e.target: e.attempts for e in ledger.entries() if e.phase is Phase.DONE}
    except LedgerError:
        # Killed while the table was made; a writer makes it anew.
        return {}


def torn(out: Path, truth: Path) -> list[str]:
    """Results that are not what an undisturbed run makes of the photo."""
    bad = []
    for path in sorted(out.glob("*.png")):
        try:
            same = np.array_equal(read(path).to_array(), read(truth / path.name).to_array())
        except PhotoError:
            same = False
        if not same:
            bad.append(path.name)
    return bad


def main() -> None:
    """Run the campaign and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--side", type=int, default=256, help="longest side in pixels")
    parser.add_argument("--longest", type=float, default=8.0, help="latest moment in seconds")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    more = ["--threads", "1", "--engine", "openvino-fp32"]
    with tempfile.TemporaryDirectory(prefix="unfade-faults-") as folder:
        photos, truth, out = (Path(folder) / name for name in ("photos", "truth", "out"))
        photos.mkdir()
        make_photos(options.source, photos, options.photos, options.side)
        start(photos, truth, more).wait()
        kills = rounds = again = 0
        bad: set[str] = set()
        while kills < options.kills:
            before = done(out)
            run = start(photos, out, more)
            try:
                run.wait(rng.uniform(0.3, options.longest))
            except subprocess.TimeoutExpired:
                os.kill(run.pid, signal.SIGKILL)
                run.wait()
                kills += 1
            after = done(out)
            again += sum(after.get(name) != attempts for name, attempts in before.items())
            bad |= set(torn(out, truth))
            if len(after) == options.photos:
                rounds += 1
                for path in (out / FOLDER).rglob("*"):
                    path.unlink() if path.is_file() else None
                for path in out.glob("*.*"):
                    path.unlink() if path.is_file() else None
        ended = start(photos, out, more).wait()
        left = [path.name for path in out.glob(".*") if path.is_file()]
        print(
            f"{kills} kills, {rounds} batches of {options.photos} photos finished between them; "
            f"last run ended with {ended}\n"
            f"torn or wrong results: {sorted(bad) or 'none'}\n"
            f"photos done again though the ledger had them: {again}\n"
            f"missing at the end: {options.photos - len(list(out.glob('*.png')))}\n"
            f"left over: {left or 'nothing'}; wrong at the end: {torn(out, truth) or 'none'}"
        )


if __name__ == "__main__":
    main()
