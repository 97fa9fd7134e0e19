"""What lifting veils brings, by kind of veil, and what it does where there is none.

    python benchmarks/veils.py DATA [--library FOLDER] [--certainty 0.98 0.9] [--json FILE]

Each photo is aged by `old-photo-mixed` without any veil, then once more, all else equal, under a
veil; the kinds take turns. Counted is for how many the stage does something, and the PSNR that it
gains over the veiled photo, against the one without; the rows `none` are photos under no veil.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from unfade.darkroom import Darkroom
from unfade.degrade import draw_aging
from unfade.degrade.damage import VEILS
from unfade.degrade.films import draw_film_pixel
from unfade.degrade.veils import draw_veil, under
from unfade.evaluate import scanned
from unfade.io.read import can_read, read
from unfade.metrics import psnr
from unfade.photo import Photo
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.stages.veils import LiftVeils

SEVERITY = 0.5
NONE = "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--library", default="", help="folder of artefact pictures")
    parser.add_argument("--part", default="val", help="part of the library")
    parser.add_argument("--certainty", type=float, nargs="+", default=[LiftVeils().certainty, 0.9])
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    paths = [path for path in sorted(args.data.rglob("*")) if can_read(path)]
    stages = [LiftVeils(certainty=certainty) for certainty in args.certainty]
    told: dict[tuple[float, str], list[float | None]] = {}
    room = Darkroom(args.engine)
    for number, path in enumerate(paths[: args.limit or None]):
        kind = VEILS[number % len(VEILS)]
        clear, veiled = pair(read(path), number, kind, args, room)
        for stage in stages:
            told.setdefault((stage.certainty, NONE), []).append(gain(clear, clear, stage, room))
            told.setdefault((stage.certainty, kind), []).append(gain(veiled, clear, stage, room))
    rows = [summary(*key, values) for key, values in sorted(told.items())]
    for row in rows:
        print(", ".join(f"{k} {v:.4g}" if k != "veil" else str(v) for k, v in row.items()))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")


def pair(
    photo: Photo, number: int, kind: str, args: argparse.Namespace, room: Darkroom
) -> tuple[Photo, Photo]:
    """A photo aged without a veil, and the same under one of a kind."""
    rng = np.random.default_rng(40_000 + number)
    aging = draw_aging(
        rng,
        "old-photo-mixed",
        SEVERITY,
        size=photo.size,
        library=args.library,
        part=args.part,
    )
    veil = draw_veil(rng, kind, photo.size, SEVERITY, draw_film_pixel(rng))
    clear, veiled = (
        scanned(run(photo, Recipe("aged", tuple(under(veils, aging))), room))
        for veils in ((), (veil,))
    )
    return clear, veiled


def gain(photo: Photo, clear: Photo, stage: LiftVeils, room: Darkroom) -> float | None:
    """What the stage gains in dB; None where it does nothing, at most 0 without a veil."""
    with room.during("veils"):
        lifted = stage(photo, room).pixels
    if lifted is None:
        return None
    before = min(60.0, psnr(photo.pixels, clear.pixels))
    return min(60.0, psnr(lifted, clear.pixels)) - before


def summary(certainty: float, veil: str, values: list[float | None]) -> dict[str, Any]:
    gains = [value for value in values if value is not None]
    return {
        "certainty": certainty,
        "veil": veil,
        "photos": len(values),
        "lifted": len(gains),
        "worse": sum(value < 0 for value in gains),
        "gain_db_where_lifted": float(np.mean(gains)) if gains else 0.0,
        "gain_db": sum(gains) / len(values),
    }


if __name__ == "__main__":
    main()
