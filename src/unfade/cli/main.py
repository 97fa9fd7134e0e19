"""`unfade`: one command per verb, each loaded only when it is asked for."""

from __future__ import annotations

import importlib
from typing import Any

import click

from .. import __version__

COMMANDS = {
    "restore": "Restore photos: files, folders or patterns.",
    "replay": "Do again what a sidecar says, and compare byte for byte.",
    "status": "Tell how far a batch is, and what failed.",
    "survey": "Tell what is there before anything is done.",
    "watch": "Restore what a scanner puts into a folder, as it comes.",
    "detect": "Find damage and write masks, overlays and statistics.",
    "inpaint": "Fill what a mask marks, and touch nothing else.",
    "age": "Make photos old: aged, clean and mask, for training and tests.",
    "evaluate": "Measure recipes, baselines and other programs on the same photos.",
    "demo": "Age and restore a photograph that comes along, and show it.",
    "recipes": "List recipes, show one, list stages and their settings.",
    "models": "List, verify and credit the networks.",
    "doctor": "Tell what this machine has and whether all is in order.",
    "train": "Train a network on a folder of photos.",
    "export": "Turn a training run into weights with a card.",
}
"""One line per command; the command itself is `command` in the module of the same name."""


STOPPED = 130
"""What a shell expects of a program ended by Ctrl-C."""


class Mistake(click.ClickException):
    """A mistake in the command, with the exit code that click has for an unknown option."""

    exit_code = 2


class OneByOne(click.Group):
    """A group that imports a command when it is called, and shows errors in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"{__package__}.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        # Loaded by every command anyway, and light.
        from ..errors import Cancelled, UnfadeError

        try:
            return super().invoke(ctx)
        except Cancelled as error:
            click.echo(f"unfade: {error}", err=True)
            ctx.exit(STOPPED)
        except KeyboardInterrupt:
            # click would say "Aborted!" and exit with 1.
            click.echo("unfade: stopped", err=True)
            ctx.exit(STOPPED)
        except BrokenPipeError:
            raise  # Whoever read has heard enough (`| head`); click ends quietly then.
        except (UnfadeError, ValueError, OSError) as error:
            raise _in_one_line(error) from error


def _in_one_line(error: Exception) -> click.ClickException:
    """What is shown of an error that no photo is to blame for, with its exit code."""
    from ..errors import RecipeError

    # A plain ValueError is a caller's mistake; its children (Unicode, JSON) are about a file.
    mistake = isinstance(error, RecipeError) or type(error) is ValueError
    kind = Mistake if mistake else click.ClickException
    return kind(" ".join(str(error).split()))


@click.group(
    cls=OneByOne,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Nothing is sent anywhere: all work is done on this machine.",
)
@click.version_option(__version__, prog_name="unfade")
def unfade() -> None:
    """Restore old photographs and film scans: faithful, local, on a plain CPU."""
