"""`unfade train`: hands over to `unfade.train`, which alone knows torch."""

from __future__ import annotations

import click

NEEDED = ("torch", "lightning", "tensorboard", "onnx", "onnxscript")


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Train a network: `unfade train damage --data DIR`; `--help` lists the rest."""
    try:
        from ..train.fit import main
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in NEEDED:
            raise
        raise click.ClickException(
            f"training needs {error.name}, which is not installed: pip install 'unfade[train]'"
        ) from error
    ctx.exit(main(list(arguments)))
