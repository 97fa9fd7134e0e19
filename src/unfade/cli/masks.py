"""Masks of many photos: written under the names of their photos, and found again by these."""

from __future__ import annotations

import collections
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from ..report.sidecar import beside
from .inputs import Found, file_key, free


def mask_places(found: Iterable[Found], out: Path | None) -> list[Path]:
    """Where the mask of every photo is written: distinct, `scan.tif.mask.png`.

    Args:
        found: The photos.
        out: Folder of the masks, with the tree mirrored in it; None puts each beside its photo.
    """
    taken: set[str] = set()
    photos = list(found)
    sources = {file_key(item.path) for item in photos}
    return [
        free(beside(item.path if out is None else out / item.below, "mask.png"), taken, sources)
        for item in photos
    ]


class Masks(NamedTuple):
    """The mask of a photo, or of pages of it by their number, from 1; both empty if it has none."""

    whole: str = ""
    pages: tuple[tuple[int, str], ...] = ()


def masks_given(given: str, found: Sequence[Found], page: int = 0) -> list[Masks]:
    """The mask of every photo: the one given, or its own where a folder of masks is.

    A folder is searched as `unfade detect` fills it. One named without the suffix of its photo,
    `scan.mask.png`, is taken where no other photo could be meant.

    Args:
        given: A file for all, a folder, or '' for none.
        found: The photos.
        page: Page of a TIFF that is taken alone, from 1.
    Raises:
        UsageError: There is no such file, or the folder has no mask for any of the photos.
    """
    folder = Path(given)
    if given and not folder.exists():
        raise click.UsageError(f"--mask {given}: no such file or folder; check the path")
    if not given or not folder.is_dir():
        return [Masks(given)] * len(found)
    stems = collections.Counter(item.below.with_suffix("") for item in found)
    masks = [_mask_in(folder, item, page, stems[item.below.with_suffix("")] == 1) for item in found]
    if found and not any(map(any, masks)):
        wanted = beside(folder / found[0].below, "mask.png")
        raise click.UsageError(
            f"--mask {given}: no mask in this folder belongs to a photo given; expected such as "
            f"{wanted}, as `unfade detect -o {given}` writes them"
        )
    return masks


def _mask_in(folder: Path, item: Found, page: int, alone: bool) -> Masks:
    place = folder / item.below
    pages = _pages(place)
    if page in pages:
        return Masks(pages[page])
    names = [beside(place, "mask.png")]
    names += [beside(place.with_suffix(""), "mask.png")] if alone else []
    whole = next((str(name) for name in names if name.is_file()), "")
    return Masks(whole) if whole or page else Masks("", tuple(sorted(pages.items())))


def _pages(place: Path) -> dict[int, str]:
    """Masks of single pages, `scan.tif.page-2.mask.png`, by their number."""
    if not place.parent.is_dir():
        return {}
    name = re.compile(re.escape(place.name) + r"\.page-(\d+)\.mask\.png")
    found = ((name.fullmatch(path.name), path) for path in place.parent.iterdir())
    return {int(match[1]): str(path) for match, path in found if match}


def tell_unmasked(items: Sequence[Found], masks: Sequence[Masks], given: str | None) -> None:
    """Warn of photos for which a folder of masks has none: damage is looked for in them."""
    without = [item.path.name for item, mask in zip(items, masks, strict=True) if not any(mask)]
    if given and without:
        names = ", ".join(without[:3]) + (", ..." if len(without) > 3 else "")
        click.echo(
            f"warning: {given} has no mask for {len(without)} of {len(items)} photos, in which "
            f"damage is looked for: {names}",
            err=True,
        )
