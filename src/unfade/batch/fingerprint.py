"""By what a photo and a recipe are known again: sizes, times and SHA-256, never names alone."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import stat
from pathlib import Path
from typing import Any

from ..choose import load_recipe, preset_names
from ..jobs.job import Job
from ..models.zoo import checksum
from ..recipe import Recipe
from ..report.history import plain

NOT_OF_THE_RESULT = frozenset(
    {"source", "target", "existing", "equipment", "papers", "keep_times"}
    | {"save_mask", "save_origin", "report", "also"}
)
"""Fields of a job that leave the result as it is: of the equipment only the engine counts, of the
papers only who signs. What is wanted beside the result is looked for by name."""


@dataclasses.dataclass(frozen=True)
class Stamp:
    """What a file was: bytes, modification time in ns since 1970, SHA-256 in hexadecimal."""

    size: int
    mtime_ns: int
    sha256: str


def stamp(path: str | Path) -> Stamp:
    """Take the stamp of a file.

    Raises:
        OSError: It cannot be read, or is a folder, device or pipe, which could keep us waiting.
    """
    path = Path(path)
    told = path.stat()
    if not stat.S_ISREG(told.st_mode):
        raise OSError(f"{path}: expected a file, got a folder, device or pipe; name a file")
    return Stamp(told.st_size, told.st_mtime_ns, checksum(path))


def is_same(path: str | Path, known: Stamp) -> bool:
    """Whether a file is what it was; it is read only where its time differs and its size not."""
    path = Path(path)
    try:
        told = path.stat()
        if told.st_size != known.size:
            return False
        return told.st_mtime_ns == known.mtime_ns or checksum(path) == known.sha256
    except OSError:
        return False


def recipe_hash(job: Job) -> str:
    """SHA-256 of all that is asked of a photo: recipe, changes, formats, files such as a mask.

    Networks are not in it: which of them a photo needs is known once it is done. Where the recipe
    is chosen per photo, all presets are in it.
    """
    told = {
        field.name: _told(getattr(job, field.name))
        for field in dataclasses.fields(job)
        if field.name not in NOT_OF_THE_RESULT
    }
    told["engine"] = job.equipment.engine
    told["signed"] = [_told(job.papers.certificate), _told(job.papers.key)]
    if job.recipe is None:
        told["presets"] = _presets()
    text = json.dumps(told, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _told(value: Any) -> Any:
    if isinstance(value, Recipe):
        return value.to_toml()
    if isinstance(value, tuple):
        return [_told(item) for item in value]
    if isinstance(value, str) and value and Path(value).is_file():
        return checksum(Path(value))
    return plain(value)


@functools.cache
def _presets() -> tuple[str, ...]:
    return tuple(load_recipe(name).to_toml() for name in preset_names())
