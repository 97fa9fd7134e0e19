"""What tiles save: the two slowest stages with tiles as they were, and as they are.

    python benchmarks/speedups.py DATA [--megapixels 12] [--rounds 3] [--json FILE]

Damage detection and inpainting take most of the time of the default recipe on a dusty scan, and
both pay for the border around each tile that a network must see. As they were, tiles were at most
1024 pixels wide, and fewer where a card asked for 320 bytes per pixel, filling took 512, and one
was done after the other. As they are, cards say what their network really needs and bf16 half of
it, filling takes the tiles that read least around the marks, and two are done at once, so that
what is prepared on one core hides behind the network. Both are run on the same scan (photos of
DATA, aged as film) in the same process by turns; the command fails where a pixel differs by more
than 1/255. What is told are seconds and pixels read, the median over rounds of the ratio within a
round, and the largest difference.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roofline import make_scan
from unfade.choose import load_recipe
from unfade.darkroom import Darkroom
from unfade.models.model import Model
from unfade.photo import Photo
from unfade.pipeline import run
from unfade.recipe import Recipe, Stage
from unfade.report.versions import versions
from unfade.tiling import tiles

STAGES = ("damage", "inpaint")
OLD_BYTES_PER_PIXEL = 320
OLD_MOST = 1024
OLD_FILLING = 512


class Counting(Darkroom):
    """A darkroom that adds up the pixels which the tiles of `map` read."""

    read = 0

    def map(self, fn: Any, *arrays: Any, out: NDArray[Any], **options: Any) -> NDArray[Any]:
        where = options.get("where")
        border = (options.get("halo", 0), options.get("multiple_of", 1))
        for piece in tiles(out.shape[:2], options.get("tile", 1024), *border):
            if where is None or where[piece.core].any():
                rows, cols = piece.read
                self.read += (rows.stop - rows.start) * (cols.stop - cols.start)
        return super().map(fn, *arrays, out=out, **options)


class AsBefore(Counting):
    """Tiles as they were."""

    lanes = 1

    def tile_for(self, model: Model, size: tuple[int, int]) -> int:
        # Twice as many in bf16, which then counted as 32-bit floats.
        needed = OLD_BYTES_PER_PIXEL * 4 // self.engine.number_bytes
        card = dataclasses.replace(model.card, bytes_per_pixel=needed)
        return min(OLD_MOST, super().tile_for(Model(model.network, card), size))

    def tile_where(self, where: NDArray[Any], halo: int, most: int) -> int:
        return min(OLD_FILLING, most)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    photo = make_scan(args.data, args.megapixels)
    rooms = [kind(threads=args.threads) for kind in (AsBefore, Counting)]
    told: dict[str, Any] = {"machine": versions((rooms[0].engine.name,)), "stages": []}
    for stage in (stage for stage in load_recipe("print") if stage.name in STAGES):
        entry, photo = compare(stage, photo, rooms, args.rounds)
        told["stages"].append(entry)
        print(
            f"{entry['stage']}: {entry['seconds'][0]:.2f} -> {entry['seconds'][1]:.2f} s "
            f"({entry['ratio']:.2f} x), pixels read {entry['read'][0]:.2f} -> "
            f"{entry['read'][1]:.2f} times the picture",
            flush=True,
        )
    told["megapixels"] = photo.size[0] * photo.size[1] / 1e6
    if args.json:
        args.json.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def compare(
    stage: Stage, photo: Photo, rooms: list[Counting], rounds: int
) -> tuple[dict[str, Any], Photo]:
    """Time one stage in each darkroom by turns, after a warm-up; its result goes on."""
    results = [run(photo, Recipe(stage.name, (stage,)), room) for room in rooms]
    apart = difference(stage.name, *results)
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for room, spent in zip(rooms, times, strict=True):
            room.read, start = 0, time.perf_counter()
            run(photo, Recipe(stage.name, (stage,)), room)
            spent.append(time.perf_counter() - start)
    area = photo.size[0] * photo.size[1]
    entry = {
        "stage": stage.name,
        "seconds": [statistics.median(spent) for spent in times],
        "ratio": statistics.median(a / b for a, b in zip(*times, strict=True)),
        "read": [room.read / area for room in rooms],
        "difference": apart,
    }
    return entry, results[1]


def difference(name: str, before: Photo, after: Photo) -> float:
    """The largest difference of pixels or damage, in [0, 1] units; speed must not cost quality.

    Raises:
        SystemExit: It is more than a grey level.
    """
    apart = float(np.abs(before.pixels - after.pixels).max())
    if before.damage is not None and after.damage is not None:
        apart = max(apart, float(np.abs(before.damage - after.damage).max()))
    if apart > 1 / 255:
        raise SystemExit(f"{name}: tiles change the result by {apart * 255:.1f}/255")
    return apart


if __name__ == "__main__":
    main()
