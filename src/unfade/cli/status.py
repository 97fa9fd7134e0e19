"""`unfade status`: how far is a batch, what failed, and is all that was done still there?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import json_option

if TYPE_CHECKING:
    from ..batch.ledger import Entry

SHOWN = 20
"""Lines per list, unless all are asked for."""


@click.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--verify", is_flag=True, help="Read every result and compare its checksum.")
@click.option("--all", "everything", is_flag=True, help="Show a line for every photo.")
@json_option
@click.pass_context
def command(ctx: click.Context, out: Path, verify: bool, everything: bool, as_json: bool) -> None:
    """Tell what has become of the photos of an output folder of `unfade restore -o OUT`.

    Only reads. Exit code: 0 if all is done, 1 if something failed, broke off, is still to come,
    or is not as it was written.
    """
    from ..batch.ledger import Ledger
    from ..batch.standing import standing

    with Ledger(out, create=False) as ledger:
        entries = ledger.entries()
    states = {entry.target: standing(out, entry, verify) for entry in entries}
    if as_json:
        _print_json(out, entries, states)
    else:
        _print(entries, states, everything)
    ctx.exit(int(any(state not in ("done", "skipped") for state in states.values())))


def _print_json(out: Path, entries: Sequence[Entry], states: dict[str, str]) -> None:
    from ..report.history import plain

    photos = [{**plain(entry), "state": states[entry.target]} for entry in entries]
    for photo in photos:
        del photo["phase"]
    document: dict[str, Any] = {
        "schema": 1,
        "out": str(out),
        "counts": dict(Counter(states.values())),
        "photos": photos,
    }
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def _print(entries: Sequence[Entry], states: dict[str, str], everything: bool) -> None:
    counts = Counter(states.values())
    click.echo(", ".join(f"{number} {state}" for state, number in counts.most_common()) or "empty")
    done = [entry for entry in entries if states[entry.target] == "done"]
    if done:
        seconds = sum(entry.seconds for entry in done)
        click.echo(
            f"worked {seconds:.0f} s, {seconds / len(done):.1f} s per photo; last finished "
            f"{max(entry.ended for entry in done)}"
        )
    for entry in entries if everything else ():
        click.echo(f"  {states[entry.target]:<11} {entry.target}{_why(entry)}")
    if not everything:
        for state in sorted(set(states.values()) - {"done", "planned"}):
            _print_some([entry for entry in entries if states[entry.target] == state], state)


def _print_some(entries: Sequence[Entry], state: str) -> None:
    for entry in entries[:SHOWN]:
        click.echo(f"  {state:<11} {entry.target}{_why(entry)}")
    if len(entries) > SHOWN:
        click.echo(f"  {state:<11} {len(entries) - SHOWN} more; --all shows them")


def _why(entry: Entry) -> str:
    message = entry.message.removeprefix(f"{entry.source}: ")
    return f": {message}" if message else ""
