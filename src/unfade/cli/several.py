"""Options of commands that work on many photos at once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from .batch import Manner

Command = TypeVar("Command", bound=Callable[..., Any])


def parse_jobs(ctx: click.Context, option: click.Parameter, text: str) -> int:
    """Read a number of processes; `auto` is 0."""
    if text == "auto":
        return 0
    if not text.isdigit() or int(text) < 1:
        raise click.BadParameter(f"auto or a number from 1, got {text!r}", ctx, option)
    return int(text)


def batch_options(command: Command) -> Command:
    """Add --jobs, --brief, --timeout and --retry-failed."""
    for option in (
        click.option("--retry-failed", is_flag=True,
                     help="Try photos again that failed in this folder before."),
        click.option("--timeout", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS",
                     help="Give a photo up after this time; 0 waits.  [0]"),
        click.option("--brief", is_flag=True, help="One line for each photo."),
        click.option("--jobs", default="1", callback=parse_jobs, metavar="auto|N",
                     help="Photos worked on at once; auto goes by cores and memory.  [1]"),
    ):  # fmt: skip
        command = option(command)
    return command


def parse_also(
    ctx: click.Context, option: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    """Check what companions are wanted; each once, in the order given."""
    if not texts:
        return ()
    from ..derivatives import parse_derivative

    try:
        return tuple(dict.fromkeys(str(parse_derivative(text)) for text in texts))
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, option) from error


def also_options(command: Command) -> Command:
    """Add --also and --keep-times."""
    for option in (
        click.option("--keep-times/--new-times", default=True,
                     help="Results get the modification time of their source.  [keep]"),
        click.option("--also", multiple=True, callback=parse_also, metavar="KIND[:SIDE]",
                     help="Write a smaller companion too, such as jpeg:2048 or web; repeatable."),
    ):  # fmt: skip
        command = option(command)
    return command


def manner(options: dict[str, Any], out: Path | None, is_file: bool) -> Manner:
    """Gather how a batch is done, from the options above and those of the equipment.

    Args:
        options: `jobs`, `timeout`, `retry_failed`, `brief`, `threads` and `memory` by name.
        out: Where the results go; a ledger is kept where it is a folder.
        is_file: `out` is the very file to write.
    Raises:
        UsageError: Failed photos are wanted of a folder that keeps no ledger.
    """
    from ..batch.resume import Wish
    from .batch import Manner

    if options["retry_failed"] and (out is None or is_file):
        raise click.UsageError("--retry-failed needs the folder of the results: -o FOLDER")
    wish = None
    if out is not None and not is_file:
        wish = Wish(out, options["retry_failed"], checksums)
    return Manner(
        options["jobs"],
        options["threads"],
        options["memory"],
        options["timeout"],
        wish,
        options["brief"],
    )


@functools.cache
def checksums() -> dict[str, str]:
    """Names and checksums of the networks that are there, read once."""
    from ..models.zoo import Zoo

    return {card.name: card.sha256 for card in Zoo().list()}
