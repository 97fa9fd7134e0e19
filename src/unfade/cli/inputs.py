"""From what a person names to files: folders walked, patterns expanded, targets worked out."""

from __future__ import annotations

import dataclasses
import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

OURS = re.compile(
    r"\.(restored|inpainted|mask|overlay|step-\d+-\w+)(-\d+)?(\.(web|full|(web-)?\d+px))?$"
)
"""Ending of the stem of files that earlier runs wrote beside their sources."""

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
        out: Folder of the results; it is not walked.
    """
    found: list[Found] = []
    seen: set[str] = set()
    for text in inputs:
        for item in _expand(text, is_photo, out):
            key = os.path.realpath(item.path)
            if key not in seen:
                seen.add(key)
                found.append(item)
    return found


def _expand(text: str, is_photo: Test, out: Path | None) -> Iterator[Found]:
    path = Path(text)
    if path.is_dir():
        yield from _walk(path, is_photo, out)
    elif path.exists() or not glob.has_magic(text):
        yield Found(path, Path(path.name), named=True)
    else:
        matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207
        if not matches:
            yield Found(path, Path(path.name), f"no file matches {text!r}", named=True)
        for match in map(Path, matches):
            if match.is_dir():
                yield from _walk(match, is_photo, out)
            else:
                yield Found(match, Path(match.name), named=True)


def _walk(folder: Path, is_photo: Test, out: Path | None) -> Iterator[Found]:
    skip = os.path.realpath(out) if out is not None else ""
    closed: list[OSError] = []
    for here, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and os.path.realpath(Path(here) / name) != skip
        )
        for name in sorted(files):
            path = Path(here) / name
            yield Found(path, path.relative_to(folder), _problem(path, is_photo))
    for error in closed:
        path = Path(error.filename)
        problem = f"{path}: cannot be looked into: {error.strerror}"
        yield Found(path, Path(path.name), problem, named=True)


def _problem(path: Path, is_photo: Test) -> str:
    if not is_photo(path) or path.name.startswith("."):
        return "not a photo"
    return "an earlier result" if OURS.search(path.stem) else ""


def targets(
    found: Iterable[Found], out: Path | None, tag: str, suffix: str = "", to_file: bool = False
) -> list[Path]:
    """Work out a target for every file: distinct, and none of them a source.

    Args:
        found: The photos.
        out: Folder of the results, with the tree mirrored in it; None puts each beside its source
            as `name.tag.suffix`.
        tag: What the result is: `restored`.
        suffix: Suffix of the results; empty keeps each source's own.
        to_file: `out` is the very file to write, not a folder.
    """
    taken: set[str] = set()
    planned = []
    for item in found:
        target = _target(item, out, tag, suffix, to_file)
        number = 2
        while _key(target) in taken:
            target = target.with_name(f"{_first_stem(target, number)}-{number}{target.suffix}")
            number += 1
        taken.add(_key(target))
        planned.append(target)
    return planned


def _target(item: Found, out: Path | None, tag: str, suffix: str, to_file: bool) -> Path:
    if to_file and out is not None:
        return out
    ending = suffix or item.path.suffix
    if out is None:
        return item.path.with_name(f"{item.path.stem}.{tag}{ending}")
    return (out / item.below).with_suffix(ending) if ending else out / item.below


def _first_stem(target: Path, number: int) -> str:
    return target.stem.removesuffix(f"-{number - 1}") if number > 2 else target.stem


def _key(path: Path) -> str:
    # Windows and macOS take names that differ only in case for the same file.
    return os.path.realpath(path).casefold()


def is_file_target(inputs: tuple[str, ...], out: Path | None, is_photo: Test) -> bool:
    """Whether `-o` names a file: one input that is a file, and a name like that of a photo."""
    if out is None or out.is_dir() or len(inputs) != 1 or Path(inputs[0]).is_dir():
        return False
    several = glob.has_magic(inputs[0]) and not Path(inputs[0]).exists()
    return is_photo(out) and not several
