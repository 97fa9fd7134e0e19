"""What an album knows of each photo: a line of data in `photos/`, read with mistrust."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .history import plain
from .record import relative
from .sidecar import is_page_of, write_text

PHOTOS = "photos"
"""Folder of an album in which the pictures and data of its photos lie."""

STATES = ("done", "copied", "failed")
LAYERS = ("mask", "origin")
"""What can be laid over a photo."""

ENDINGS = (
    *("json", "before.small.jpg", "before.large.jpg", "after.small.jpg", "after.large.jpg"),
    *(f"{layer}.png" for layer in LAYERS),
)
"""Of the files of a photo in `photos/`, after its key."""

MOST = 10**15
"""Above what counts and measurements of a photo are a mistake."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One photo of the album; plain data.

    Attributes:
        key: Name of its files in `photos/`.
        name: Name of the photo; as `read_entries` gives it, with its place in the tree.
        state: `done`, `copied` (nothing was changed) or `failed`.
        message: Why it failed.
        target: Where the result lies, as seen from the album.
        recipe, chosen: Which recipe, and why.
        size: (height, width) in pixels.
        pixels: Number of pixels by what became of them.
        steps: Stage and the sentence it left.
        numbers: Further measurements.
        seconds: Time of all stages.
        pictures: Which of `mask` and `origin` there are.
        did: What was done, in one sentence; empty where an earlier version wrote it.
    """

    key: str
    name: str
    state: str
    message: str = ""
    target: str = ""
    recipe: str = ""
    chosen: str = ""
    size: tuple[int, int] = (0, 0)
    pixels: Mapping[str, int] = dataclasses.field(default_factory=dict)
    steps: tuple[tuple[str, str], ...] = ()
    numbers: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    pictures: tuple[str, ...] = ()
    did: str = ""

    @property
    def shares(self) -> dict[str, float]:
        """Share of the pixels by what became of them."""
        whole = sum(self.pixels.values()) or 1
        return {name: count / whole for name, count in self.pixels.items()}


def has_entry(folder: Path, target: Path, source: Path) -> bool:
    """Whether an album shows a photo; of a page, `target` is what `page_of` calls it."""
    return _place(folder, entry_key(folder, target, source)).is_file()


def drop_entry(folder: Path, key: str) -> None:
    """Take a photo out of an album, if it is there."""
    for ending in ENDINGS:
        (folder / PHOTOS / f"{key}.{ending}").unlink(missing_ok=True)


def drop_pages(folder: Path, target: Path, source: Path) -> None:
    """Take the pages of a TIFF out of an album: of what they were there is no result.

    Args:
        folder: Of the album.
        target: Where the TIFF was to lie.
        source: The photo.
    """
    place = Path(relative(target, folder))
    for path in sorted((folder / PHOTOS).glob(f"{_word(source)}-*.json")):
        entry = _read(path)
        if entry.target and is_page_of(Path(entry.target), place):
            drop_entry(folder, entry.key)


def entry_key(folder: Path, target: Path, source: Path) -> str:
    """A name for a photo's files in an album: the same each time it is done, from any machine.

    Args:
        folder: Of the album; the place of the target as seen from there tells photos apart.
        target: Where the result lies, or will.
        source: The photo.
    """
    # Albums of earlier versions told them apart by the target's place on the one machine.
    earlier = _key(os.path.abspath(target), source)  # noqa: PTH100
    return earlier if _place(folder, earlier).is_file() else _key(relative(target, folder), source)


def _word(source: Path) -> str:
    """What the keys of a photo begin with."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", source.stem)[:40].strip(".-") or "photo"


def _key(place: str, source: Path) -> str:
    digest = hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{_word(source)}-{digest[:10]}"


def _place(folder: Path, key: str) -> Path:
    """Where the data of a photo lie in an album."""
    return folder / PHOTOS / f"{key}.json"


def read_entries(folder: Path) -> list[Entry]:
    """All photos of an album, by folder and name; one whose data cannot be read counts as failed.

    Photos of one name are told apart by the folder of their results, as seen from the folder that
    holds all of them.
    """
    entries = [_read(path) for path in sorted((folder / PHOTOS).glob("*.json"))]
    return _in_tree(folder, entries)


def _read(path: Path) -> Entry:
    try:
        return _entry(json.loads(path.read_text("utf-8")), path.stem)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        words = f"{PHOTOS}/{path.name} cannot be read; delete it, or restore the photo again"
        return Entry(path.stem, path.stem, "failed", words)


def store(folder: Path, entry: Entry) -> None:
    """Put what is known of a photo into an album; `write_album` makes the page of it.

    Raises:
        WriteError: The folder cannot be written to, or the disk is full.
    """
    text = json.dumps(plain(entry), indent=1, ensure_ascii=False)
    write_text(_place(folder, entry.key), text)


def _in_tree(folder: Path, entries: Sequence[Entry]) -> list[Entry]:
    """Order entries by folder and name, each named with its folder."""
    homes = [_home(folder, entry) for entry in entries]
    try:
        trunk = os.path.commonpath([home for home in homes if home])
    except ValueError:  # No photo has a place, or they are on several drives.
        trunk = ""
    placed = []
    for entry, home in zip(entries, homes, strict=True):
        place = os.path.relpath(home, trunk) if home and trunk else os.curdir
        name = entry.name if place == os.curdir else f"{Path(place).as_posix()}/{entry.name}"
        placed.append((place.lower(), entry.name.lower(), dataclasses.replace(entry, name=name)))
    return [entry for *_, entry in sorted(placed, key=lambda row: (*row[:2], row[2].key))]


def _home(folder: Path, entry: Entry) -> str:
    """The folder of a photo's result; empty where that is not known."""
    return os.path.dirname(os.path.abspath(folder / entry.target)) if entry.target else ""  # noqa: PTH100, PTH120


def _entry(told: Any, key: str) -> Entry:
    """An entry from what lies in an album, which anybody may have written.

    Raises:
        ValueError, TypeError, KeyError: A field is missing, unknown or not of its kind.
    """
    entry = Entry(**{name: READERS[name](value) for name, value in _table(told).items()})
    if entry.key != key or not re.fullmatch(r"[A-Za-z0-9._-]+", key):
        raise ValueError(f"expected the key {key!r}, got {entry.key!r}")
    return entry


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value


def _state(value: Any) -> str:
    if value not in STATES:
        raise ValueError(f"expected {' or '.join(STATES)}, got {value!r}")
    return str(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected a number, got {value!r}")
    if not abs(value) <= MOST:  # What is not a number is not either.
        raise ValueError(f"expected a number up to {MOST}")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MOST:
        raise ValueError(f"expected a whole number from 0, got {value!r}")
    return value


def _size(value: Any) -> tuple[int, int]:
    height, width = value
    return _count(height), _count(width)


def _steps(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple((_text(stage), _text(says)) for stage, says in value)


def _pixels(value: Any) -> dict[str, int]:
    return {name: _count(count) for name, count in _table(value).items()}


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"expected a table, got {value!r}")
    return value


def _measured(value: Any) -> dict[str, Any]:
    """Further measurements: numbers, words, truths, or nothing where none could be measured."""
    return {
        name: told if told is None or isinstance(told, str | bool) else _number(told)
        for name, told in _table(value).items()
    }


def _pictures(value: Any) -> tuple[str, ...]:
    return tuple(name for name in LAYERS if name in value)


READERS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("key", "name", "message", "target", "recipe", "chosen", "did"), _text),
    "state": _state,
    "size": _size,
    "pixels": _pixels,
    "steps": _steps,
    "numbers": _measured,
    "seconds": _number,
    "pictures": _pictures,
}
"""What each field of an entry is read with."""
