"""The album of a batch: one page of all photos that works from its folder, without any network.

While a photo is restored, pictures of it and a line of data go into `photos/`; at the end the
page is made of all that lies there. So a batch that is resumed, or done by several processes or
machines, ends in one page.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from ..photo import Photo
from .album_page import make_page
from .deed import Deed
from .entries import PHOTOS, Entry, drop_pages, entry_key, store
from .history import origin_counts, origin_share
from .page import summary
from .pictures import jpeg, mask_overlay, origin_overlay, png
from .record import relative
from .sidecar import write_bytes, write_text

INDEX = "index.html"
SMALL, LARGE, OVERLAY = 420, 1400, 1000
"""Longer sides in pixels of the pictures in the list, opened, and of what is laid over both."""

ROUNDS = 10
"""How often a page is made again because photos came meanwhile. Whoever still puts them in makes
it once more when he ends."""


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
        did=summary(origin_share(after), after.history),
    )
    store(folder, entry)
    return entry


def write_failure(folder: Path, source: Path, target: Path, message: str) -> None:
    """Put a photo that could not be restored into an album, and none of its pages.

    Raises:
        WriteError: As in `write_entry`.
    """
    drop_pages(folder, target, source)
    key = entry_key(folder, target, source)
    store(folder, Entry(key, source.name, "failed", message, relative(target, folder)))


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
        write_text(path, make_page(folder, title, software))
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
