"""Masks of many photos: written under the names of their photos, and found again by these."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from ..report.sidecar import beside
from .inputs import Found, free


def mask_places(found: Iterable[Found], out: Path | None) -> list[Path]:
    """Where the mask of every photo is written: distinct, `scan.tif.mask.png`.

    Args:
        found: The photos.
        out: Folder of the masks, with the tree mirrored in it; None puts each beside its photo.
    """
    taken: set[str] = set()
    return [
        free(beside(item.path if out is None else out / item.below, "mask.png"), taken)
        for item in found
    ]


def masks_given(given: str, found: Sequence[Found], page: int = 0) -> list[str]:
    """The mask of every photo: the one given, or its own where a folder of masks is.

    A folder is searched as `mask_places` fills it. One named without the suffix of its photo,
    `scan.mask.png`, is taken where no other photo could be meant.

    Args:
        given: A file for all, a folder, or '' for none.
        found: The photos.
        page: Page of a TIFF that is taken alone, from 1; its mask may be called
            `scan.tif.page-2.mask.png`.
    Returns:
        A path for each photo, '' where it has no mask.
    Raises:
        UsageError: The folder has no mask for any of them.
    """
    folder = Path(given)
    if not given or not folder.is_dir():
        return [given] * len(found)
    stems = collections.Counter(item.below.with_suffix("") for item in found)
    masks = [_mask_in(folder, item, page, stems[item.below.with_suffix("")] == 1) for item in found]
    if found and not any(masks):
        wanted = beside(folder / found[0].below, "mask.png")
        raise click.UsageError(
            f"--mask {given}: no mask in this folder belongs to a photo given; expected such as "
            f"{wanted}, as `unfade detect -o {given}` writes them"
        )
    return masks


def _mask_in(folder: Path, item: Found, page: int, alone: bool) -> str:
    place = folder / item.below
    names = [beside(place, f"page-{page}.mask.png")] if page else []
    names += [beside(place, "mask.png")]
    names += [beside(place.with_suffix(""), "mask.png")] if alone else []
    return next((str(name) for name in names if name.is_file()), "")


def tell_unmasked(items: Sequence[Found], masks: Sequence[str], given: str | None) -> None:
    """Warn of photos for which a folder of masks has none: damage is looked for in them."""
    without = [item.path.name for item, mask in zip(items, masks, strict=True) if not mask]
    if given and without:
        names = ", ".join(without[:3]) + (", ..." if len(without) > 3 else "")
        click.echo(
            f"warning: {given} has no mask for {len(without)} of {len(items)} photos, in which "
            f"damage is looked for: {names}",
            err=True,
        )
