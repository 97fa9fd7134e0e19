"""What a person sees while a batch runs: a bar per photo at work, one for all, lines of results."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import click


class Display:
    """Progress on the error stream and results on the output; quiet where it is no terminal.

    Args:
        photos: Number of photos.
        quiet: Show no progress and no lines.
        weights: Stages in their order with the share of the time each takes, for the time left.
    """

    def __init__(
        self, photos: int, quiet: bool = False, weights: Mapping[str, float] | None = None
    ) -> None:
        self.quiet = quiet
        self._weights = dict(weights or {})
        self._photos = photos
        self._done = 0
        self._without_work = 0
        self._stages: tuple[str, ...] = ()
        self._live: Any = None
        self._bars: dict[int, Any] = {}
        self._within: dict[int, float] = {}
        self._all: Any = None

    def __enter__(self) -> Display:
        if not self.quiet and sys.stderr.isatty():
            self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def photo(self, name: str, lane: int = 0) -> None:
        """Begin a photo; `lane` is the number of the process that works on it."""
        if self._live is None:
            return
        bar = self._bars.get(lane)
        if bar is None:
            bar = self._bars[lane] = self._live.add_task("", total=None, stage="", whole="?")
        self._live.reset(bar, total=None, description=name, stage="reading", whole="?")

    def tile(self, stage: str, done: int, total: int, lane: int = 0) -> None:
        """Show tiles done of a stage; this is the `progress` of a darkroom."""
        if self._live is not None and lane in self._bars:
            bar = self._bars[lane]
            self._live.update(bar, completed=done, total=total, stage=stage, whole=total)
            # Never back: a stage may be asked before its turn, and some have no known cost.
            share = share_done(self._weights, stage, done / total)
            self._within[lane] = max(self._within.get(lane, 0.0), share)
            self._advance()

    def finished(self, lane: int | None = 0) -> None:
        """End a photo; None where no process worked on it."""
        self._done += 1
        self._without_work += lane is None
        if self._live is not None:
            if lane is not None:
                self._within.pop(lane, None)
            self._advance()

    def _advance(self) -> None:
        from .time_left import expect

        done = self._done + sum(self._within.values())
        # Photos that need no work say nothing about how long the others take.
        work = self._photos - self._without_work
        share = (done - self._without_work) / work if work > 0 else 1.0
        bar = self._live.tasks[0]
        self._live.update(self._all, completed=done, expected=expect(bar.elapsed or 0.0, share))

    def say(self, line: str) -> None:
        """Print a line of results, above the bars where there are any."""
        if self.quiet:
            return
        if self._live is not None and sys.stdout.isatty():
            self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(line)

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        from .time_left import TimeLeft

        self._live = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.fields[whole]}", markup=False),
            TextColumn("{task.fields[stage]}", markup=False),
            TimeElapsedColumn(),
            TimeLeft(),
            console=Console(stderr=True),
            redirect_stdout=False,
            transient=True,
        )
        self._all = self._live.add_task(
            "all", total=self._photos, stage="photos", whole=self._photos, expected=None
        )
        self._live.start()


def share_done(weights: Mapping[str, float], stage: str, part: float) -> float:
    """Estimate the share of a photo that is done from the stage at work and its done part."""
    names = list(weights)
    if stage not in weights:
        return 0.0
    before = sum(weights[name] for name in names[: names.index(stage)])
    return (before + part * weights[stage]) / sum(weights.values())
