"""Masks of many photos: written under the names of their photos, and found again by these."""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np

from ..batch.resume import Wish, ahead
from ..darkroom import Darkroom
from ..errors import ReadError
from ..io.read import read
from ..jobs.job import Job
from ..jobs.outcome import Outcome, State
from ..jobs.run import open_darkroom
from ..report.sidecar import beside
from .inputs import Found, file_key, free

MASK = re.compile(r"(.*)\.mask((?:-\d+)?)\.png", re.DOTALL)
"""A mask's name: what its companions share, and the number of one that would be there twice."""

PAGE = re.compile(r"(.*)\.page-(\d+)", re.DOTALL)
"""What the mask of one page of a TIFF shares with its companions: the photo's name, the page."""


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


def split_mask(mask: Path) -> tuple[str, str]:
    """What a mask's name shares with those of its companions, and its number, `-2` or empty."""
    match = MASK.fullmatch(mask.name)
    assert match is not None
    return match[1], match[2]


def companion(mask: Path, what: str, suffix: str) -> Path:
    """What `unfade detect` writes beside a mask: its `overlay`, its statistics, `damage`."""
    stem, number = split_mask(mask)
    return mask.with_name(f"{stem}.{what}{number}{suffix}")


MOST_MARKED = 0.9
"""Share of a photo from which a mask is none."""


class Masks(NamedTuple):
    """The mask of a photo, or of pages of it by their number, from 1; both empty if it has none."""

    whole: str = ""
    pages: tuple[tuple[int, str], ...] = ()


def masks_given(given: str, found: Sequence[Found], page: int = 0) -> list[Masks]:
    """The mask of every photo: the one given, or its own where a folder of masks is.

    A folder is searched as `unfade detect` fills it; where statistics beside a mask name another
    photo, it is not taken. One named without the suffix of its photo, `scan.mask.png`, is taken
    where no other photo could be meant.

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
    shelf, others = _Shelf(folder, found), _Others(found)
    numbers = [split_mask(place)[1] for place in mask_places(found, folder)]
    masks = [
        _own_masks(shelf.called_like(item, others), item, number, others, page)
        for item, number in zip(found, numbers, strict=True)
    ]
    if found and not any(map(any, masks)):
        wanted = beside(folder / found[0].below, "mask.png")
        source = _source(wanted)
        raise click.UsageError(
            f"--mask {given}: no mask in this folder belongs to a photo given; expected such as "
            f"{wanted}, as `unfade detect -o {given}` writes them"
            + (f"; {wanted.name} there is of {source}" if source else "")
        )
    return masks


class _Mask(NamedTuple):
    """A mask in a folder of masks; `page` from 1, 0 of the whole; `source` where that is known."""

    path: Path
    page: int
    source: str


class _Others:
    """How many of the photos given could be meant by a name, a stem, a folder and a name."""

    def __init__(self, found: Sequence[Found]) -> None:
        self.names = collections.Counter(item.below for item in found)
        self.stems = collections.Counter(item.below.with_suffix("") for item in found)
        self.tails = collections.Counter(_tail(item.path) for item in found)


class _Shelf:
    """The masks of a folder, listed once, by the place of the photo that they are called like."""

    def __init__(self, folder: Path, found: Sequence[Found]) -> None:
        self._folder = folder
        self._pages: Mapping[Path, list[tuple[Path, int]]] = collections.defaultdict(list)
        for below in {item.below.parent for item in found}:
            if os.path.isdir(folder / below):  # noqa: PTH112
                self._put_in(folder / below)

    def called_like(self, item: Found, others: _Others) -> list[_Mask]:
        """The masks that are called like a photo, or like its stem where no other has that."""
        place = self._folder / item.below
        bare = place.with_suffix("")
        known = list(self._pages.get(place, ()))
        if bare != place and others.stems[item.below.with_suffix("")] == 1:
            known += [(path, page) for path, page in self._pages.get(bare, ()) if not page]
        return [_Mask(path, page, _source(path)) for path, page in known]

    def _put_in(self, here: Path) -> None:
        for path in sorted(here.iterdir()):
            if match := MASK.fullmatch(path.name):
                self._pages[here / match[1]].append((path, 0))
                if page := PAGE.fullmatch(match[1]):
                    self._pages[here / page[1]].append((path, int(page[2])))


def _own_masks(
    called: Sequence[_Mask], item: Found, number: str, others: _Others, page: int
) -> Masks:
    """The masks of a photo among those that are called like it."""
    own: dict[int, str] = {}
    for each in sorted({mask.page for mask in called}):
        alike = [mask for mask in called if mask.page == each]
        if mask := _own_mask(alike, item, number, others):
            own[each] = mask
    if page in own:
        return Masks(own[page])
    return Masks(own.get(0, "")) if page else Masks("", tuple(own.items()))


def _own_mask(alike: Sequence[_Mask], item: Found, number: str, others: _Others) -> str:
    """The mask that surely is a photo's own; '' where it may be another's.

    That is the one made of this very file; of a file that is gone now, and had the same folder and
    name, or the same name alone where there is no other; or, where nothing tells of what it was
    made, the one that `unfade detect` of these photos would write.

    Args:
        alike: Masks for the same page that are called like the photo.
        number: Which this photo's would have.
    """
    own = [mask for mask in alike if _is_file(mask.source, item.path)]
    gone = [mask for mask in alike if mask.source and not os.path.exists(mask.source)]  # noqa: PTH110
    kin = [mask for mask in gone if _tail(Path(mask.source)) == _tail(item.path)]
    known = len(kin) == 1 and others.tails[_tail(item.path)] == 1
    lone = gone if len(alike) == 1 and others.names[item.below] == 1 else []
    silent = [mask for mask in alike if not mask.source and split_mask(mask.path)[1] == number]
    return next((str(m.path) for m in (*own, *(kin if known else lone), *silent)), "")


def _tail(path: Path) -> tuple[str, ...]:
    """Folder and name of a file."""
    return Path(os.path.abspath(path)).parts[-2:]  # noqa: PTH100


def _is_file(source: str, path: Path) -> bool:
    try:
        return bool(source) and os.path.samefile(source, path)  # noqa: PTH121
    except (OSError, ValueError):
        return False


def _source(mask: Path) -> str:
    """The photo that a mask was made of, as the statistics beside it tell; '' where none do."""
    try:
        told = json.loads(companion(mask, "damage", ".json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return ""
    source = told.get("source") if isinstance(told, dict) else None
    return source if isinstance(source, str) else ""


def without_wrong_masks(
    jobs: Sequence[Job], wish: Wish | None = None
) -> tuple[list[Job], list[Outcome]]:
    """Take out, before any photo is begun, the jobs whose mask marks nearly all of the photo.

    Such a mask is a photo, an overlay, or inverted, and would leave nothing of the photo.

    Args:
        jobs: All photos.
        wish: The output folder; masks of photos that its ledger says are done are not read again.
    Returns:
        The jobs that can be done, and outcomes of the others.
    """
    if not any(map(_masks_of, jobs)):
        return list(jobs), []
    shares: dict[str, float] = {}
    good, refused = [], []
    for job, decided in zip(jobs, ahead(jobs, wish), strict=True):
        masks = _masks_of(job) if isinstance(decided, Job) else []
        for mask in set(masks) - shares.keys():
            shares[mask] = marked_share(mask, open_darkroom(job.equipment))
        wrong = next((mask for mask in masks if shares[mask] >= MOST_MARKED), "")
        if wrong:
            refused.append(_refused(job, wrong, shares[wrong]))
        else:
            good.append(job)
    return good, refused


def marked_share(mask: str, darkroom: Darkroom) -> float:
    """Share of a mask that marks something, however faintly; 0 where it cannot be read.

    That is told by the job, as is another size than the photo's.
    """
    try:
        picture = read(mask, allocate=darkroom.empty, strips=darkroom.strips)
    except (ReadError, OSError):
        return 0.0
    marked = 0

    def count(rows: slice) -> None:
        nonlocal marked
        seen = picture.pixels[rows].any(axis=2)
        seen = seen if picture.alpha is None else seen & (picture.alpha[rows] > 0)
        marked += int(np.count_nonzero(seen))

    darkroom.strips(count, picture.size)
    return marked / (picture.size[0] * picture.size[1])


def _masks_of(job: Job) -> list[str]:
    return [mask for mask in (job.mask, *(path for _, path in job.page_masks)) if mask]


def _refused(job: Job, mask: str, share: float) -> Outcome:
    message = (
        f"{mask} marks {100 * share:.1f} % of the photo; expected a mask, mostly black with white "
        "where it is damaged; this looks like a photo or an overlay: give NAME.mask.png"
    )
    return Outcome(
        dataclasses.replace(job, target=""), State.FAILED, message, error=ReadError.__name__
    )


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
