"""Which files may be written: never a photo, and what another wrote only when asked to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import click

from ..io.identity import identities

HEAD_BYTES = 2**16
"""How far into a page its title is looked for."""

ALBUM, EVALUATION = (f"· {who}</title>".encode() for who in ("unfade", "unfade evaluate"))
"""How the titles of our pages end."""


def check_places(
    option: str,
    places: Sequence[Path],
    photos: Iterable[Path],
    is_ours: Callable[[Path], bool],
    overwrite: bool,
) -> None:
    """Refuse to replace a photo or, unless asked to, a file that we did not write.

    Args:
        option: Which names the places: `--sheet`.
        places: What will be written.
        photos: What is never replaced, there or not yet.
        is_ours: Tells whether a file that is there was written under this option before.
        overwrite: Whether other files may be replaced too.
    Raises:
        UsageError: A place is one of the photos, or is there already and not ours.
    """
    kept = {identity for path in photos for identity in identities(path)}
    for place in places:
        if identities(place) & kept:
            raise click.UsageError(f"{option} {place} is one of the photos; choose another name")
        if place.exists() and not overwrite and not (place.is_file() and is_ours(place)):
            raise click.UsageError(
                f"{option} {place} exists, and unfade did not write it for this; use --overwrite, "
                "or choose another name"
            )


def check_folder(folder: Path, names: Iterable[str], is_ours: Callable[[Path], bool]) -> None:
    """Refuse a folder of results in which a file lies that would be replaced, and is not ours.

    Args:
        folder: As `-o` names it.
        names: Of what will be written there.
        is_ours: Tells of a file that is there whether we wrote it.
    Raises:
        UsageError: There is such a file.
    """
    for place in (folder / name for name in names):
        if place.exists() and not (place.is_file() and (_is_empty(place) or is_ours(place))):
            raise click.UsageError(
                f"-o {folder}: {place.name} is there, and unfade did not write it for this; choose "
                "another folder, or move it away"
            )


def check_album(folder: str, overwrite: bool) -> None:
    """Refuse, before any work, an album in the place of a page that is none of ours.

    Raises:
        UsageError: Such a page is there, and not to be replaced.
    """
    check_places("--album", [Path(folder) / "index.html"], (), is_album_page, overwrite)


def is_album_page(path: Path) -> bool:
    """Whether a file is the page of an album; not one that cannot be read."""
    return ALBUM in _head(path)


def is_of_evaluation(path: Path) -> bool:
    """Whether `unfade evaluate` wrote a file: its page, its table or its numbers.

    A table in Parquet does not tell; it is ours where the numbers beside it are.
    """
    if path.suffix == ".parquet":
        return is_of_evaluation(path.with_name("evaluation.json"))
    begins = {".csv": b"method,photo,kind,preset,severity,", ".json": b'{\n "about": {\n  "title":'}
    if path.suffix in begins:
        return _head(path).startswith(begins[path.suffix])
    return EVALUATION in _head(path)


def is_demo(folder: Path) -> bool:
    """Whether a folder holds the history of a demo, and so its results."""
    try:
        told = json.loads((folder / "aged.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(told, dict) and told.get("chosen") == "the demo" and "steps" in told


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


def _is_empty(path: Path) -> bool:
    """Whether there is nothing to lose in a file; not one that cannot be looked at."""
    try:
        return path.stat().st_size == 0
    except OSError:
        return False
