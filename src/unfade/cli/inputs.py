"""From what a person names to files: folders walked, patterns expanded, targets worked out."""

from __future__ import annotations

import dataclasses
import glob
import itertools
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

import click

from ..batch.fingerprint import is_same
from ..batch.ledger import FILE, FOLDER, Ledger
from ..batch.resume import Known
from ..io.read import PHOTO_SUFFIXES
from ..report.entries import PHOTOS

OURS = re.compile(
    r"\.(restored|inpainted|mask|overlay|origin|step-\d+-\w+)(-\d+)?$"
    r"|\.(jpe?g|jpe|jfif|png|tiff?|webp|avif|hei[cf])\.(web|full|(web-)?\d+px)$",
    re.IGNORECASE,
)
"""Ending of the stem of files that earlier runs wrote."""

OF_ALBUM = re.compile(
    r"(.+-[0-9a-f]{10})\.(json|(before|after)\.(small|large)\.jpg|(mask|origin)\.png)"
)
"""A file of a photo in an album; see `report.album`."""

OTHERS = frozenset(
    {".bmp", ".gif", ".psd", ".jp2", ".j2k", ".jxl", ".pdf", ".svg", ".exr", ".tga"}
    | {".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2"}
)
"""Suffixes of pictures of other kinds, which nobody gives a folder."""

EARLIER = "an earlier result"
"""Why a file is left out that we wrote."""

Test = Callable[[Path], bool]


@dataclasses.dataclass(frozen=True)
class Found:
    """A file that was named or found.

    Attributes:
        path: The file.
        below: Its place in the tree, for mirroring: the name alone where it was named itself.
        problem: Why it is left out; empty for a photo.
        named: Whether a person named it, so that leaving it out is an error.
    """

    path: Path
    below: Path
    problem: str = ""
    named: bool = False


def find(inputs: Iterable[str], is_photo: Test, out: Path | None = None) -> list[Found]:
    """Find the files that inputs stand for, each once, in the order given.

    Args:
        inputs: Files, folders (walked, hidden ones left out) and patterns such as `*.tif`, also
            where the shell did not expand them.
        is_photo: Tells by its name whether a file in a folder is a photo.
        out: Folder of the results; it is not walked, and what its ledger knows as a result is none
            of the photos, but where it is named.
    """
    search = _Search(is_photo, os.path.realpath(out) if out is not None else "", results_in(out))
    found: dict[str, Found] = {}
    for item in itertools.chain.from_iterable(map(search.expand, inputs)):
        known = found.get(key := os.path.realpath(item.path))
        # What a person names is taken, though a folder was walked that holds it.
        if known is None or (known.problem and not item.problem):
            found[key] = item
    return list(found.values())


def results_in(out: Path | None) -> frozenset[str]:
    """What the ledger of a folder says that we wrote, links followed.

    Raises:
        LedgerError: The ledger of the folder cannot be read.
    """
    if out is None or not os.path.isfile(out / FOLDER / FILE):  # noqa: PTH113
        return frozenset()
    with Ledger(out, create=False) as ledger:
        done = [entry for entry in ledger.entries() if entry.after is not None]
    names = {name for entry in done for name in (entry.target, *entry.files)}
    return frozenset(os.path.realpath(out / name) for name in names)


@dataclasses.dataclass(frozen=True)
class _Search:
    """How files are looked for.

    Attributes:
        is_photo: Tells by its name whether a file in a folder is a photo.
        skip: Folder that is not walked, links followed; empty for none.
        results: Files that are earlier results, as `results_in` gives them.
    """

    is_photo: Test
    skip: str
    results: frozenset[str]

    def expand(self, text: str) -> Iterator[Found]:
        """The files that one input stands for."""
        path = Path(text)
        if os.path.isdir(path):  # noqa: PTH112
            yield from self._walk(path)
        elif os.path.exists(path) or not glob.has_magic(text):  # noqa: PTH110
            yield Found(path, Path(path.name), named=True)
        else:
            yield from self._match(path)

    def _match(self, pattern: Path) -> Iterator[Found]:
        matches = sorted(glob.glob(str(pattern), recursive=True))  # noqa: PTH207
        if not matches:
            problem = f"no file matches {str(pattern)!r}"
            yield Found(pattern, Path(pattern.name), problem, named=True)
        for match in map(Path, matches):
            if match.is_dir():
                yield from self._walk(match)
            elif self._is_result(match) and not OURS.search(pattern.stem):
                yield Found(match, Path(match.name), EARLIER)
            else:
                yield Found(match, Path(match.name), named=True)

    def _walk(self, folder: Path) -> Iterator[Found]:
        closed: list[OSError] = []
        for here, folders, files in os.walk(folder, onerror=closed.append):
            below = {n: Path(here) / n for n in sorted(folders) if not n.startswith(".")}
            below = {n: path for n, path in below.items() if os.path.realpath(path) != self.skip}
            left = {name: why for name, path in below.items() if (why := _left_out(path))}
            folders[:] = [name for name in below if name not in left]
            for name, why in left.items():
                yield Found(below[name], below[name].relative_to(folder), why)
            for name in sorted(files):
                path = Path(here) / name
                yield Found(path, path.relative_to(folder), self._problem(path))
        for error in closed:
            path = Path(error.filename)
            problem = f"{path}: cannot be looked into: {error.strerror}"
            yield Found(path, Path(path.name), problem, named=True)

    def _problem(self, path: Path) -> str:
        if path.suffix.lower() in OTHERS and not path.name.startswith("."):
            return f"{path.suffix} is not read here: save it as TIFF or PNG"
        if not self.is_photo(path) or path.name.startswith("."):
            return "not a photo"
        return EARLIER if self._is_result(path) else ""

    def _is_result(self, path: Path) -> bool:
        """Whether earlier runs wrote a file, as its name or the ledger says, or its album."""
        if OURS.search(path.stem) or (self.results and os.path.realpath(path) in self.results):
            return True
        of_album = OF_ALBUM.fullmatch(path.name)
        return of_album is not None and path.with_name(f"{of_album[1]}.json").is_file()


def _left_out(folder: Path) -> str:
    """Why a folder below one that is walked is not walked; empty where it is."""
    if folder.is_symlink():
        return "a link to a folder: not followed"
    # Not of `Path`, which tells of a closed folder by an error.
    if os.path.isdir(folder / FOLDER):  # noqa: PTH112
        return "a folder of earlier results"
    return "an album of earlier results" if _is_of_album(folder) else ""


def _is_of_album(folder: Path) -> bool:
    """Whether nothing lies in a folder but the pictures and data of an album."""
    if folder.name != PHOTOS:
        return False
    try:
        names = [name for name in os.listdir(folder) if not name.startswith(".")]  # noqa: PTH208
    except OSError:
        return False
    return bool(names) and all(map(OF_ALBUM.fullmatch, names))


def targets(
    found: Iterable[Found],
    out: Path | None,
    tag: str,
    suffix: str = "",
    to_file: bool = False,
    known: Sequence[Known] = (),
) -> list[Path]:
    """Work out a target for every file: distinct, and none of them another's source.

    Args:
        found: The photos.
        out: Folder of the results, with the tree mirrored in it; None puts each beside its source
            as `name.tag.suffix`.
        tag: What the result is: `restored`.
        suffix: Suffix of the results; empty keeps each source's own.
        to_file: `out` is the very file to write, not a folder.
        known: Results of earlier runs. A photo keeps its result, in whatever order the photos come
            now, and also where it lies elsewhere now.
    """
    photos = list(found)
    sources = {_absolute(item.path) for item in photos}
    places = {file_key(item.path) for item in photos}
    results = {(result.source, result.place.suffix): result.place for result in known}
    strayed = {file_key(r.place): r for r in known if r.source not in sources}
    taken = {file_key(result.place) for result in known}
    planned = []
    for item in photos:
        target = _target(item, out, tag, suffix, to_file)
        source, key = _absolute(item.path), file_key(target)
        if (source, target.suffix) in results:
            planned.append(results[source, target.suffix])
            continue
        if (result := strayed.pop(key, None)) and _is_moved(item, result):
            planned.append(target)
            continue
        planned.append(free(target, taken, places, file_key(item.path)))
    return planned


def _is_moved(item: Found, result: Known) -> bool:
    """Whether a photo is the source of a result, which lay elsewhere when that was written down.

    A photo that was never begun is known by its name alone, if it is gone from there.
    """
    if result.before is None:
        return not os.path.exists(result.source)  # noqa: PTH110
    return is_same(item.path, result.before)


def _target(item: Found, out: Path | None, tag: str, suffix: str, to_file: bool) -> Path:
    if to_file and out is not None:
        return out
    # The year of `Family.1923` is no suffix.
    own = item.path.suffix if item.path.suffix.lower() in PHOTO_SUFFIXES else ""
    stem, ending = item.path.name.removesuffix(own), suffix or own
    if out is None:
        return item.path.with_name(f"{stem}.{tag}{ending}")
    return (out / item.below).with_name(stem + ending)


def free(target: Path, taken: set[str], sources: Collection[str] = (), own: str = "") -> Path:
    """The target, numbered where it is taken or another's source; it is taken from now on."""
    number = 2
    while (key := file_key(target)) in taken or (key in sources and key != own):
        target = target.with_name(f"{_first_stem(target, number)}-{number}{target.suffix}")
        number += 1
    taken.add(file_key(target))
    return target


def _first_stem(target: Path, number: int) -> str:
    return target.stem.removesuffix(f"-{number - 1}") if number > 2 else target.stem


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100


def file_key(path: Path) -> str:
    """What tells a file from others by its name, links followed."""
    # Windows and macOS take names that differ only in case for the same file.
    return os.path.realpath(path).casefold()


def is_file_target(inputs: tuple[str, ...], out: Path | None, is_photo: Test) -> bool:
    """Whether `-o` names a file: one input that is a file, and a name like that of a photo.

    Raises:
        UsageError: It is called like a file, and several photos cannot go there; or like a picture
            of a kind that is not written.
    """
    if out is None or out.is_dir():
        return False
    if out.suffix.lower() in OTHERS:
        raise click.UsageError(
            f"-o {out}: expected a folder, or a file of {', '.join(sorted(PHOTO_SUFFIXES))}"
        )
    if not is_photo(out):
        return False
    several = glob.has_magic(inputs[0]) and not Path(inputs[0]).exists()
    if len(inputs) != 1 or several or Path(inputs[0]).is_dir():
        raise click.UsageError(f"-o {out} is called like one file; for several, give a folder")
    return True
