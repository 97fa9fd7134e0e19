"""`unfade train`: hands over to `unfade.train`, which alone knows torch."""

from __future__ import annotations

import importlib

import click

NEEDED = ("torch", "lightning", "tensorboard", "onnx", "onnxscript")

AS_TYPED = {"ignore_unknown_options": True, "help_option_names": []}


def hand_over(ctx: click.Context, module: str, arguments: tuple[str, ...]) -> None:
    """Call `main` of a module of `unfade.train` and exit with what it answers.

    Raises:
        click.ClickException: What training needs is not installed.
    """
    try:
        main = importlib.import_module(f"unfade.train.{module}").main
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in NEEDED:
            raise
        raise click.ClickException(
            f"training needs {error.name}, which is not installed: pip install 'unfade[train]'"
        ) from error
    ctx.exit(main(list(arguments)))


@click.command(context_settings=AS_TYPED, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Train a network: `unfade train damage --data DIR`; `--help` lists the rest."""
    hand_over(ctx, "fit", arguments)
