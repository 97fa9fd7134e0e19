"""`unfade models`: which networks there are, whether they are whole, whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import json_option

if TYPE_CHECKING:
    from ..models.card import ModelCard


@click.group(invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, verify and credit the networks; without a command, list them."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_models)


@command.command("list")
@json_option
def list_models(as_json: bool = False) -> None:
    """List the networks with their size and measured quality."""
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
    for card in cards:
        click.echo(f"{card.name:<10} {card.preset}, {card.parameters / 1e3:,.0f} thousand numbers")
        for line in (card.about, _quality(card)):
            if line:
                click.echo(f"{'':<10} {line}")


@command.command("verify")
@click.pass_context
def verify(ctx: click.Context) -> None:
    """Check every network against the checksum on its card."""
    from ..models.zoo import Zoo

    problems = Zoo().verify()
    for name, problem in problems.items():
        click.echo(f"{name:<10} {problem or 'as its card says'}")
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


def _quality(card: ModelCard) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in card.quality.items())
