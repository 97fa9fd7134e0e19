"""What is asked: aged photos with their truth, pairs of files, or real photos without a truth."""

from __future__ import annotations

import dataclasses
import enum
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..color import in_color
from ..darkroom import Darkroom
from ..degrade import draw_aging
from ..degrade.damage import VISIBLE
from ..errors import EvaluationError
from ..io.read import can_read, read, read_mask
from ..pairs import age_pair
from ..photo import Mask, Photo
from ..pipeline import run
from ..profile import to_srgb
from ..recipe import Recipe


class Kind(enum.StrEnum):
    """What is known about a case."""

    AGED = "aged"
    """A clean photo that is aged here, so that all is known."""
    CLEAN = "clean"
    """A clean photo as it is: what goes in should come out."""
    PAIR = "pair"
    """A damaged and a clean file."""
    REAL = "real"
    """A real photo; nothing is known."""


@dataclasses.dataclass(frozen=True)
class Aging:
    """How clean photos are aged; see `draw_aging`.

    The seeds are those of `unfade age`, so that both make the same photo.
    """

    preset: str = "old-photo-mixed"
    severity: float = 0.5
    seed: int = 0
    library: str = ""
    part: str = "all"


@dataclasses.dataclass(frozen=True)
class Case:
    """One question, as plain data.

    Attributes:
        name: Place of the photo below its folder, with slashes.
        kind: What is known.
        source: The clean photo to be aged, or the file that is given to the method.
        truth: The clean file of a pair.
        mask: Picture of the damage of a pair, white is damaged; None if not known.
        aging: How the photo is aged.
    """

    name: str
    kind: Kind
    source: Path
    truth: Path | None = None
    mask: Path | None = None
    aging: Aging | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """All files it reads."""
        return tuple(path for path in (self.source, self.truth, self.mask) if path is not None)


@dataclasses.dataclass(frozen=True, eq=False)
class Question:
    """A case with its pictures, all in sRGB.

    Attributes:
        case: Where it comes from.
        given: What the method gets.
        truth: What it should give; None for a real photo.
        artifacts: (H, W) largest change of a channel because of artefacts; None if not known.
        kinds: (H, W) uint8 of `Damage`, or None.
    """

    case: Case
    given: Photo
    truth: Photo | None = None
    artifacts: NDArray[np.float32] | None = None
    kinds: NDArray[np.uint8] | None = None

    @property
    def damage(self) -> Mask | None:
        """(H, W) of 0 and 1: where the damage is, or None if not known."""
        return None if self.artifacts is None else (self.artifacts >= VISIBLE).astype(np.float32)


def aged_cases(folder: Path, agings: Sequence[Aging], *, clean: bool = True) -> list[Case]:
    """Every photo of a folder with every aging and, if asked for, as it is.

    Raises:
        EvaluationError: There is no photo in the folder.
    """
    found = photos_in(folder)
    cases = [
        Case(name, Kind.AGED, path, aging=aging) for aging in agings for name, path in found.items()
    ]
    unchanged = [Case(name, Kind.CLEAN, path) for name, path in found.items()] if clean else []
    return cases + unchanged


def paired_cases(
    aged: Path, clean: Path, masks: Path | None = None, *, check: bool = True
) -> list[Case]:
    """Damaged and clean files of equal names, suffixes may differ; the clean ones alone if asked.

    A file of the very name is taken before one of another suffix.

    Raises:
        EvaluationError: There is no photo, or one that has no partner, or several of which none
            has its very name.
    """
    partners = _Partners("partner", clean)
    marked = None if masks is None else _Partners("mask", masks)
    cases = []
    for name, path in photos_in(aged).items():
        mask = None if marked is None else marked.of(path, name)
        cases.append(Case(name, Kind.PAIR, path, partners.of(path, name), mask))
    if check:
        cases += [Case(case.name, Kind.CLEAN, case.truth) for case in cases if case.truth]
    return cases


class _Partners:
    """The photos of a folder, to be found by the names of others; `what` they are says an error."""

    def __init__(self, what: str, folder: Path) -> None:
        self.what, self.folder, self.by_name = what, folder, photos_in(folder)
        self.by_stem: dict[Path, list[str]] = {}
        for name in self.by_name:
            self.by_stem.setdefault(Path(name).with_suffix(""), []).append(name)

    def of(self, path: Path, name: str) -> Path:
        """The file of the very name or, if there is but one, of that name with another suffix.

        Args:
            path, name: The other file, and its place below its own folder.
        Raises:
            EvaluationError: There is none, or several with other suffixes.
        """
        if name in self.by_name:
            return self.by_name[name]
        stem = Path(name).with_suffix("")
        same = self.by_stem.get(stem, [])
        if not same:
            raise EvaluationError(f"{path} has no {self.what} {stem}.* in {self.folder}")
        if len(same) > 1:
            raise EvaluationError(
                f"{path} must have one {self.what} in {self.folder}, got {', '.join(same)}; leave "
                "one of them"
            )
        return self.by_name[same[0]]


def real_cases(folder: Path) -> list[Case]:
    """Every photo of a folder, of which no truth is known.

    Raises:
        EvaluationError: There is no photo in the folder.
    """
    return [Case(name, Kind.REAL, path) for name, path in photos_in(folder).items()]


def photos_in(folder: Path) -> dict[str, Path]:
    """The photos of a folder and all below it, by place, in order.

    Raises:
        EvaluationError: There is no photo in it.
    """
    found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if can_read(p)}
    if not found:
        raise EvaluationError(f"{folder} holds no photo; expected JPEG, PNG, TIFF, WebP ...")
    return dict(sorted(found.items()))


def open_case(case: Case, darkroom: Darkroom) -> Question:
    """Read, and where it is wanted age, the pictures of a case.

    A photo that is aged black and white has its grey version for a truth: it has no color to come
    back to.

    Raises:
        ReadError: A file cannot be read.
        EvaluationError: The files of a pair differ in size.
    """
    given = read_srgb(case.source, darkroom)
    if case.kind is Kind.REAL:
        return Question(case, given)
    if case.kind is Kind.CLEAN:
        return Question(case, given, given, np.zeros(given.size, np.float32))
    if case.kind is Kind.PAIR:
        return _open_pair(case, given, darkroom)
    aging = draw(case, given)
    grey = tuple(stage for stage in aging if stage.name == "grey")
    pair = age_pair(given, aging, darkroom)
    truth = run(given, Recipe("grey", grey), darkroom)
    truth = dataclasses.replace(truth, history=(), origin=None)
    return Question(case, pair.aged, truth, pair.artifacts, pair.kinds)


def draw(case: Case, clean: Photo) -> Recipe:
    """The aging of a case: by place and not by order, so that another photo changes nothing."""
    aging = case.aging or Aging()
    rng = np.random.default_rng((aging.seed, zlib.crc32(case.name.encode()), 0))
    return draw_aging(
        rng,
        aging.preset,
        aging.severity,
        size=clean.size,
        library=aging.library,
        part=aging.part,
    )


def read_srgb(path: Path, darkroom: Darkroom) -> Photo:
    """Read a photo and bring it to sRGB, in which everything is measured."""
    photo = read(path, allocate=darkroom.empty, strips=darkroom.strips)
    pixels = np.clip(to_srgb(photo.pixels, photo.metadata.profile), 0, 1).astype(np.float32)
    told = dataclasses.replace(photo.metadata, profile=None, fields={})
    return Photo(pixels, infrared=photo.infrared, metadata=told)


def _open_pair(case: Case, given: Photo, darkroom: Darkroom) -> Question:
    assert case.truth is not None
    truth = read_srgb(case.truth, darkroom)
    if truth.size != given.size:
        raise EvaluationError(
            f"{case.truth}: the clean photo must be {given.size[1]} x {given.size[0]} like "
            f"{case.source}, got {truth.size[1]} x {truth.size[0]}"
        )
    if case.mask is None:
        return Question(case, given, truth)
    marked = read_mask(case.mask, given.size) >= 0.5
    change = np.abs(in_color(given.pixels) - in_color(truth.pixels)).max(axis=2)
    artifacts = np.where(marked, np.maximum(change, VISIBLE), 0).astype(np.float32)
    return Question(case, given, truth, artifacts)
