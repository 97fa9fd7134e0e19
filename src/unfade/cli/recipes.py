"""`unfade recipes`: what can be done, and how it is set."""

from __future__ import annotations

import click

from .options import json_option


@click.group()
def command() -> None:
    """List recipes, show one, list stages and their settings."""


@command.command("list")
def list_recipes() -> None:
    """List the recipes that come along."""
    from ..choose import load_recipe, preset_names

    for name in preset_names():
        recipe = load_recipe(name)
        click.echo(f"{name:<10} {recipe.about}")
        click.echo(f"{'':<10} {', '.join(stage.name for stage in recipe)}")


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

    from ..settings import settings_of
    from ..stages import STAGES

    if as_json:
        table = {
            name: [
                {"name": k.name, "default": k.default, "allowed": k.allowed, "help": k.help}
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
            click.echo(f"  {setting:<30} {knob.allowed:<16} {knob.help}")
