"""Results that are kept: one row per file, found again by the content of all that decides it."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tempfile
from pathlib import Path

import numpy as np

from ..darkroom import Darkroom
from ..metrics import Curve
from ..models.zoo import checksum
from ..report.versions import versions
from .cases import Case
from .methods import Method
from .sheet import Row

HOUSE = Path(__file__).resolve().parent.parent


class Store:
    """A folder of results.

    A result is found again only if the photos, the aging, the method, the code of this package,
    its networks, the engine and the libraries are the same; a file that is not whole is measured
    anew.

    Args:
        folder: Made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def key(self, case: Case, method: Method, darkroom: Darkroom) -> str:
        """Name of the result of a method on a case.

        Raises:
            OSError, EvaluationError: A file that it depends on is not there.
        """
        told = [
            case.name,
            str(case.kind),
            repr(case.aging),
            *(_content(path) for path in case.files),
            method.name,
            method.fingerprint(case),
            *_room(darkroom),
        ]
        return hashlib.sha256("\0".join(told).encode()).hexdigest()

    def load(self, key: str) -> tuple[Row, Curve | None] | None:
        """Give a result, or None if it is not there or not whole."""
        place = self.folder / f"{key}.npz"
        try:
            with np.load(place) as file:
                row = Row.from_dict(json.loads(str(file["row"])))
                bins = file["bins"]
                at = file["at"]
        except (OSError, ValueError, KeyError, EOFError):
            return None
        if not len(bins):
            return row, None
        counts = np.zeros((2, 2**16), np.int64)
        counts[:, at] = bins
        return row, Curve.of(*counts)

    def save(self, key: str, row: Row, curve: Curve | None) -> None:
        """Keep a result; it is whole or not there."""
        counts = np.zeros((2, 0), np.int64) if curve is None else np.stack(curve.counts)
        at = np.flatnonzero(counts.any(axis=0))
        handle, path = tempfile.mkstemp(prefix="unfade-", suffix=".npz", dir=self.folder)
        os.close(handle)
        bins = counts[:, at] if curve is not None else np.zeros(0, np.int64)
        np.savez_compressed(path, row=json.dumps(row.to_dict()), bins=bins, at=at)
        Path(path).replace(self.folder / f"{key}.npz")


@functools.lru_cache(maxsize=4096)
def _content(path: Path) -> str:
    return checksum(path)


def _room(darkroom: Darkroom) -> tuple[str, ...]:
    """What decides a result beside photo and method: code, networks, engine, libraries."""
    engine = darkroom.engine.name
    networks = []
    for card in darkroom.zoo.list():
        networks.append(f"{card.name} {card.sha256}")
    return (_code(), *networks, engine, json.dumps(versions((engine,)), sort_keys=True))


@functools.lru_cache(maxsize=1)
def _code() -> str:
    """Checksum of the package's own code and recipes; `cli` and `web` decide no figure."""
    digest = hashlib.sha256()
    for path in sorted(HOUSE.rglob("*")):
        if path.suffix in (".py", ".toml") and path.relative_to(HOUSE).parts[0] not in SHELLS:
            digest.update(path.read_bytes())
    return digest.hexdigest()


SHELLS = ("cli", "web", "train", "batch")
