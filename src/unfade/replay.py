"""Do again what a sidecar says, and tell whether the same came out.

On the same engine, with the same weights and versions, the file is the same byte for byte: the
time in it is the sidecar's. Where it is not, what differs is named.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .darkroom import Darkroom
from .engines import ENGINES, open_engine
from .errors import EngineError, PhotoError, ReadError
from .io.pages import join_pages
from .io.read import read
from .io.write import whole
from .jobs import (
    Equipment,
    Existing,
    Job,
    State,
    all_or_nothing,
    check_target,
    open_darkroom,
    run_job,
)
from .models.zoo import Zoo, checksum
from .recipe import Recipe, make_stage
from .report.papers import Papers
from .report.record import read_sidecar, sidecar_path, write_pages_sidecar
from .report.sidecar import beside
from .report.versions import differences
from .stages import STAGES

ROWS = 1024


@dataclasses.dataclass(frozen=True)
class Replay:
    """What came of a replay.

    Attributes:
        identical: The file is the same, byte for byte (before signing, where it was signed).
        target: Where it was written.
        expected: SHA-256 that the sidecar states.
        got: SHA-256 of what was written now.
        differs: What is not as it was: versions, weights, engine, inputs; one line each.
        result: What is not the same in the result, as far as the earlier one is there to compare.
    """

    identical: bool
    target: str
    expected: str
    got: str
    differs: tuple[str, ...] = ()
    result: tuple[str, ...] = ()


def replay_sidecar(
    sidecar: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    photo: str | os.PathLike[str] | None = None,
    engine: str | None = None,
    existing: Existing = Existing.REFUSE,
) -> Replay:
    """Restore a photo again as its sidecar says.

    Args:
        sidecar: `NAME.EXT.unfade.json`.
        target: File to write, with a sidecar of its own.
        photo: Where the photo is now; by default where the sidecar says.
        engine: One of `engines.ENGINES`; by default the one that ran.
        existing: What to do where the target is there already.
    Returns:
        Whether it is identical, and what differs.
    Raises:
        ReadError: The sidecar or a file that it needs cannot be read.
        RecipeError, ModelError, EngineError, WriteError: As when restoring.
    """
    told, folder = read_sidecar(sidecar), Path(sidecar).parent
    try:
        if "pages" in told:
            return _replay_pages(told, folder, Path(target), photo, engine, existing)
        return _replay_photo(told, folder, Path(target), photo, engine, existing)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ReadError(f"{sidecar}: not as its schema says, at {error!r}") from error


def _replay_photo(
    told: Mapping[str, Any],
    folder: Path,
    target: Path,
    photo: str | os.PathLike[str] | None,
    engine: str | None,
    existing: Existing,
) -> Replay:
    inputs = {name: _place(entry, folder) for name, entry in told["inputs"].items()}
    inputs |= {"photo": Path(photo)} if photo is not None else {}
    equipment, notes = _equipment(told["equipment"], engine)
    job = _job(told, inputs, target, equipment, existing)
    notes += _changed_inputs(told["inputs"], inputs)
    expected = told["output"]["sha256_before_signing"] or told["output"]["sha256"]
    room = open_darkroom(equipment)
    outcome = run_job(job, room)
    if outcome.state is not State.DONE:
        raise PhotoError(outcome.message)
    done = read_sidecar(sidecar_path(target))
    notes += _changed_weights(told["weights"], room.zoo)
    notes += differences(told["software"], done["software"])
    notes += _changed_engines(told["equipment"]["engines"], done["equipment"]["engines"])
    earlier = _place(told["output"], folder)
    return verdict(expected, earlier, target, notes, room)


def _replay_pages(
    told: Mapping[str, Any],
    folder: Path,
    target: Path,
    photo: str | os.PathLike[str] | None,
    engine: str | None,
    existing: Existing,
) -> Replay:
    """Replay each page beside the target, and lay them together again."""
    source = photo or _place(told["inputs"]["photo"], folder)
    if skipped := check_target(Job(str(source), str(target), existing=existing)):
        raise PhotoError(skipped.message)
    parts = [beside(target, f"page-{n}.tif") for n in range(1, len(told["pages"]) + 1)]
    notes: dict[str, None] = {}
    with all_or_nothing() as written:
        for page, part in zip(told["pages"], parts, strict=True):
            done = _replay_photo(page, folder, part, photo, engine, existing)
            written += [part, sidecar_path(part)]
            notes |= dict.fromkeys(done.differs)
        with whole(target) as temporary:
            join_pages(parts, temporary)
            write_pages_sidecar(target, temporary, parts)
        for part in parts:
            part.unlink()
    room = open_darkroom(_equipment(told["pages"][0]["equipment"], engine)[0])
    earlier = _place(told["output"], folder)
    return verdict(told["output"]["sha256"], earlier, target, list(notes), room)


def verdict(expected: str, earlier: Path, target: Path, notes: list[str], room: Darkroom) -> Replay:
    """Compare what was written with what was expected, and with the earlier file if it is there."""
    got = checksum(target)
    result = () if got == expected else tuple(_compare(earlier, target, room))
    return Replay(got == expected, str(target), expected, got, tuple(notes), result)


def output_name(sidecar: str | os.PathLike[str]) -> str:
    """The name of the file that a sidecar belongs to.

    Raises:
        ReadError: The sidecar cannot be read, or names no file.
    """
    try:
        name = Path(read_sidecar(sidecar)["output"]["path"]).name
    except (KeyError, TypeError) as error:
        raise ReadError(f"{sidecar}: not as its schema says, at {error}") from error
    if not name:
        raise ReadError(f"{sidecar}: it names no output")
    return name


def _job(
    told: Mapping[str, Any],
    inputs: Mapping[str, Path],
    target: Path,
    equipment: Equipment,
    existing: Existing,
) -> Job:
    known = {field.name for field in dataclasses.fields(Job)}
    further = {name: str(path) for name, path in inputs.items() if name != "photo"}
    options = {name: _tuples(v) for name, v in {**told["options"], **further}.items()}
    unknown = options.keys() - known
    if unknown:
        raise ReadError(f"the option {min(unknown)!r} is of another version of unfade")
    return Job(
        source=str(inputs["photo"]),
        target=str(target),
        recipe=_recipe(told["recipe"]),
        equipment=equipment,
        existing=existing,
        papers=Papers(sidecar=True, when=told["when"], chosen=told["recipe"]["chosen"]),
        **options,
    )


def _recipe(told: Mapping[str, Any]) -> Recipe:
    stages = (make_stage({"use": s["use"], **s["settings"]}, STAGES) for s in told["stages"])
    rules = told["rules"]
    if unknown := rules.keys() - {field.name for field in dataclasses.fields(Recipe)}:
        raise ReadError(f"the recipe's {min(unknown)!r} is of another version of unfade")
    return Recipe(told["name"], tuple(stages), told["about"], **rules)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _place(entry: Mapping[str, Any], folder: Path) -> Path:
    return Path(os.path.normpath(folder / entry["path"]))


def _equipment(told: Mapping[str, Any], engine: str | None) -> tuple[Equipment, list[str]]:
    """What to work with, and what of it cannot be as it was."""
    asked, notes = engine or _known_engine(told), []
    try:
        open_engine(asked, threads=told["threads"])
    except EngineError as error:
        if engine is not None:
            raise
        notes.append(f"engine {asked} cannot be opened here ({error}); the best one here was taken")
        asked = "auto"
    return Equipment(asked, told["threads"], told["memory"]), notes


def _known_engine(told: Mapping[str, Any]) -> str:
    """The engine that ran, by the name to ask for; where none did, the one asked for then."""
    for name in told["engines"]:
        known = [key for key in ENGINES if name == key or name.startswith(f"{key}-")]
        if known:
            return max(known, key=len)
    return str(told["engine"])


def _changed_inputs(told: Mapping[str, Any], now: Mapping[str, Path]) -> list[str]:
    notes = []
    for name, entry in told.items():
        try:
            found = checksum(now[name])
        except OSError as error:
            raise ReadError(
                f"the {name} is not where it was: {now[name]} ({error.strerror}); --photo FILE "
                "says where the photo is"
            ) from error
        if found != entry["sha256"]:
            notes.append(f"the {name} changed: {now[name]} is not the file with {entry['sha256']}")
    return notes


def _changed_weights(told: Mapping[str, str], zoo: Zoo) -> list[str]:
    here = {card.name: card.sha256 for card in zoo.list()}
    return [
        f"weights {name} {digest[:16]}, here {here.get(name, 'none')[:16]}"
        for name, digest in told.items()
        if here.get(name) != digest
    ]


def _changed_engines(told: list[str], here: list[str]) -> list[str]:
    if told == here:
        return []
    return [f"engine {', '.join(told) or 'none'}, here {', '.join(here) or 'none'}"]


def _compare(earlier: Path, later: Path, room: Darkroom) -> list[str]:
    """Say how far a result is from the earlier one, if that is still there."""
    try:
        before, after = (read(path, allocate=room.empty) for path in (earlier, later))
    except ReadError:
        return ["the earlier output is not there to compare with"]
    if before.pixels.shape != after.pixels.shape:
        return [f"size and channels {before.pixels.shape}, here {after.pixels.shape}"]
    count, largest = 0, 0.0
    for row in range(0, before.size[0], ROWS):
        rows = slice(row, row + ROWS)
        gap = np.abs(before.pixels[rows] - after.pixels[rows]).max(axis=2)
        count += int(np.count_nonzero(gap))
        largest = max(largest, float(gap.max()))
    if count == 0:
        return ["the pixels are equal; what differs is metadata or how the file is stored"]
    pixels = before.size[0] * before.size[1]
    return [f"{count} of {pixels} pixels differ, by at most {largest * 255:.2g}/255"]
