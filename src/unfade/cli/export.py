"""`unfade export`: from a run folder to weights with a card."""

from __future__ import annotations

import click

from .train import AS_TYPED, hand_over


@click.command(context_settings=AS_TYPED, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Turn a training run into weights: `unfade export RUN -o FOLDER`; `--help` lists the rest."""
    hand_over(ctx, "export", arguments)
