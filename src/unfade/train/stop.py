"""When a run ends before its last step: because somebody asked, or because nothing got better."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning


class Stopped(BaseException):
    """A run was asked to stop; what it had learned is kept.

    Not an `Exception`: like Ctrl-C itself it is nothing that somebody may catch and go on after.

    Attributes:
        signum: The signal that asked.
        step: The last one that was done.
    """

    def __init__(self, signum: int, step: int) -> None:
        super().__init__(signum, step)
        self.signum, self.step = signum, step


class StopWhenAsked(lightning.Callback):
    """At SIGINT or SIGTERM, end the step, keep it, and raise `Stopped`; to come after `Clock`.

    At a step that is a check, the check is made first: a run that goes on from there would not
    make it up. A second signal ends the run at once.

    Args:
        folder: The run folder.
        steps, every: Of the run.
        tell: Gets a line when a signal came.
    """

    def __init__(self, folder: Path, steps: int, every: int, tell: Callable[[str], None]) -> None:
        self.path, self.steps, self.every = folder / "last.ckpt", steps, every
        self.tell, self.signum, self.step = tell, 0, 0

    def on_train_start(self, trainer: Any, *rest: Any) -> None:
        # Lightning puts back what was there when the run ends.
        self.step = trainer.global_step
        if threading.current_thread() is threading.main_thread():
            for signum in (signal.SIGINT, signal.SIGTERM):
                signal.signal(signum, self._asked)

    def _asked(self, signum: int, frame: Any) -> None:
        if self.signum:
            raise Stopped(signum, self.step)
        self.signum = signum
        self.tell("stops after this step; a second time ends it at once")

    def on_train_batch_end(self, trainer: Any, *rest: Any) -> None:
        self.step = step = trainer.global_step
        if step < self.steps and step % self.every and self._agreed(trainer):
            trainer.save_checkpoint(self.path)
            raise Stopped(self.signum or signal.SIGTERM, step)

    def on_train_batch_start(self, trainer: Any, *rest: Any) -> None:
        step = trainer.global_step
        if step and step % self.every == 0 and self._agreed(trainer):
            raise Stopped(self.signum or signal.SIGTERM, step)

    def _agreed(self, trainer: Any) -> bool:
        """Whether any of the processes was asked: they must all end at the same step."""
        asked = bool(self.signum)
        if trainer.world_size == 1:
            return asked
        return bool(trainer.strategy.reduce_boolean_decision(asked, all=False))


def asked(trainer: Any) -> Stopped | None:
    """What a run should end with, if a signal came."""
    for callback in trainer.callbacks:
        if isinstance(callback, StopWhenAsked) and callback.signum:
            return Stopped(callback.signum, callback.step)
    return None


class Patience(lightning.Callback):
    """End a run after so many checks without progress.

    Lightning's own way forgets a patience that was changed when the run goes on.
    """

    def __init__(self, checks: int) -> None:
        self.checks, self.best, self.idle = checks, -math.inf, 0

    def on_validation_end(self, trainer: Any, task: Any) -> None:
        score = float(trainer.callback_metrics["score"])
        self.best, self.idle = (score, 0) if score > self.best else (self.best, self.idle + 1)
        trainer.should_stop = trainer.should_stop or self.idle >= self.checks

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "idle": self.idle}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best, self.idle = state_dict["best"], state_dict["idle"]
