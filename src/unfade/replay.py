"""Do again what a sidecar says, and tell whether the same came out.

On the same engine, with the same weights and versions, the file is the same byte for byte: the
time in it is the sidecar's. Where it is not, what differs is named.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from .batch.share import cores
from .darkroom import DEFAULT_MEMORY, Darkroom
from .engines import ENGINES, open_engine
from .errors import EngineError, PhotoError, ReadError
from .io.pages import join_pages
from .io.read import read
from .io.source import check_file
from .io.whole import aside, whole
from .jobs.files import all_or_nothing, check_target, hidden_folder
from .jobs.job import INPUTS, NOT_OF_THE_TARGET, Equipment, Existing, Job
from .jobs.outcome import Outcome, State, attempt
from .jobs.page import restore_page
from .jobs.run import open_darkroom, run_job
from .models.zoo import Zoo, checksum
from .recipe import Recipe, make_stage
from .report.papers import Papers
from .report.record import read_sidecar, sidecar_path, write_pages_sidecar
from .report.sidecar import page_of
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
        altered: The earlier result is there, and it is not the file that the sidecar tells of.
    """

    identical: bool
    target: str
    expected: str
    got: str
    differs: tuple[str, ...] = ()
    result: tuple[str, ...] = ()
    altered: bool = False


@dataclasses.dataclass(frozen=True)
class Earlier:
    """The result that a sidecar tells of.

    Attributes:
        name: Where it belongs.
        path: Where it lies while the new one is compared with it.
        sha256: What it was when it was written.
    """

    name: Path
    path: Path
    sha256: str

    @property
    def altered(self) -> bool:
        """Whether another file lies there; not where none does."""
        return self.path.is_file() and checksum(self.path) != self.sha256


@contextlib.contextmanager
def earlier_result(entry: Mapping[str, Any], folder: Path, target: Path) -> Iterator[Earlier]:
    """The result that a sidecar tells of, kept while a target is written that may replace it.

    Args:
        entry: Its `path` and `sha256`.
        folder: Where the sidecar lies.
        target: File that will be written.
    Raises:
        ReadError: As `placed`.
    """
    name = placed(entry["path"], folder)
    if not (name.is_file() and target.exists() and name.samefile(target)):
        yield Earlier(name, name, entry["sha256"])
        return
    with aside(name) as kept:
        yield Earlier(name, kept, entry["sha256"])


def replay_sidecar(
    sidecar: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    photo: str | os.PathLike[str] | None = None,
    engine: str | None = None,
    existing: Existing = Existing.REFUSE,
    memory: int | None = None,
) -> Replay:
    """Restore a photo again as its sidecar says.

    The sidecar may come from a stranger: it opens no devices and no other machine's shares, and
    takes no more threads than there are cores.

    Args:
        sidecar: `NAME.EXT.unfade.json`.
        target: File to write, with a sidecar of its own.
        photo: Where the photo is now; by default where the sidecar says.
        engine: One of `engines.ENGINES`; by default the one that ran.
        existing: What to do where the target is there already.
        memory: Budget in bytes; by default what the sidecar says, up to that of a `Darkroom`. It
            changes no pixel.
    Returns:
        Whether it is identical, and what differs.
    Raises:
        ReadError: The sidecar or a file that it needs cannot be read.
        RecipeError, ModelError, EngineError, WriteError: As when restoring.
    """
    told, folder = read_sidecar(sidecar), Path(sidecar).parent
    try:
        if "pages" in told:
            return _replay_pages(told, folder, Path(target), photo, engine, existing, memory)
        return _replay_photo(told, folder, Path(target), photo, engine, existing, memory)
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ReadError(f"{sidecar}: not as its schema says, at {error!r}") from error


def _replay_photo(
    told: Mapping[str, Any],
    folder: Path,
    target: Path,
    photo: str | os.PathLike[str] | None,
    engine: str | None,
    existing: Existing,
    memory: int | None,
    part: Path | None = None,
) -> Replay:
    """Replay one photo; `part` is where a page waits for the others, as in `restore_page`."""
    place = part or target
    inputs = _inputs(told["inputs"], folder, photo)
    equipment, notes = _equipment(told["equipment"], engine, memory)
    job = _job(told, inputs, target, equipment, existing)
    notes += _changed_inputs(told["inputs"], inputs)
    expected = told["output"]["sha256_before_signing"] or told["output"]["sha256"]
    room = open_darkroom(equipment)
    with earlier_result(told["output"], folder, place) as earlier:
        outcome = _run(job, room, part)
        if outcome.state is not State.DONE:
            raise PhotoError(outcome.message)
        done = read_sidecar(sidecar_path(place))
        notes += _changed_weights(told["weights"], room.zoo)
        notes += differences(told["software"], done["software"])
        notes += _changed_engines(told["equipment"]["engines"], done["equipment"]["engines"])
        return verdict(expected, earlier, place, notes, room)


def _run(job: Job, room: Darkroom, part: Path | None) -> Outcome:
    if part is None:
        return run_job(job, room)
    return attempt(job, lambda: restore_page(job, room, part))


def _replay_pages(
    told: Mapping[str, Any],
    folder: Path,
    target: Path,
    photo: str | os.PathLike[str] | None,
    engine: str | None,
    existing: Existing,
    memory: int | None,
) -> Replay:
    """Replay each page in a hidden folder, and lay them together again."""
    source = photo or placed(told["inputs"]["photo"]["path"], folder)
    papers = Papers(sidecar=True)
    if skipped := check_target(Job(str(source), str(target), existing=existing, papers=papers)):
        raise PhotoError(skipped.message)
    numbers = [_count(page["options"], "page") for page in told["pages"]]
    replace, notes = existing is Existing.OVERWRITE, dict[str, None]()
    with (
        earlier_result(told["output"], folder, target) as earlier,
        all_or_nothing((target, sidecar_path(target))) as written,
        hidden_folder(target) as hidden,
    ):
        parts = [hidden / f"{number}.tif" for number in numbers]
        for page, number, part in zip(told["pages"], numbers, parts, strict=True):
            name = page_of(target.with_suffix(".tif"), number)
            done = _replay_photo(page, folder, name, photo, engine, existing, memory, part)
            notes |= dict.fromkeys(done.differs)
        with whole(target, replace) as temporary:
            join_pages(parts, temporary)
            written.append(write_pages_sidecar(target, temporary, parts, replace))
        written.append(target)
        room = open_darkroom(_equipment(told["pages"][0]["equipment"], engine, memory)[0])
        return verdict(told["output"]["sha256"], earlier, target, list(notes), room)


def verdict(
    expected: str, earlier: Earlier, target: Path, notes: list[str], room: Darkroom
) -> Replay:
    """Compare what was written with what was expected, and with the earlier file if it is there."""
    got, altered, result = checksum(target), earlier.altered, []
    if altered:
        result.append(
            f"the file that lies there was altered: {earlier.name} is not the one with "
            f"{earlier.sha256}"
        )
    if altered or got != expected:
        result += _compare(earlier.path, target, room)
    if earlier.path != earlier.name and (altered or got != expected):
        result.append(f"the earlier output was replaced: {earlier.name}")
    return Replay(got == expected, str(target), expected, got, tuple(notes), tuple(result), altered)


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


def _inputs(
    told: Mapping[str, Any], folder: Path, photo: str | os.PathLike[str] | None
) -> dict[str, Path]:
    """Where the inputs are, by name.

    Raises:
        ReadError: An input that is none, or as `placed`.
    """
    if unknown := told.keys() - {"photo", *INPUTS}:
        raise ReadError(f"the input {min(unknown)!r} is of another version of unfade")
    given = {} if photo is None else {"photo": Path(photo)}
    named = {name: entry for name, entry in told.items() if name not in given}
    return {name: placed(entry["path"], folder) for name, entry in named.items()} | given


def _job(
    told: Mapping[str, Any],
    inputs: Mapping[str, Path],
    target: Path,
    equipment: Equipment,
    existing: Existing,
) -> Job:
    # No more than a sidecar tells: the others name files to read and to write.
    known = {field.name for field in dataclasses.fields(Job)} - NOT_OF_THE_TARGET
    further: dict[str, Any] = {name: str(path) for name, path in inputs.items() if name != "photo"}
    options = {name: _tuples(value) for name, value in told["options"].items()}
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
        **further,
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


def placed(path: str, folder: Path) -> Path:
    """Where a path that a sidecar tells leads, as seen from its folder.

    Raises:
        ReadError: As `check_share`.
    """
    home = folder.absolute()
    found = Path(os.path.normpath(home / path))
    check_share(found, home)
    return found


def check_share(path: PurePath, home: PurePath) -> None:
    """Refuse another machine's share: to look there, Windows logs in with the user's name.

    Args:
        path: What a sidecar tells, which a stranger may have written.
        home: The folder of the sidecar, absolute.
    Raises:
        ReadError: It is on a share, and not on that of the sidecar.
    """
    # The drive of a UNC path is its share, and `\??\` leads to all that Windows has a name for.
    shared = path.drive.startswith("\\\\") and path.drive.casefold() != home.drive.casefold()
    if shared or (path.root == "\\" and "??" in path.parts):
        raise ReadError(
            f"{path}: expected a file on a drive of this machine or on the share of its sidecar; "
            "copy it, or name the photo with --photo FILE"
        )


def _equipment(
    told: Mapping[str, Any], engine: str | None, memory: int | None
) -> tuple[Equipment, list[str]]:
    """What to work with, and what of it cannot be as it was."""
    asked, notes = engine or _known_engine(told), []
    threads, budget = _count(told, "threads"), min(_count(told, "memory"), DEFAULT_MEMORY)
    if threads > cores():
        notes.append(f"threads {threads}, here {cores()}: no more than there are cores")
        threads = cores()
    try:
        open_engine(asked, threads=threads)
    except EngineError as error:
        if engine is not None:
            raise
        notes.append(f"engine {asked} cannot be opened here ({error}); the best one here was taken")
        asked = "auto"
    return Equipment(asked, threads, budget if memory is None else memory), notes


def _count(told: Mapping[str, Any], name: str) -> int:
    value = told[name]
    if type(value) is not int or value < 0:
        raise ReadError(f"the sidecar's {name} must be a whole number from 0, got {value!r}")
    return value


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
            if now[name].exists():
                check_file(now[name])
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
        there = "cannot be read" if earlier.exists() else "is not there"
        return [f"the earlier output {there} to compare with"]
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
