"""Photos that a network never learned from, to measure it with."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import ModelError, ReadError
from .data import Source, find_sources, gather, held_out


@dataclasses.dataclass(frozen=True)
class Known:
    """What runs saw, as SHA-256 of the files in hexadecimal.

    Attributes:
        learned: Pictures that were learned from.
        checked: Pictures that the runs were only checked with.
    """

    learned: frozenset[str] = frozenset()
    checked: frozenset[str] = frozenset()


NOTHING = Known()


def read_manifests(runs: Iterable[Path]) -> Known:
    """What the `manifest.csv` of run folders say of their pictures, taken together.

    Raises:
        ModelError: One is missing, or is not of a run.
    """
    learned: set[str] = set()
    checked: set[str] = set()
    for run in runs:
        for row in _rows(run / "manifest.csv"):
            (checked if row["part"] == "check" else learned).add(row["sha256"])
    # A single picture has to do for both; so do those of two runs that are averaged.
    return Known(frozenset(learned), frozenset(checked - learned))


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise ModelError(
            f"{path} is missing; it tells which photos were learned from. Copy it from where the "
            "run was trained"
        )
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if rows and not {"part", "sha256"} <= rows[0].keys():
        raise ModelError(f"{path} has no columns part and sha256, as `unfade train` writes them")
    return rows


def find_unseen(places: Sequence[Path], known: Known, folder: Path) -> list[Path]:
    """Find the photos of folders and tar files that were not learned from.

    These are the ones that the runs were checked with, and of those they do not know the ones
    that training holds out as a rule (1 in 32, by content).

    Args:
        folder: Takes what lies in tar files.
    Raises:
        ReadError: A place is missing, holds no pictures, or cannot be read.
    """
    if missing := [place for place in places if not place.exists()]:
        raise ReadError(f"{missing[0]} is missing; expected a folder or tar file of photos")
    found = []
    for number, source in enumerate(gather(map(str, places), find_sources)):
        digest = source.digest.hex()
        if digest in known.learned:
            continue
        path = _unpacked(source, folder / f"{number}{source.inner.suffix}")
        if digest in known.checked or held_out(path):
            found.append(path)
        elif source.member:
            path.unlink()
    return found


def _unpacked(source: Source, target: Path) -> Path:
    if not source.member:
        return source.path
    target.write_bytes(source.read())
    return target
