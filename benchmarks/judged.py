"""Marks on real old photos against what a person said of them.

    python benchmarks/judged.py benchmarks/judged/VERDICTS.json PHOTOS... [--json FILE]

Of the marks that a damage network proposed, a person judged those it was surest of, and on worn
photos the others too: damage, detail of the picture, or nobody can tell. Counted is what the
default recipe keeps of each; damage that the network of today does not propose counts as missed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unfade.darkroom import Darkroom
from unfade.models.zoo import Zoo
from unfade.stages.damage import DetectDamage, damage_probability
from unfade.stages.marks import candidates, likelihood_among
from unfade.stages.verify import evidence
from unfade.train.judged import JudgedPhoto, open_judged

Numbers = NDArray[np.floating]
SENSITIVITIES = (0.3, 0.5, 0.7)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("verdicts")
    parser.add_argument("photos", nargs="+", help="folders or tar files")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--models", type=Path, help="folder of networks in the place of ours")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    zoo = Zoo(args.models) if args.models else Zoo()
    judged = open_judged(args.verdicts, *args.photos)
    told = measure(judged, Darkroom(args.engine, zoo=zoo))
    for row in told:
        print(", ".join(f"{key} {value:.4g}" for key, value in row.items()))
    if args.json:
        args.json.write_text(json.dumps(told, indent=1) + "\n")


def measure(photos: Sequence[JudgedPhoto], room: Darkroom) -> list[dict[str, float]]:
    """What is kept at each sensitivity, of marks that are damage, that are not, and the others."""
    likely, truth = map(np.concatenate, zip(*judge(photos, room), strict=True))
    damage, detail = truth == 1, truth == 0
    judged = sum(int((photo.verdicts.truth == 1).sum()) for photo in photos)
    rows = []
    for sensitivity in SENSITIVITIES:
        kept = likely >= DetectDamage(sensitivity=sensitivity).threshold
        rows.append({
            "sensitivity": sensitivity,
            "photos": len(photos),
            "damage": judged,
            "damage_proposed": int(damage.sum()),
            "damage_kept": int((kept & damage).sum()),
            "detail": int(detail.sum()),
            "detail_kept": int((kept & detail).sum()),
            "others_kept": int((kept & ~damage & ~detail).sum()),
        })  # fmt: skip
    return rows


def judge(photos: Sequence[JudgedPhoto], room: Darkroom) -> Iterator[tuple[Numbers, Numbers]]:
    """How likely the candidates of each photo are damage, and what a person said of them."""
    for photo in photos:
        pixels = photo.photo.pixels
        with room.during("judge"):
            probability = damage_probability(photo.photo, room)
            seen = candidates(probability, room)
            large = seen.of_size(DetectDamage().min_area_px)
            speaking = evidence(pixels, probability, seen, large, room)
        yield likelihood_among(speaking), photo.truth_of(seen, large)


if __name__ == "__main__":
    main()
