"""The same old photos as if they had been scanned finer: is their damage still found?

    python benchmarks/finer.py benchmarks/judged/VERDICTS.json PHOTOS... [--times 1 2 3 4 6]
        [--photos 36] [--json FILE]

Each photo is enlarged so many times (cubic, which makes it no sharper) and gets a little noise. Of
the marks that are proposed at its own size, and on which a person gave a verdict, those count as
kept of which at least half is in the mask of the enlarged photo; once with a look at the enlarged
photo alone, and once as the stage does it, at smaller sizes as well.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np
from numpy.typing import NDArray

from unfade.darkroom import Darkroom
from unfade.photo import Photo
from unfade.stages import damage
from unfade.stages.damage import DetectDamage, find_damage
from unfade.stages.marks import candidates
from unfade.train.judged import JudgedPhoto, open_judged

NOISE = 1.5 / 255


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("verdicts")
    parser.add_argument("places", nargs="+", help="folders or tar files of the photos")
    parser.add_argument("--times", type=int, nargs="+", default=[1, 2, 3, 4, 6])
    parser.add_argument("--photos", type=int, default=36, help="so many, evenly chosen")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    judged = open_judged(args.verdicts, *args.places)
    judged = judged[:: max(1, len(judged) // args.photos)]
    told = []
    for row in measure(judged, args.times, Darkroom()):
        print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        told.append(row)
    if args.json:
        args.json.write_text(json.dumps(told, indent=1) + "\n")


def measure(
    photos: Sequence[JudgedPhoto], times: Sequence[int], room: Darkroom
) -> Iterator[dict[str, Any]]:
    """What is kept of the marks of each sort, at each enlargement, by either look."""
    for factor in times:
        for sizes in ("its own", "all"):
            counts = np.zeros(3, int)
            for number, photo in enumerate(photos):
                mask = _mask(_enlarged(photo.photo, factor, number), sizes, room)
                counts += _kept(photo, mask, room)
            names = ("damage_kept", "detail_kept", "others_kept")
            kept = dict(zip(names, counts.tolist(), strict=True))
            yield {"enlarged": factor, "sizes": sizes, "photos": len(photos)} | kept


def _enlarged(photo: Photo, factor: int, seed: int) -> Photo:
    if factor == 1:
        return photo
    height, width = (side * factor for side in photo.size)
    large = cv2.resize(photo.pixels, (width, height), interpolation=cv2.INTER_CUBIC)
    large = large.reshape(height, width, -1)
    large += np.random.default_rng(seed).normal(0, NOISE, large.shape).astype(np.float32)
    return Photo(np.clip(large, 0, 1))


def _mask(photo: Photo, sizes: str, room: Darkroom) -> NDArray[np.float32]:
    with room.during("finer"):
        if sizes == "all":
            found = DetectDamage()(photo, room).damage
        else:
            with mock.patch.object(damage, "smaller", return_value=()):
                found = DetectDamage()(photo, room).damage
    assert found is not None
    return found


def _kept(photo: JudgedPhoto, mask: NDArray[np.float32], room: Darkroom) -> NDArray[np.int64]:
    """How many marks are in the mask: of damage, of detail, and of what nobody can tell."""
    with room.during("finer"):
        seen = candidates(find_damage(photo.photo, room)[0], room)
    large = seen.of_size(DetectDamage().min_area_px)
    truth = photo.truth_of(seen, large)
    size = photo.photo.size
    own = cv2.resize(mask, size[::-1], interpolation=cv2.INTER_AREA)
    hits = np.bincount(seen.labels.ravel(), own.ravel(), len(seen.areas))
    kept = (hits >= 0.5 * seen.areas)[large]
    sorts = (truth == 1, truth == 0, ~np.isfinite(truth))
    return np.array([np.count_nonzero(kept & sort) for sort in sorts])


if __name__ == "__main__":
    main()
