"""Marks on real old photos against what a person said of them.

    python benchmarks/judged.py benchmarks/judged/VERDICTS.json PHOTOS... [--json FILE]

Of the marks that a damage network proposed, a person judged those it was surest of, and on worn
photos the others too: damage, detail of the picture, or nobody can tell. Counted is what is kept of
each by the recipe that is chosen for the photo, and at a few sensitivities; damage that the network
of today does not propose counts as missed. What a person drew besides counts by itself: a mark is
found if half of its pixels are. Specks are many and cracks are few, so of these the large ones are
counted once more, and the share of all drawn pixels.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unfade.choose import choose_recipe
from unfade.darkroom import Darkroom
from unfade.models.zoo import Zoo
from unfade.photo import Pixels
from unfade.stages.damage import DetectDamage, find_damage
from unfade.stages.marks import usual_share
from unfade.stages.weigh import Weighed, weigh
from unfade.train.drawn import Drawing
from unfade.train.judged import JudgedPhoto, open_judged

Numbers = NDArray[np.floating]
SENSITIVITIES = (0.3, 0.5, 0.7)
DEFAULT = "default"
"""In the place of a sensitivity: what the recipe has that is chosen for a photo."""

LARGE_PX = 24
"""Longer side from which a drawn mark is large: no speck, but a scratch, a crease or a stain."""


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
        print(", ".join(f"{key} {value}" for key, value in row.items()))
    if args.json:
        args.json.write_text(json.dumps(told, indent=1) + "\n")


def measure(photos: Sequence[JudgedPhoto], room: Darkroom) -> list[dict[str, Any]]:
    """What is kept by default and at each sensitivity, of damage, of detail, and of the others."""
    answers = [judge(photo, room) for photo in photos]
    truth = np.concatenate([answer.truth for answer in answers])
    damage, detail = truth == 1, truth == 0
    judged = sum(int((photo.verdicts.truth == 1).sum()) for photo in photos)
    rows = []
    for sensitivity in (DEFAULT, *SENSITIVITIES):
        kept = np.concatenate([answer.kept(sensitivity) for answer in answers])
        sides, areas, hits = np.concatenate([a.found(sensitivity, room) for a in answers]).T
        found, large = hits >= 0.5 * areas, sides >= LARGE_PX
        rows.append({
            "sensitivity": sensitivity,
            "photos": len(photos),
            "damage": judged,
            "damage_proposed": int(damage.sum()),
            "damage_kept": int((kept & damage).sum()),
            "detail": int(detail.sum()),
            "detail_kept": int((kept & detail).sum()),
            "others_kept": int((kept & ~damage & ~detail).sum()),
            "drawn": len(areas),
            "drawn_found": int(found.sum()),
            "drawn_large": int(large.sum()),
            "drawn_large_found": int((found & large).sum()),
            "drawn_area_found": round(float(hits.sum() / max(1, areas.sum())), 4),
        })  # fmt: skip
    return rows


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the recipe says of one photo.

    Attributes:
        weighed: Its candidates, and how likely each is damage.
        truth: (m,) what a person said of them.
        drawing: What was drawn, (H, W) as `unfade.train.drawn.draw` gives it.
        sides: (n,) longer side in pixels of each mark that was drawn.
        usual: How damage is looked for by the recipe that is chosen for this photo.
        pixels: Of the photo.
    """

    weighed: Weighed
    truth: Numbers
    drawing: Drawing
    sides: NDArray[np.int64]
    usual: DetectDamage
    pixels: Pixels

    def kept(self, sensitivity: float | str) -> NDArray[np.bool_]:
        """Which candidates (m,) are marks at a sensitivity, or by `DEFAULT`."""
        usual = sensitivity == DEFAULT
        stage = self.usual if usual else DetectDamage(sensitivity=float(sensitivity))
        return self.weighed.likely >= stage.threshold

    def found(self, sensitivity: float | str, room: Darkroom) -> NDArray[np.int64]:
        """(n, 3) of the marks that were drawn and can be seen: the longer side, the pixels, and
        how many of these are in the mask."""
        kept, grow_px = self.kept(sensitivity), self.usual.grow_px
        mask = self.weighed.grown(kept, grow_px, self.pixels, room) > 0
        count = len(self.sides) + 1
        areas = np.bincount(self.drawing[self.drawing > 0], minlength=count)[1:]
        hits = np.bincount(self.drawing[mask & (self.drawing > 0)], minlength=count)[1:]
        return np.stack([self.sides, areas, hits], axis=1)[areas > 0]


def judge(judged: JudgedPhoto, room: Darkroom) -> Answer:
    """Look for damage on a photo, and at what a person said of it."""
    photo = judged.photo
    recipe = choose_recipe(photo, room).recipe
    stage = next(stage for stage in recipe if isinstance(stage, DetectDamage))
    with room.during("judge"):
        probability, _ = find_damage(photo, room)
        weighed = weigh(photo, probability, stage.min_area_px, usual_share(photo), room)
    truth = judged.truth_of(weighed.seen, weighed.asked)
    sides = np.array([mark.length_px for mark in judged.marks], np.int64)
    return Answer(weighed, truth, judged.drawing, sides, stage, photo.pixels)


if __name__ == "__main__":
    main()
