"""`unfade recipes`: what can be done, and how it is set."""

from __future__ import annotations

import click

from ..settings import Setting, settings_of
from .options import json_option


@click.group()
def command() -> None:
    """List recipes, show one, list stages and their settings."""


@command.command("list")
def list_recipes() -> None:
    """List the recipes that come along."""
    from ..choose import load_recipe, preset_names

    names = preset_names()
    width = max(map(len, names), default=0)
    for name in names:
        recipe = load_recipe(name)
        click.echo(f"{name:<{width}} {recipe.about}")
        click.echo(f"{'':<{width}} {', '.join(stage.name for stage in recipe)}")


@command.command("show")
@click.argument("name")
def show_recipe(name: str) -> None:
    """Print a recipe (a preset or a file) as TOML, with every setting; a start for your own."""
    from ..choose import load_recipe

    click.echo(load_recipe(name).to_toml(), nl=False)


@command.command("stages")
@json_option
def list_stages(as_json: bool) -> None:
    """List the stages in the order they work, with their settings, ranges and defaults."""
    import json

    from ..stages import STAGES

    if as_json:
        table = {
            name: [
                {"name": k.name, "default": k.default, "allowed": _allowed(k), "help": k.help}
                for k in settings_of(stage)
            ]
            for name, stage in STAGES.items()
        }
        click.echo(json.dumps(table, indent=2, ensure_ascii=False))
        return
    for name, stage in STAGES.items():
        click.echo(f"{name}: {(stage.__doc__ or '').strip().splitlines()[0]}")
        for knob in settings_of(stage):
            setting = f"{name}.{knob.name}={knob.default}"
            click.echo(f"  {setting:<30} {_allowed(knob):<16} {knob.help}")


def _allowed(knob: Setting) -> str:
    """What a knob accepts; a bound of many digits as the power of two that it is."""
    high = knob.high
    if not isinstance(high, int) or high < 2**32 or high.bit_count() > 1:
        return knob.allowed
    return f"{knob.low} to 2^{high.bit_length() - 1}"
