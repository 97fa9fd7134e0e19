"""`unfade models`: which networks there are, whether they are whole, whose they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import json_option

if TYPE_CHECKING:
    from ..models.card import ModelCard

FOR = {
    "damage": "finds damage",
    "overview": "finds damage too large for the network of damage",
    "verify": "judges the marks of the network of damage",
    "inpaint": "fills damage",
    "denoise": "reduces noise, grain and JPEG blocks",
    "deblur": "sharpens what is slightly blurred",
    "fading": "sees how a photo faded",
    "veils": "sees stains, tape and light leaks",
    "restore": "restores in one stage",
}
"""What a network is for, by its task."""


@click.group(invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, verify, credit and add networks; without a command, list them."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_models)


@command.command("list")
@click.option("--verbose", is_flag=True, help="Tell more of each, and its measured quality.")
@json_option
def list_models(verbose: bool = False, as_json: bool = False) -> None:
    """List the networks: what each is for, and its size."""
    import dataclasses
    import json

    from ..models.zoo import Zoo

    cards = Zoo().list()
    if as_json:
        told = [{**dataclasses.asdict(card), "quality": dict(card.quality)} for card in cards]
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    if not cards:
        click.echo("no models; reinstall unfade")
    width = max((len(card.name) for card in cards), default=0)
    for card in cards:
        does = FOR.get(card.task, f"for a task of its own, {card.task}")
        size = f"{card.preset}, {card.parameters / 1e3:,.0f} thousand weights"
        click.echo(f"{card.name:<{width}}  {does}; {size}")
        for line in (card.about, _quality(card)) if verbose else ():
            if line:
                click.echo(f"{'':<{width}}  {line}")


@command.command("verify")
@click.pass_context
def verify(ctx: click.Context) -> None:
    """Check every network against the checksum on its card."""
    from ..models.zoo import Zoo

    problems = Zoo().verify()
    width = max(map(len, problems), default=0)
    for name, problem in problems.items():
        click.echo(f"{name:<{width}}  {problem or 'checksum matches'}")
    if not problems:
        click.echo("no models; reinstall unfade")
    ctx.exit(int(not problems or any(problems.values())))


@command.command("licence")
def licence() -> None:
    """Tell the licence of each network, what it learned from, and the paper it grew from."""
    from ..models.zoo import Zoo

    for card in Zoo().list():
        click.echo(card.name)
        for word, text in (
            ("licence", card.license),
            ("data", card.data),
            ("command", card.command),
            ("paper", card.paper),
        ):
            if text:
                click.echo(f"  {word:<8} {text}")


@command.command("add")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--card", type=click.Path(path_type=Path), help="Its card; FILE.toml by default.")
@click.option("--engine", default="auto", metavar="NAME", help="Engine to try it with.")
def add(file: Path, card: Path | None, engine: str) -> None:
    """Keep a network of your own: an ONNX file with its card, tried before it is copied.

    It is found before a shipped network of the same name. `unfade restore` asks for networks by
    name: one of another name, or of a task that it does not have, is only kept.
    """
    from ..engines import open_engine
    from ..models.own import add_model
    from ..models.zoo import SHIPPED, Zoo, own_folder

    shipped = {known.name for known in Zoo(SHIPPED).list()}
    kept = add_model(file, open_engine(engine), card)
    click.echo(f"{kept.name}: kept in {own_folder()}")
    if kept.name in shipped:
        click.echo(
            f"it takes the place of the shipped {kept.name}; `unfade models remove` undoes it"
        )
    elif kept.name not in {n for known in Zoo().list() for n in (known.verifier, known.overview)}:
        click.echo(
            f"`unfade restore` never asks for it: it runs {', '.join(sorted(shipped))}, by these "
            "names; `unfade evaluate --network FILE` runs others"
        )


@command.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Take a network of your own away again."""
    from ..models.own import remove_model

    remove_model(name)
    click.echo(f"{name}: removed")


def _quality(card: ModelCard) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in card.quality.items())
