"""The page of a batch, made when its photos are done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from ..jobs.outcome import Outcome, State
from .places import check_album


def album_writer(folder: str | None, overwrite: bool) -> Callable[[Sequence[Outcome]], None] | None:
    """What is to be done with the outcomes of a batch; None where no album is wanted.

    Raises:
        UsageError: A page that is none of ours is in its place, and not to be replaced.
    """
    if folder is None:
        return None
    check_album(folder, overwrite)

    def make(outcomes: Sequence[Outcome]) -> None:
        click.echo(f"album: {write_album_of(Path(folder), outcomes)}", err=True)

    return make


def write_album_of(folder: Path, outcomes: Sequence[Outcome]) -> Path:
    """Add what failed to an album, and make its page; the rest was added photo by photo.

    Raises:
        WriteError: The folder cannot be written to, or the disk is full.
    """
    from .. import __version__
    from ..report.album import write_album, write_failure

    for outcome in outcomes:
        if outcome.state is State.FAILED:
            source = Path(outcome.job.source)
            write_failure(folder, source, Path(outcome.job.target or source), outcome.message)
    return write_album(folder, folder.resolve().name, f"unfade {__version__}")
