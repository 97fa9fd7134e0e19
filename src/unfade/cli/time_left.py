"""The column of a progress bar that says how long a batch will still take."""

from __future__ import annotations

import datetime

from rich.progress import Task, TimeRemainingColumn
from rich.text import Text


class TimeLeft(TimeRemainingColumn):
    """The rest of the seconds a batch is expected to take; for other bars as rich has it.

    rich goes by the last 30 seconds, does not count the first step, and counts a step twice that
    went back. That is right for many small steps; photos take minutes, and tell little.
    """

    def render(self, task: Task) -> Text:
        if "expected" not in task.fields:
            return super().render(task)
        expected = task.fields["expected"]
        if expected is None or task.elapsed is None:
            return Text("-:--:--", style="progress.remaining")
        left = max(0, round(expected - task.elapsed))
        return Text(str(datetime.timedelta(seconds=left)), style="progress.remaining")


def expect(elapsed: float, share: float) -> float | None:
    """Seconds a batch will take in all, from the share of it that is done; None at its start."""
    return elapsed / share if share > 0 else None
