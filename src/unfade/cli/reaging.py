"""Age a photo again as the history of `unfade age` says, and compare."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import __version__
from ..darkroom import Darkroom
from ..degrade import DEGRADATIONS
from ..degrade.library import library_checksum
from ..errors import PhotoError, ReadError
from ..io.write import write
from ..jobs.files import check_target
from ..jobs.job import Existing, Job
from ..models.zoo import checksum
from ..pipeline import run
from ..recipe import Recipe, make_stage
from ..replay import Replay, check_share, earlier_result, placed, verdict
from .aging import WHAT, read_clean


def read_aging(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Read the history of an aging; None for a file that is something else.

    Raises:
        ReadError: It is of an earlier unfade, which wrote no checksums.
    """
    try:
        told = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    if told.get("what") == WHAT:
        return told
    if "what" not in told and {"preset", "severity", "seed", "steps"} <= told.keys():
        raise ReadError(
            f"{path}: an aging of an earlier unfade, without the checksums to compare with; age "
            "the photo again with its preset, severity and seed"
        )
    return None


def aged_name(told: Mapping[str, Any]) -> str:
    """The name of the aged photo that a history belongs to."""
    return Path(told["aged"]["path"]).name


def replay_aging(
    told: Mapping[str, Any],
    folder: Path,
    target: Path,
    photo: str | os.PathLike[str] | None = None,
    existing: Existing = Existing.REFUSE,
    memory: int | None = None,
) -> Replay:
    """Age a photo again with the recorded stages.

    Args:
        told: The history.
        folder: Where it lies.
        target: File to write.
        photo: Where the clean photo is now; by default where the history says.
        existing: What to do where the target is there already.
        memory: Budget in bytes; by default that of a `Darkroom`.
    Returns:
        Whether it is identical, and what differs.
    Raises:
        ReadError: The photo or the library is not there, on another machine's share, or cannot be
            read.
        RecipeError, WriteError: As when aging.
    """
    source = Path(photo or placed(told["photo"]["path"], folder))
    if not source.is_file():
        raise ReadError(
            f"the clean photo is not where it was: {source}; --photo FILE says where it is"
        )
    if skipped := check_target(Job(str(source), str(target), existing=existing)):
        raise PhotoError(skipped.message)
    recipe, room = _recipe(told), Darkroom() if memory is None else Darkroom(memory=memory)
    for library in (told["library"], *(getattr(stage, "library", "") for stage in recipe)):
        check_share(Path(library), folder.absolute())
    notes = _changes(told, source)
    aged = run(_undamaged(source, room), recipe, room)
    target.parent.mkdir(parents=True, exist_ok=True)
    with earlier_result(told["aged"], folder, target) as earlier:
        write(aged, target)
        return verdict(told["aged"]["sha256"], earlier, target, notes, room)


def _undamaged(source: Path, room: Darkroom) -> Any:
    return dataclasses.replace(read_clean(source, room), damage=None, kinds=None)


def _recipe(told: Mapping[str, Any]) -> Recipe:
    steps = ({"use": step["stage"], **step["settings"]} for step in told["steps"])
    return Recipe(told["preset"], tuple(make_stage(step, DEGRADATIONS) for step in steps))


def _changes(told: Mapping[str, Any], source: Path) -> list[str]:
    """What is not as it was: the photo, the library, the version."""
    notes, digest = [], told["photo"]["sha256"]
    if checksum(source) != digest:
        notes.append(f"the photo changed: {source} is not the file with {digest}")
    if library_checksum(told["library"]) != told["library_sha256"]:
        notes.append(f"the library changed: {told['library']} does not hold what it held")
    if told["software"] != f"unfade {__version__}":
        notes.append(f"software {told['software']}, here unfade {__version__}")
    return notes
