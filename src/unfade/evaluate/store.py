"""Results that are kept: one row per file, found again by the content of all that decides it."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..degrade.library import library_checksum
from ..metrics import Curve
from ..metrics.ranking import BINS
from ..report.versions import versions
from .cases import Case
from .methods import Method, changed, content
from .perception import Perception
from .sheet import Result, Row

HOUSE = Path(__file__).resolve().parent.parent


class Store:
    """A folder of results.

    A result is found again only if the photos, the aging and its artefact pictures, the method and
    the files that its command names, the code of this package, its networks with their cards, the
    engine and the libraries are the same; a file that is not whole is measured anew.

    Args:
        folder: Made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def key(
        self,
        case: Case,
        method: Method,
        darkroom: Darkroom,
        perception: Perception | None = None,
    ) -> str:
        """Name of the result of a method on a case.

        Raises:
            OSError, EvaluationError: A file that it depends on is not there.
        """
        told = [
            case.name,
            str(case.kind),
            repr(case.aging),
            *(content(path) for path in case.files),
            "" if case.aging is None else _shapes(case.aging.library),
            method.name,
            method.fingerprint(case),
            "" if perception is None else perception.key,
            *_room(darkroom),
        ]
        return hashlib.sha256("\0".join(told).encode()).hexdigest()

    def load(self, key: str) -> Result | None:
        """Give a result, or None if it is not there or not whole."""
        try:
            with np.load(self.folder / f"{key}.npz") as file:
                known = {name: file[name] for name in file.files}
            row = Row.from_dict(json.loads(str(known["row"])))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        curve = latents = None
        if "bins" in known:
            counts = np.zeros((2, BINS), np.int64)
            counts[:, known["at"]] = known["bins"]
            curve = Curve.of(*counts)
        if "mine" in known:
            latents = known["mine"], known["goal"]
        return Result(row, curve, latents)

    def save(self, key: str, result: Result) -> None:
        """Keep a result; it is whole or not there."""
        parts: dict[str, NDArray[Any]] = {"row": np.array(json.dumps(result.row.to_dict()))}
        if result.curve is not None:
            counts = np.stack(result.curve.counts)
            parts["at"] = np.flatnonzero(counts.any(axis=0))
            parts["bins"] = counts[:, parts["at"]]
        if result.latents is not None:
            parts["mine"], parts["goal"] = result.latents
        handle, path = tempfile.mkstemp(prefix="unfade-", suffix=".npz", dir=self.folder)
        os.close(handle)
        with Path(path).open("wb") as file:
            np.savez_compressed(file, **parts)  # type: ignore[arg-type]
        Path(path).replace(self.folder / f"{key}.npz")


def _shapes(folder: str) -> str:
    """The checksum of a library of artefacts, kept as long as its files seem unchanged."""
    if not folder:
        return ""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return _shapes_then(folder, tuple((path, *changed(path)) for path in files))


@functools.lru_cache(maxsize=8)
def _shapes_then(folder: str, files: tuple[tuple[Path, int, int], ...]) -> str:
    return library_checksum(folder)


def _room(darkroom: Darkroom) -> tuple[str, ...]:
    """What decides a result beside photo and method: code, networks, engine, libraries."""
    engine = darkroom.engine.name
    # All of a card: who verifies, and how far marks are believed, decide as much as the weights.
    networks = [card.to_toml() for card in darkroom.zoo.list()]
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
