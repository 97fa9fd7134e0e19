"""The sidecar of an output: everything that was done to it, and what it takes to do it again.

`scan.tif` gets `scan.tif.unfade.json`. Its schema is `sidecar.schema.json` beside this file, and
is explained in `docs/provenance.md`.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ReadError
from ..photo import Damage, Photo
from ..recipe import settings_values
from .deed import Deed, FileFacts, file_facts, marked_steps
from .history import bands, origin_counts, plain, step_dict, value_counts
from .sidecar import write_text
from .source_type import digital_source_type, most_invented
from .versions import versions
from .xmp import source_type_before

SCHEMA = 1
"""Counted up when a reader of older sidecars would misunderstand a newer one."""

WHAT = "unfade sidecar"
ENDING = "unfade.json"
UNWRITTEN = FileFacts(Path(), "", 0)


@dataclasses.dataclass(frozen=True)
class Output:
    """The file that a sidecar belongs to.

    Attributes:
        path: Where it lies.
        format: `jpeg`, `png`, `tiff`, ...
        facts: The file itself, which may still bear another name.
        copied: It is the input, byte for byte, because nothing was changed.
        embedded: The history is in its XMP.
        before_signing: SHA-256 of the file before a C2PA manifest was put in, or empty.
    """

    path: Path
    format: str
    facts: FileFacts = UNWRITTEN
    copied: bool = False
    embedded: bool = False
    before_signing: str = ""


def sidecar_path(target: Path) -> Path:
    """Where the sidecar of an output lies; with the whole name, for one stem can have many."""
    return target.with_name(f"{target.name}.{ENDING}")


def sidecar_dict(
    photo: Photo, deed: Deed, output: Output, others: Iterable[Path]
) -> dict[str, Any]:
    """Describe an output.

    Args:
        photo: As it came out of `run`.
        deed: What was done.
        output: The file it was written to.
        others: Further files that were written, such as the mask.
    Returns:
        Text, numbers, booleans, lists and tables only, as `sidecar.schema.json` has it.
    """
    folder = output.path.parent
    engines = tuple(dict.fromkeys(step.engine for step in photo.history if step.engine))
    return {
        "what": WHAT,
        "schema": SCHEMA,
        "key": deed.key,
        "when": deed.when,
        "software": versions(engines),
        "inputs": {name: _file(facts, folder) for name, facts in deed.inputs.items()},
        "output": _output(photo, output),
        "files": [_file(file_facts(path), folder) for path in others],
        "recipe": _recipe(deed),
        "options": plain(deed.options),
        "equipment": {**plain(deed.equipment), "engines": list(engines)},
        "weights": {name: digest for step in photo.history for name, digest in step.models.items()},
        "seeds": _seeds(deed),
        "steps": [
            {**step_dict(step), "marks": plain(mark)}
            for step, mark in marked_steps(photo, deed.recipe)
        ],
        "pixels": origin_counts(photo),
        "mask": _mask(photo),
        "source_type": digital_source_type(
            most_invented(photo), photo.metadata.medium, source_type_before(photo)
        ),
        "numbers": plain(deed.numbers),
        "seconds": round(sum(step.seconds for step in photo.history), 3),
    }


def write_pages_sidecar(
    target: Path, file: Path, parts: Sequence[Path], replace: bool = True
) -> Path:
    """Make one sidecar of those of the pages that were laid together in one file.

    Args:
        target: The name of that file.
        file: The file itself, which may still bear another name.
        parts: The files of the pages, with their sidecars beside them.
        replace: Whether it may take the place of a file that is there.
    Raises:
        ReadError, WriteError: A sidecar cannot be read or written.
    """
    pages = [read_sidecar(sidecar_path(part)) for part in parts]
    first = pages[0]
    output = _file(dataclasses.replace(file_facts(file), path=target), target.parent)
    same = {name: first[name] for name in ("what", "schema", "when", "software", "inputs")}
    table = {**same, "output": {**output, "format": "tiff", "pages": len(pages)}, "pages": pages}
    path = sidecar_path(target)
    write_text(path, to_json(table), replace)
    return path


def to_json(table: Mapping[str, Any]) -> str:
    """Write a sidecar as text."""
    return json.dumps(table, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_sidecar(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a sidecar.

    Raises:
        ReadError: It cannot be read, is no sidecar, or one of a later schema.
    """
    try:
        told = json.loads(Path(path).read_text("utf-8"))
    except FileNotFoundError as error:
        raise ReadError(f"{path}: no such file; expected a sidecar (NAME.{ENDING})") from error
    except OSError as error:
        raise ReadError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{path}: expected a sidecar in JSON: {error}") from error
    if not isinstance(told, dict) or told.get("what") != WHAT:
        raise ReadError(f"{path}: expected a sidecar (NAME.{ENDING}), got other JSON")
    if told.get("schema") != SCHEMA:
        raise ReadError(
            f"{path}: expected schema {SCHEMA}, got {told.get('schema')!r}; "
            f"use the unfade that wrote it, or a newer one"
        )
    return told


def _output(photo: Photo, output: Output) -> dict[str, Any]:
    height, width = photo.size
    return {
        **_file(dataclasses.replace(output.facts, path=output.path), output.path.parent),
        "format": output.format,
        "size": {"height": height, "width": width, "channels": photo.pixels.shape[2]},
        "copied": output.copied,
        "embedded": output.embedded,
        "sha256_before_signing": output.before_signing or None,
    }


def _recipe(deed: Deed) -> dict[str, Any]:
    stages = [
        {"use": stage.name, "settings": plain(settings_values(stage))} for stage in deed.recipe
    ]
    return {
        "name": deed.recipe.name,
        "about": deed.recipe.about,
        "chosen": deed.chosen,
        "rules": {
            field.name: plain(getattr(deed.recipe, field.name))
            for field in dataclasses.fields(deed.recipe)
            if field.name not in ("name", "about", "stages")
        },
        "stages": stages,
    }


def _seeds(deed: Deed) -> list[dict[str, Any]]:
    return [
        {"stage": stage.name, "position": position, "setting": name, "value": plain(value)}
        for position, stage in enumerate(deed.recipe)
        for name, value in settings_values(stage).items()
        if "seed" in name
    ]


def _mask(photo: Photo) -> dict[str, Any] | None:
    """How much was found to be damaged, and of what kind; None where nobody looked."""
    if photo.damage is None:
        return None
    damaged, total = 0, 0.0
    for band in bands(photo.damage):
        damaged += int(np.count_nonzero(band))
        total += float(band.sum(dtype=np.float64))
    kinds = {} if photo.kinds is None else value_counts(photo.kinds, Damage)
    kinds.pop(Damage.NONE.name.lower(), None)
    return {
        "damaged_pixels": damaged,
        "share": damaged / photo.damage.size,
        "mean": total / photo.damage.size,
        "kinds": kinds,
    }


def _file(facts: FileFacts, folder: Path) -> dict[str, Any]:
    return {
        "path": relative(facts.path, folder),
        "sha256": facts.sha256,
        "bytes": facts.bytes,
    }


def relative(path: Path, folder: Path) -> str:
    """A path as seen from a folder, with `/`; absolute where they share no drive."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return path.absolute().as_posix()
