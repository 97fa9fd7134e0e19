"""History as data: what was done to a photo, as JSON that anyone can read in twenty years."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..photo import Origin, Photo, Step
from ..scratch import release

SCHEMA = 1
"""Counted up when a reader of older reports would misunderstand a newer one."""


BAND_PIXELS = 2**22


@dataclasses.dataclass(frozen=True)
class About:
    """What a report tells beside the photo's own history.

    Attributes:
        recipe: Name of the recipe.
        chosen: Why that recipe, in one sentence.
        numbers: Further measurements, by name.
    """

    recipe: str = ""
    chosen: str = ""
    numbers: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def history_dict(photo: Photo, about: About) -> dict[str, Any]:
    """Describe a photo after a recipe.

    Args:
        photo: As it came out of `run`.
        about: What else to tell.
    Returns:
        Text, numbers, booleans, lists and tables only. `origin_share` gives, by the name of what
        became of a pixel, its share of the photo; the shares add up to 1.
    """
    height, width = photo.size
    return {
        "schema": SCHEMA,
        "software": f"unfade {__version__}",
        "source": photo.metadata.source,
        "size": {"height": height, "width": width, "channels": photo.pixels.shape[2]},
        "bits": photo.metadata.bits,
        "medium": photo.metadata.medium,
        "recipe": about.recipe,
        "chosen": about.chosen,
        "origin_share": origin_share(photo),
        "numbers": plain(about.numbers),
        "steps": [step_dict(step) for step in photo.history],
    }


def step_dict(step: Step) -> dict[str, Any]:
    """Describe one line of history; times are rounded to milliseconds."""
    table = {field.name: plain(getattr(step, field.name)) for field in dataclasses.fields(step)}
    return {**table, "seconds": round(step.seconds, 3)}


def embedded_json(photo: Photo, about: About, when: str) -> str:
    """What `history_dict` tells, in one line of JSON, for embedding in a file.

    Paths and durations are left out: they are nobody's business, and would make every run's file
    another one.
    """
    told = history_dict(photo, about)
    del told["source"]
    for step in told["steps"]:
        del step["seconds"]
    return json.dumps({"when": when, **told}, ensure_ascii=False, allow_nan=False)


def origin_share(photo: Photo) -> dict[str, float]:
    """Share of the pixels per `Origin`, for those that occur."""
    counts = origin_counts(photo)
    return {name: count / sum(counts.values()) for name, count in counts.items()}


def origin_counts(photo: Photo) -> dict[str, int]:
    """Number of pixels per `Origin`, for those that occur."""
    if photo.origin is None:
        return {Origin.UNTOUCHED.name.lower(): photo.size[0] * photo.size[1]}
    return value_counts(photo.origin, Origin)


def value_counts(plane: NDArray[np.uint8], names: type[enum.IntEnum]) -> dict[str, int]:
    """Number of pixels of each named value in a (H, W) plane, for those that occur."""
    counts = np.zeros(256, np.int64)
    for band in bands(plane):
        counts += np.bincount(band.ravel(), minlength=256)
    return {name.name.lower(): int(counts[name]) for name in names if counts[name]}


def bands(plane: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Walk over a plane in bands of full rows; a scratch file need not be in memory."""
    rows = max(1, BAND_PIXELS // plane.shape[1])
    for row in range(0, plane.shape[0], rows):
        yield plane[row : row + rows]
        release(plane)


def plain(value: Any) -> Any:
    """Turn a value into what JSON knows; not a number and infinite become None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, enum.Enum):
        return value.name.lower()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
