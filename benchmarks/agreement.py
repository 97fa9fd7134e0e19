"""Do engines, precisions and tile sizes agree?

    python benchmarks/agreement.py DATA [--limit 12] [--json FILE]

Restores aged photos with the default recipe on every engine, and runs each network over one large
picture in tiles of 256, 1024 and as a whole.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from unfade.choose import load_recipe
from unfade.darkroom import Darkroom
from unfade.degrade import draw_aging
from unfade.degrade.damage import VISIBLE
from unfade.engines import open_engine
from unfade.errors import EngineError
from unfade.evaluate import age_pair
from unfade.io.read import can_read, read
from unfade.photo import Photo
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.report.versions import versions
from unfade.stages.damage import DetectDamage, damage_probability
from unfade.stages.denoise import Denoise
from unfade.stages.inpaint import Inpaint

ENGINES = ("openvino-fp32", "openvino-bf16", "onnxruntime")


class TiledRoom(Darkroom):
    """A darkroom that cuts tiles of one size, whatever the memory."""

    side = 1024

    def tile_for(self, model: object, size: tuple[int, int]) -> int:
        return self.side

    def tile_where(self, where: object, halo: int, most: int) -> int:
        return self.side


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--limit", type=int, default=12)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    photos = [read(path) for path in sorted(args.data.rglob("*")) if can_read(path)][: args.limit]
    aged = [aged_like(photo, index) for index, photo in enumerate(photos)]
    told = {
        "machine": versions(ENGINES),
        "photos": len(aged),
        "engines": engines(aged),
        "tiles": tiles(enlarged(photos[0])),
    }
    for row in (*told["engines"], *told["tiles"]):
        print(", ".join(f"{name} {value}" for name, value in row.items()))
    if args.json:
        args.json.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def aged_like(photo: Photo, seed: int) -> Photo:
    aging = draw_aging(np.random.default_rng(seed), "old-photo-mixed", 0.5, size=photo.size)
    return age_pair(photo, aging, Darkroom()).aged


def enlarged(photo: Photo) -> Photo:
    large = cv2.resize(photo.pixels, (2304, 1536), interpolation=cv2.INTER_CUBIC)
    return Photo(np.clip(large, 0, 1).reshape(1536, 2304, -1))


def engines(photos: list[Photo]) -> list[dict[str, Any]]:
    """Share of pixels of which no channel differs by more than 2/255 between engines."""
    recipe, restored, rows = load_recipe("print"), {}, []
    for name in ENGINES:
        try:
            open_engine(name)
        except EngineError as error:
            print(f"left out: {error}")
            continue
        room = Darkroom(name)
        restored[name] = [run(photo, recipe, room).pixels for photo in photos]
    for name in list(restored)[1:]:
        pairs = zip(restored[ENGINES[0]], restored[name], strict=True)
        differences = [np.abs(a - b).max(axis=2).ravel() * 255 for a, b in pairs]
        all_of_them = np.concatenate(differences)
        rows.append(
            {
                "engines": f"{ENGINES[0]}, {name}",
                "within_2": float((all_of_them <= 2).mean()),
                "within_2_worst_photo": min(float((d <= 2).mean()) for d in differences),
                "difference_at_99.9_percent": float(np.percentile(all_of_them, 99.9)),
            }
        )
    return rows


def tiles(clean: Photo) -> list[dict[str, Any]]:
    """Per stage, how far two sizes of tiles are from one tile; in [0, 1] units.

    The largest difference of each, and the larger share of samples above 1e-3. The photo is aged
    as film; what aging damaged is filled.
    """
    aging = draw_aging(np.random.default_rng(0), "film-35mm", 0.5, size=clean.size)
    pair = age_pair(clean, aging, Darkroom())
    photo, mask = pair.aged, (pair.artifacts >= VISIBLE).astype(np.float32)
    rows: list[dict[str, Any]] = []
    for engine in ENGINES:
        try:
            open_engine(engine)
            room = TiledRoom(engine, memory=64 * 2**30)
        except EngineError:
            continue
        for stage in (DetectDamage(), Inpaint(), Denoise(gate=0.0)):
            results = []
            for side in (256, 1024, 4096):
                room.side = side
                if stage.name == "damage":
                    with room.during("damage"):
                        results.append(damage_probability(photo, room))
                else:
                    done = run(Photo(photo.pixels, damage=mask), Recipe("t", (stage,)), room)
                    results.append(done.pixels)
            apart = [np.abs(result - results[2]) for result in results[:2]]
            row: dict[str, Any] = {"engine": engine, "stage": stage.name}
            row |= {side: float(d.max()) for side, d in zip(("256", "1024"), apart, strict=True)}
            row["above_1e-3"] = max(float((d > 1e-3).mean()) for d in apart)
            rows.append(row)
    return rows


if __name__ == "__main__":
    main()
