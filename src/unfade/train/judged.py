"""Marks on real old photos that a person has judged: what no aging can draw.

A file of verdicts is JSON: for each photo its checksum, so that the photos may lie anywhere, and
boxes of marks that are damage, of detail that belongs to the picture, and of what nobody can tell:

    {"photos": [{"sha256": "...", "file": "...", "rest": "detail",
                 "damage": [[left, top, right, bottom], ...], "detail": [], "unsure": [],
                 "drawn": [{"kind": "scratch", "points": [[x, y], ...], "width_px": 2}]}]}

`rest` says what all other marks of the photo are: `detail` if a person went through it and found
no damage, else `unsure`. `drawn` is damage that no network proposed, see `drawn.Drawn`.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ReadError
from ..photo import Photo
from ..stages.marks import Candidates
from .data import Decoded, Pictures, Source, find_sources, gather
from .drawn import Drawing, Drawn, draw

VERDICTS: Mapping[str, float] = {"damage": 1.0, "detail": 0.0, "unsure": np.nan}
"""What a verdict says: how true a mark is, or nothing."""

ALIKE = 0.5
"""Overlap of two boxes over their union, from which they are of the same mark."""

SLACK_PX = 2
"""How much boxes are grown before: two networks draw a speck of 3 px one pixel apart."""

Boxes = NDArray[np.int64]
Truth = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Verdicts:
    """What a person said of the marks of one photo.

    Attributes:
        boxes: (n, 4) left, top, right and bottom in pixels.
        truth: (n,) 1 for damage, 0 for detail, NaN where nobody can tell.
        rest: The same for every other mark.
    """

    boxes: Boxes
    truth: Truth
    rest: float

    def of(self, boxes: Boxes) -> Truth:
        """How true marks with these boxes (m, 4) are: (m,)."""
        told = np.full(len(boxes), self.rest, np.float32)
        if len(boxes) and len(self.boxes):
            shared = overlap(boxes, self.boxes)
            nearest = shared.argmax(axis=1)
            known = shared[np.arange(len(boxes)), nearest] >= ALIKE
            told[known] = self.truth[nearest[known]]
        return told


@dataclasses.dataclass(frozen=True)
class JudgedPhoto:
    """A photo (H, W, 3) uint8, what a person said of its marks, and what he drew besides."""

    pixels: Decoded
    verdicts: Verdicts
    marks: tuple[Drawn, ...] = ()

    @functools.cached_property
    def drawing(self) -> Drawing:
        """Where the marks lie that were drawn: (H, W), as `drawn.draw` gives it."""
        return draw(self.pixels, self.marks)

    def truth_of(self, seen: Candidates, which: NDArray[np.bool_]) -> Truth:
        """How true those candidates are that are asked for, `which` (n + 1,): (m,).

        What lies on a drawn mark for the most part is damage, too; what lies beside it in its
        region nobody can tell.
        """
        told = self.verdicts.of(seen.boxes[which])
        if not self.marks:
            return told
        for value, where in ((np.nan, self.drawing < 0), (1.0, self.drawing > 0)):
            hits = np.bincount(seen.labels.ravel(), where.ravel(), minlength=len(seen.areas))
            told[(hits >= 0.5 * seen.areas)[which]] = value
        return told

    @property
    def photo(self) -> Photo:
        """The photo as the stages take it."""
        return Photo(np.asarray(self.pixels / np.float32(255), np.float32))

    @property
    def damaged(self) -> bool:
        """Whether a person found damage on it."""
        return bool((self.verdicts.truth == 1).any()) or bool(self.marks)


def open_judged(file: str, *places: str, learned: Collection[str] = ()) -> list[JudgedPhoto]:
    """Read a file of verdicts and its photos, which lie in folders or tar files.

    Raises:
        ReadError: As `read_judged`, or one of the places holds no pictures.
    """
    return read_judged(Path(file), gather(places, find_sources), learned)


def read_judged(
    file: Path, photos: Sequence[Source], learned: Collection[str] = ()
) -> list[JudgedPhoto]:
    """Read a file of verdicts, and those of its photos that are among `photos`.

    Args:
        file: Of verdicts.
        photos: Where its photos are looked for.
        learned: SHA-256 in hexadecimal of photos to leave out, because a network learned from them.
    Raises:
        ReadError: It is no such file, none of its photos is there, all of them were learned from,
            or some cannot be read.
    """
    judged = _told(file)
    there = spoken_of(file, photos)
    unseen = [source for source in there if source.digest.hex() not in learned]
    if there and not unseen:
        raise ReadError(
            f"all {len(there)} photos that {file} speaks of were learned from; expected some that "
            "were not. Give verdicts on others, or leave --judged away"
        )
    pictures = Pictures(unseen)
    found = [
        JudgedPhoto(pixels, *judged[source.digest.hex()])
        for source, pixels in zip(pictures.sources, pictures, strict=True)
    ]
    if not found:
        raise ReadError(
            f"none of the {len(judged)} photos judged in {file} is among the {len(photos)} given; "
            "name the folder they lie in"
        )
    return found


def spoken_of(file: Path, photos: Sequence[Source]) -> list[Source]:
    """Those of the photos that a file of verdicts speaks of; raises as `read_judged`."""
    judged = _told(file)
    return [source for source in photos if source.digest.hex() in judged]


def _told(file: Path) -> dict[str, tuple[Verdicts, tuple[Drawn, ...]]]:
    """What a file of verdicts says, by the SHA-256 of each photo."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        return {
            photo["sha256"]: (
                _verdicts(photo),
                tuple(map(Drawn.from_dict, photo.get("drawn", ()))),
            )
            for photo in record["photos"]
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        told = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ReadError(
            f"{file} is no file of judged marks ({told}); expected one of those that "
            "benchmarks/judge.py keep writes"
        ) from error


def _verdicts(photo: Mapping[str, Any]) -> Verdicts:
    boxes = [box for name in VERDICTS for box in photo.get(name, ())]
    truth = [value for name, value in VERDICTS.items() for _ in photo.get(name, ())]
    return Verdicts(
        np.array(boxes, np.int64).reshape(-1, 4),
        np.array(truth, np.float32),
        VERDICTS[photo["rest"]],
    )


def overlap(ours: Boxes, theirs: Boxes) -> NDArray[np.float64]:
    """Intersection over union of boxes (m, 4) and (n, 4), all grown by `SLACK_PX`: (m, n)."""
    ours, theirs = (np.hstack([b[:, :2] - SLACK_PX, b[:, 2:] + SLACK_PX]) for b in (ours, theirs))
    low = np.maximum(ours[:, None, :2], theirs[None, :, :2])
    high = np.minimum(ours[:, None, 2:], theirs[None, :, 2:])
    both = (high - low).clip(min=0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (ours, theirs)]
    return np.asarray(both / (areas[0][:, None] + areas[1][None, :] - both))
