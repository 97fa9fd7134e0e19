"""Marks on real old photos against what a person said of them.

    python benchmarks/judged.py benchmarks/judged/VERDICTS.json PHOTOS... [--json FILE]

Of the marks that a damage network proposed, a person judged those it was surest of, and on worn
photos the others too: damage, detail of the picture, or nobody can tell. Counted is what the
default recipe keeps of each; damage that the network of today does not propose counts as missed.
What a person drew besides counts by itself: a mark is found if half of its pixels are.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unfade.darkroom import Darkroom
from unfade.models.zoo import Zoo
from unfade.stages.damage import DetectDamage, find_damage
from unfade.stages.marks import Candidates, candidates, likelihood_among, usual_share, with_care
from unfade.stages.verify import evidence
from unfade.train.drawn import Drawing
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
    answers = [judge(photo, room) for photo in photos]
    likely = np.concatenate([answer.likely for answer in answers])
    truth = np.concatenate([answer.truth for answer in answers])
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
            "drawn": sum(answer.drawn for answer in answers),
            "drawn_found": sum(answer.found(sensitivity) for answer in answers),
        })  # fmt: skip
    return rows


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the recipe says of one photo.

    Attributes:
        likely, truth: (m,) how likely each candidate is damage, and what a person said of it.
        seen, which: The candidates, and which are large enough to count: (n + 1,).
        drawing: What was drawn, (H, W) as `unfade.train.drawn.draw` gives it.
    """

    likely: Numbers
    truth: Numbers
    seen: Candidates
    which: NDArray[np.bool_]
    drawing: Drawing

    @property
    def drawn(self) -> int:
        """How many marks were drawn and can be seen."""
        return len(np.unique(self.drawing[self.drawing > 0]))

    def found(self, sensitivity: float) -> int:
        """Of how many drawn marks at least half of the pixels are in the mask."""
        stage = DetectDamage(sensitivity=sensitivity)
        kept = np.zeros(len(self.which), np.uint8)
        kept[self.which] = self.likely >= stage.threshold
        width = 2 * stage.grow_px + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
        mask = cv2.dilate(kept[self.seen.labels], kernel) > 0
        numbers = self.drawing[self.drawing > 0]
        areas = np.bincount(numbers)
        hits = np.bincount(self.drawing[mask & (self.drawing > 0)], minlength=len(areas))
        return int(((areas > 0) & (hits >= 0.5 * areas)).sum())


def judge(photo: JudgedPhoto, room: Darkroom) -> Answer:
    """Look for damage on a photo, and at what a person said of it."""
    pixels = photo.photo.pixels
    with room.during("judge"):
        probability, _ = find_damage(photo.photo, room)
        seen = candidates(probability, room)
        large = seen.of_size(DetectDamage().min_area_px)
        speaking = evidence(pixels, probability, seen, large, room)
    likely = with_care(likelihood_among(speaking, usual_share(photo.photo)), seen.sides[large])
    return Answer(likely, photo.truth_of(seen, large), seen, large, photo.drawing)


if __name__ == "__main__":
    main()
