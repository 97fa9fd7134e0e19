"""`unfade replay`: do again what a sidecar says, and compare."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import existing, existing_options, json_option, parse_memory

if TYPE_CHECKING:
    from ..jobs.job import Existing
    from ..replay import Replay


@click.command()
@click.argument("sidecars", metavar="SIDECAR...", nargs=-1, required=True)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to keep the results in, with the folders of a tree; by default they are compared "
    "and dropped.",
)
@click.option(
    "--photo",
    type=click.Path(dir_okay=False),
    help="Where the photo is now, if not where the sidecar says; for one sidecar.",
)
@click.option("--engine", metavar="NAME", help="Another engine than the one that ran.")
@click.option(
    "--memory",
    callback=parse_memory,
    metavar="SIZE",
    help="Budget such as 4G.  [that of the sidecar, up to 2G]",
)
@existing_options
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    sidecars: tuple[str, ...],
    out: Path | None,
    photo: str | None,
    engine: str | None,
    memory: int | None,
    overwrite: bool,
    skip_existing: bool,
    as_json: bool,
) -> None:
    """Restore photos again as their sidecars say, and compare; age them again as histories say.

    The sidecar is the NAME.EXT.unfade.json beside an output; a folder stands for all of them in it
    and below. Of an aging it is the file in the folder history/ of `unfade age`. Exit code: 0 if
    every result is the same byte for byte and no earlier one that still lies there was altered,
    else 1; what differs (version, weights, engine, input) is named.
    """
    from ..errors import UnfadeError

    found = [*_find(sidecars)]
    if photo and len(found) > 1:
        raise click.UsageError("--photo is for one sidecar")
    there, told = existing(overwrite, skip_existing), []
    with tempfile.TemporaryDirectory(prefix="unfade-replay-") as scratch:
        for number, (path, place) in enumerate(found):
            folder = out / place if out else Path(scratch) / str(number)
            try:
                done = _replay(path, folder, photo, engine, there, memory)
                told.append(_told(path, done, kept=out is not None))
            except (UnfadeError, ValueError, OSError) as error:
                failed = {"identical": False, "altered": False, "error": str(error)}
                told.append({"sidecar": path, **failed})
            if not as_json:
                _show(told[-1])
    if as_json:
        click.echo(json.dumps({"schema": 1, "replays": told}, indent=2, ensure_ascii=False))
    ctx.exit(int(not all(entry["identical"] and not entry["altered"] for entry in told)))


def _find(named: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """Sidecars, each with its folder as seen from the one that was named; folders are walked."""
    for name in named:
        if Path(name).is_dir():
            yield from _walk(name)
        else:
            yield name, Path()


def _walk(folder: str) -> Iterator[tuple[str, Path]]:
    """Sidecars in a folder and below; a folder without any, or a closed one, comes as it is."""
    from ..report.record import ENDING

    closed: list[OSError] = []
    found = [
        (str(Path(here) / file), Path(here).relative_to(folder))
        for here, _, files in sorted(os.walk(folder, onerror=closed.append))
        for file in sorted(files)
        if file.endswith(f".{ENDING}")
    ]
    yield from found
    yield from ((str(error.filename), Path()) for error in closed)
    if not found and not closed:
        yield folder, Path()


def _refuse_folder(path: str) -> None:
    """Say of a folder why nothing in it can be replayed."""
    from ..errors import ReadError

    if not Path(path).is_dir():
        return
    try:
        os.listdir(path)  # noqa: PTH208
    except OSError as error:
        raise ReadError(f"{path}: cannot be looked into: {error.strerror}") from error
    raise ReadError(f"{path}: expected sidecars (NAME.EXT.unfade.json), got a folder without any")


def _replay(
    path: str,
    out: Path,
    photo: str | None,
    engine: str | None,
    there: Existing,
    memory: int | None,
) -> Replay:
    from ..errors import ReadError
    from ..replay import output_name, replay_sidecar
    from .reaging import aged_name, read_aging, replay_aging

    _refuse_folder(path)
    aging = read_aging(path)
    if aging is None:
        target = out / output_name(path)
        return replay_sidecar(
            path, target, photo=photo, engine=engine, existing=there, memory=memory
        )
    try:
        target = out / aged_name(aging)
        return replay_aging(aging, Path(path).parent, target, photo, there, memory)
    except (KeyError, TypeError, AttributeError) as error:
        raise ReadError(f"{path}: not as `unfade age` writes it, at {error!r}") from error


def _told(sidecar: str, done: Replay, kept: bool) -> dict[str, object]:
    return {
        "sidecar": sidecar,
        "identical": done.identical,
        "altered": done.altered,
        "target": done.target if kept else "",
        "expected": done.expected,
        "got": done.got,
        "differs": list(done.differs),
        "result": list(done.result),
    }


def _show(entry: dict[str, object]) -> None:
    if "error" in entry:
        said = str(entry["error"]).removeprefix(f"{entry['sidecar']}: ")
        click.echo(f"{entry['sidecar']}: failed: {said}")
        return
    words = "identical" if entry["identical"] else "not identical"
    click.echo(f"{entry['sidecar']}: {words}, sha256 {str(entry['got'])[:16]}")
    for line in (*entry["differs"], *entry["result"]):  # type: ignore[misc]
        click.echo(f"  {line}")
    if entry["target"]:
        click.echo(f"  + {entry['target']}")
