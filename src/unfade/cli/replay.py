"""`unfade replay`: do again what a sidecar says, and compare."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import existing, existing_options, json_option

if TYPE_CHECKING:
    from ..jobs import Existing
    from ..replay import Replay


@click.command()
@click.argument("sidecars", metavar="SIDECAR...", nargs=-1, required=True)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to keep the results in; by default they are compared and dropped.",
)
@click.option(
    "--photo",
    type=click.Path(dir_okay=False),
    help="Where the photo is now, if not where the sidecar says; for one sidecar.",
)
@click.option("--engine", metavar="NAME", help="Another engine than the one that ran.")
@existing_options
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    sidecars: tuple[str, ...],
    out: Path | None,
    photo: str | None,
    engine: str | None,
    overwrite: bool,
    skip_existing: bool,
    as_json: bool,
) -> None:
    """Restore photos again as their sidecars say, and compare; age them again as histories say.

    The sidecar is the NAME.EXT.unfade.json beside an output; of an aging it is the file in the
    folder history/ of `unfade age`. Exit code: 0 if every result is the
    same byte for byte, else 1; what differs (version, weights, engine, input) is named.
    """
    from ..errors import UnfadeError

    if photo and len(sidecars) > 1:
        raise click.UsageError("--photo is for one sidecar")
    there, told = existing(overwrite, skip_existing), []
    with tempfile.TemporaryDirectory(prefix="unfade-replay-") as scratch:
        for number, path in enumerate(sidecars):
            try:
                done = _replay(path, out or Path(scratch) / str(number), photo, engine, there)
                told.append(_told(path, done, kept=out is not None))
            except (UnfadeError, ValueError, OSError) as error:
                told.append({"sidecar": path, "identical": False, "error": str(error)})
            if not as_json:
                _show(told[-1])
    if as_json:
        click.echo(json.dumps({"schema": 1, "replays": told}, indent=2, ensure_ascii=False))
    ctx.exit(int(not all(entry["identical"] for entry in told)))


def _replay(path: str, out: Path, photo: str | None, engine: str | None, there: Existing) -> Replay:
    from ..errors import ReadError
    from ..replay import output_name, replay_sidecar
    from .reaging import aged_name, read_aging, replay_aging

    aging = read_aging(path)
    if aging is None:
        target = out / output_name(path)
        return replay_sidecar(path, target, photo=photo, engine=engine, existing=there)
    try:
        return replay_aging(aging, Path(path).parent, out / aged_name(aging), photo, there)
    except (KeyError, TypeError, AttributeError) as error:
        raise ReadError(f"{path}: not as `unfade age` writes it, at {error!r}") from error


def _told(sidecar: str, done: Replay, kept: bool) -> dict[str, object]:
    return {
        "sidecar": sidecar,
        "identical": done.identical,
        "target": done.target if kept else "",
        "expected": done.expected,
        "got": done.got,
        "differs": list(done.differs),
        "result": list(done.result),
    }


def _show(entry: dict[str, object]) -> None:
    if "error" in entry:
        click.echo(f"{entry['sidecar']}: failed: {entry['error']}")
        return
    words = "identical" if entry["identical"] else "not identical"
    click.echo(f"{entry['sidecar']}: {words}, sha256 {str(entry['got'])[:16]}")
    for line in (*entry["differs"], *entry["result"]):  # type: ignore[misc]
        click.echo(f"  {line}")
    if entry["target"]:
        click.echo(f"  + {entry['target']}")
