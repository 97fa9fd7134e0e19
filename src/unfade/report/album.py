"""The album of a batch: one page of all photos that works from its folder, without any network.

While a photo is restored, pictures of it and a line of data go into `photos/`; at the end the
page is made of all that lies there. So a batch that is resumed, or done by several processes or
machines, ends in one page.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import html
import json
import os
import re
import string
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..photo import Origin, Photo
from .deed import Deed
from .history import origin_counts, plain
from .page import STYLE, capital, number_words, percent, summary, table_row
from .pictures import LOOKS, jpeg, mask_overlay, origin_overlay, png
from .record import relative, sidecar_path
from .sidecar import beside, write_bytes, write_text

TEMPLATE = Path(__file__).with_name("album.html")
INDEX = "index.html"
PHOTOS = "photos"
SMALL, LARGE, OVERLAY = 420, 1400, 1000
"""Longer sides in pixels of the pictures in the list, opened, and of what is laid over both."""

STATES = ("done", "copied", "failed")
LAYERS = ("mask", "origin")
"""What can be laid over a photo."""

MOST = 10**15
"""Above what counts and measurements of a photo are a mistake."""

ROUNDS = 10
"""How often a page is made again because photos came meanwhile. Whoever still puts them in makes
it once more when he ends."""


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

    @property
    def shares(self) -> dict[str, float]:
        """Share of the pixels by what became of them."""
        whole = sum(self.pixels.values()) or 1
        return {name: count / whole for name, count in self.pixels.items()}


def has_entry(folder: Path, target: Path, source: Path) -> bool:
    """Whether an album shows a photo, or its first page."""
    places = (target, beside(target, f"page-1{target.suffix}"))
    return any(_place(folder, entry_key(folder, place, source)).is_file() for place in places)


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


def _key(place: str, source: Path) -> str:
    word = re.sub(r"[^A-Za-z0-9._-]+", "-", source.stem)[:40].strip(".-") or "photo"
    return f"{word}-{hashlib.sha256(place.encode('utf-8', 'surrogateescape')).hexdigest()[:10]}"


def _place(folder: Path, key: str) -> Path:
    """Where the data of a photo lie in an album."""
    return folder / PHOTOS / f"{key}.json"


def write_entry(folder: Path, before: Photo, after: Photo, deed: Deed, target: Path) -> Entry:
    """Put a restored photo into an album.

    Args:
        folder: Of the album; made if it is not there.
        before, after: The photo as read, and as it came out of `run`.
        deed: What was done.
        target: Where the result lies, or will.
    Raises:
        WriteError: The folder cannot be written to, or the disk is full.
    """
    source = deed.inputs["photo"].path
    key = entry_key(folder, target, source)
    layers = {
        "mask": mask_overlay(after.damage, OVERLAY),
        "origin": origin_overlay(after.origin, OVERLAY),
    }
    for photo, when in ((before, "before"), (after, "after")):
        for longest, quality, size in ((SMALL, 80, "small"), (LARGE, 85, "large")):
            data = jpeg(photo.proxy(longest), quality, photo.metadata.profile)
            write_bytes(folder / PHOTOS / f"{key}.{when}.{size}.jpg", data)
    for name, layer in layers.items():
        if layer is not None:
            write_bytes(folder / PHOTOS / f"{key}.{name}.png", png(layer))
    entry = Entry(
        key=key,
        name=f"{source.name}, page {page}" if (page := deed.options.get("page")) else source.name,
        state="copied" if after.origin is None or not after.origin.any() else "done",
        target=relative(target, folder),
        recipe=deed.recipe.name,
        chosen=deed.chosen,
        size=after.size,
        pixels=origin_counts(after),
        steps=tuple((s.stage, str(s.notes.get("evidence", ""))) for s in after.history),
        numbers=deed.numbers,
        seconds=sum(step.seconds for step in after.history),
        pictures=tuple(name for name, layer in layers.items() if layer is not None),
    )
    _store(folder, entry)
    return entry


def write_failure(folder: Path, source: Path, target: Path, message: str) -> None:
    """Put a photo that could not be restored into an album.

    Raises:
        WriteError: As in `write_entry`.
    """
    key = entry_key(folder, target, source)
    _store(folder, Entry(key, source.name, "failed", message, relative(target, folder)))


def read_entries(folder: Path) -> list[Entry]:
    """All photos of an album, by folder and name; one whose data cannot be read counts as failed.

    Photos of one name are told apart by the folder of their results, as seen from the folder that
    holds all of them.
    """
    entries = []
    for path in sorted((folder / PHOTOS).glob("*.json")):
        try:
            entries.append(_entry(json.loads(path.read_text("utf-8")), path.stem))
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            words = f"{PHOTOS}/{path.name} cannot be read; delete it, or restore the photo again"
            entries.append(Entry(path.stem, path.stem, "failed", words))
    return _in_tree(folder, entries)


def write_album(folder: Path, title: str, software: str) -> Path:
    """Make the page of all photos of an album.

    Photos that another process puts in meanwhile are on it too.

    Args:
        folder: Of the album.
        title: What stands above it.
        software: Who made it.
    Returns:
        The page.
    Raises:
        WriteError: As in `write_entry`.
    """
    path = folder / INDEX
    for _ in range(ROUNDS):
        there = _listing(folder)
        write_text(path, _page(folder, title, software))
        if _listing(folder) == there:
            break
    return path


def _listing(folder: Path) -> dict[str, int]:
    """The photos of an album, and when their data were written."""
    times = {}
    for path in (folder / PHOTOS).glob("*.json"):
        with contextlib.suppress(FileNotFoundError):
            times[path.name] = path.stat().st_mtime_ns
    return times


def _page(folder: Path, title: str, software: str) -> str:
    entries = read_entries(folder)
    template = string.Template(TEMPLATE.read_text("utf-8"))
    return template.substitute(
        style=STYLE.read_text("utf-8"),
        title=html.escape(title),
        summary=html.escape(_summary(entries)),
        totals=_totals(entries),
        legend=_legend(entries),
        failures=_failures(entries),
        cards="\n".join(_card(entry, folder) for entry in entries if entry.state != "failed"),
        software=html.escape(software),
    )


def _store(folder: Path, entry: Entry) -> None:
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
    **dict.fromkeys(("key", "name", "message", "target", "recipe", "chosen"), _text),
    "state": _state,
    "size": _size,
    "pixels": _pixels,
    "steps": _steps,
    "numbers": _measured,
    "seconds": _number,
    "pictures": _pictures,
}
"""What each field of an entry is read with."""


def _summary(entries: Sequence[Entry]) -> str:
    count = {
        state: sum(e.state == state for e in entries) for state in ("done", "copied", "failed")
    }
    parts = [
        f"{count['done']} restored" if count["done"] else "",
        f"{count['copied']} needed nothing" if count["copied"] else "",
        f"{count['failed']} failed" if count["failed"] else "",
    ]
    photos = "photo" if len(entries) == 1 else "photos"
    return f"{len(entries)} {photos}: {', '.join(filter(None, parts)) or 'none'}."


def _totals(entries: Sequence[Entry]) -> str:
    pixels = sum(sum(entry.pixels.values()) for entry in entries)
    seconds = sum(entry.seconds for entry in entries)
    facts = {
        "Pixels": f"{pixels / 1e6:,.1f} MP" if pixels else "",
        "Time of the stages": f"{seconds:,.1f} s" if seconds else "",
        "Per megapixel": f"{seconds / pixels * 1e6:.2f} s" if pixels and seconds else "",
    }
    return "".join(
        f"<div><dt>{term}</dt><dd>{value}</dd></div>" for term, value in facts.items() if value
    )


def _legend(entries: Sequence[Entry]) -> str:
    counts = {
        mark: sum(entry.pixels.get(mark.name.lower(), 0) for entry in entries) for mark in Origin
    }
    whole = sum(counts.values()) or 1
    rows = (
        f'<li><span class="swatch" style="background:{LOOKS[mark].css}"></span>'
        f"<b>{percent(count / whole)}</b> {LOOKS[mark].words}</li>"
        for mark, count in counts.items()
        if count
    )
    return f'<ul class="legend">{"".join(rows)}</ul>'


def _failures(entries: Iterable[Entry]) -> str:
    rows = "".join(
        table_row(entry.name, entry.message) for entry in entries if entry.state == "failed"
    )
    if not rows:
        return ""
    return f'<section class="failures"><h2>What failed</h2><table>{rows}</table></section>'


def _card(entry: Entry, folder: Path) -> str:
    name, shares = html.escape(entry.name), entry.shares
    height, width = entry.size
    changed = 1 - shares.get("untouched", 0.0)
    filled = sum(shares.get(mark.name.lower(), 0.0) for mark in Origin if mark >= Origin.FILLED)
    layers = "".join(
        f'<img class="layer overlay {layer}" loading="lazy" alt="" '
        f'src="{_address(entry, f"{layer}.png")}">'
        for layer in entry.pictures
    )
    return (
        f'<article class="card" id="{html.escape(entry.key)}" '
        f'data-state="{html.escape(entry.state)}" data-name="{name}" '
        f'data-changed="{changed:.6f}" data-filled="{filled:.6f}" '
        f'data-seconds="{entry.seconds:.3f}">'
        f'<div class="compare" style="--ratio: {width} / {height}">'
        f"{_picture(entry, 'before')}{_picture(entry, 'after')}{layers}"
        '<span class="edge"></span>'
        '<span class="tag l">Before</span><span class="tag r">After</span>'
        f'<input type="range" min="0" max="100" value="50" aria-label="{name}: share shown as it '
        'was before, in percent"></div>'
        f"<h3>{name}</h3><p>{_words(summary(shares))}</p>"
        f'<div class="row"><button type="button" class="open">Open<span class="hidden"> '
        f"{name}</span></button>{_links(entry, folder)}</div>{_details(entry)}</article>"
    )


def _words(text: str) -> str:
    """Text for a page, in which a number keeps its percent sign on its line."""
    return html.escape(text.replace(" %", "\u00a0%"))


def _picture(entry: Entry, when: str) -> str:
    words = "Before restoring" if when == "before" else "After restoring"
    large = _address(entry, f"{when}.large.jpg")
    return (
        f'<img class="layer {when}" loading="lazy" decoding="async" alt="{words}" '
        f'src="{_address(entry, f"{when}.small.jpg")}" data-large="{large}">'
    )


def _address(entry: Entry, ending: str) -> str:
    return html.escape(urllib.parse.quote(f"{PHOTOS}/{entry.key}.{ending}"))


def _links(entry: Entry, folder: Path) -> str:
    """Links to the result and to its sidecar, as far as they are there."""
    if not entry.target:
        return ""
    target = Path(entry.target)
    return "".join(
        f'<a href="{html.escape(urllib.parse.quote(path.as_posix(), errors="surrogateescape"))}">'
        f"{words}</a>"
        for words, path in (("result", target), ("sidecar", sidecar_path(target)))
        if os.path.exists(folder / path)  # noqa: PTH110
    )


def _details(entry: Entry) -> str:
    height, width = entry.size
    shares = {
        LOOKS[mark].words: percent(entry.shares[mark.name.lower()])
        for mark in Origin
        if mark.name.lower() in entry.shares
    }
    facts = {
        "Size": f"{width} × {height} px",
        "Recipe": f"{entry.recipe}: {entry.chosen}" if entry.chosen else entry.recipe,
        "Time": f"{entry.seconds:.1f} s",
        **{capital(term): value for term, value in (*shares.items(), *entry.steps)},
        **{number_words(name): value for name, value in entry.numbers.items()},
    }
    rows = "".join(table_row(term, value) for term, value in facts.items() if value != "")
    return f"<details><summary>Numbers</summary><table>{rows}</table></details>"
