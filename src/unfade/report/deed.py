"""What was done, as far as the photo itself does not tell: when, from what, with which settings."""

from __future__ import annotations

import dataclasses
import datetime
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..models.zoo import checksum
from ..photo import Origin, Photo, Step
from ..recipe import Recipe
from .history import About, plain

NAMESPACE = uuid.UUID("5b5a3f0e-8c37-5d3f-9a51-0d5c2f3f6a11")
"""Root of the identifiers below: the same deed gets the same identifiers on every machine."""


@dataclasses.dataclass(frozen=True)
class FileFacts:
    """A file as it was when it was used.

    Attributes:
        path: Where it lay.
        sha256: Checksum in hexadecimal.
        bytes: Its length.
    """

    path: Path
    sha256: str
    bytes: int


@dataclasses.dataclass(frozen=True)
class Deed:
    """One restoring, beyond the photo and its history.

    Attributes:
        when: ISO 8601 with offset; the only clock in what is embedded in the output.
        recipe: As it was run.
        chosen: Why that recipe.
        inputs: Files that were read, by what they were: `photo`, `mask`, ...
        numbers: Further measurements, by name.
        options: The job's other settings, as a replay needs them.
        equipment: What the darkroom was opened with: engine, threads, memory.
    """

    when: str
    recipe: Recipe
    chosen: str
    inputs: Mapping[str, FileFacts]
    numbers: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    equipment: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def about(self) -> About:
        """What a report tells of it."""
        return About(self.recipe.name, self.chosen, self.numbers)

    @property
    def key(self) -> str:
        """A name for this deed: same photo, recipe, options and time, same name."""
        said = [self.when, self.recipe.to_toml(), str(plain(self.options))]
        said += [f"{name} {facts.sha256}" for name, facts in sorted(self.inputs.items())]
        return str(uuid.uuid5(NAMESPACE, "\n".join(said)))


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def file_facts(path: str | os.PathLike[str]) -> FileFacts:
    """Look at a file.

    Raises:
        OSError: It cannot be read.
    """
    path = Path(path)
    return FileFacts(path, checksum(path), path.stat().st_size)


def identifier(sha256: str) -> str:
    """A UUID for a file of which only the content is known."""
    return str(uuid.uuid5(NAMESPACE, sha256))


def marked_steps(photo: Photo, recipe: Recipe) -> list[tuple[Step, Origin]]:
    """The steps of a recipe in a photo's history, each with what it calls the pixels it changed."""
    stages = tuple(recipe)
    steps = photo.history[len(photo.history) - len(stages) :]
    return [(step, Origin(stage.marks)) for step, stage in zip(steps, stages, strict=True)]
