"""What goes along with a run: checkpoints, pictures to look at, curves, and a stop at nonsense."""

from __future__ import annotations

import datetime
import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, Timer
from lightning.pytorch.loggers import TensorBoardLogger
from numpy.typing import NDArray
from torch import Tensor

from .curves import write_curves, write_png
from .task import Task

LOOK_SIDE = 512
"""Side in pixels of the piece of a real old photo that is looked at."""


class Kept(ModelCheckpoint):
    """A checkpoint that goes on with its best score when the run folder was moved or copied."""

    @property
    def state_key(self) -> str:
        """As of older checkpoints."""
        return super().state_key.replace(type(self).__qualname__, "ModelCheckpoint", 1)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        here = Path(self.dirpath)
        paths = ("best_model_path", "kth_best_model_path", "last_model_path")
        moved = {name: _moved(state_dict[name], here) for name in paths}
        best = {_moved(path, here): score for path, score in state_dict["best_k_models"].items()}
        state = {"dirpath": self.dirpath, "best_k_models": best, **moved}
        super().load_state_dict({**state_dict, **state})


def _moved(path: str, folder: Path) -> str:
    return str(folder / Path(path).name) if path else path


def checkpoints(folder: Path) -> list[ModelCheckpoint]:
    """Keep the best checkpoint by score as `best.ckpt`, and every check's latest as `last.ckpt`.

    Two of them, because Lightning's `save_last` skips a check that is not among the best: a run
    that was killed would lose all since its best hour.
    """
    options: dict[str, Any] = {"dirpath": folder, "enable_version_counter": False, "save_top_k": 1}
    best = Kept(filename="best", monitor="score", mode="max", **options)
    return [best, Kept(filename="last", **options)]


class Clock(Timer):
    """End a run after so many minutes; the learning rate falls over them.

    Time before a run was stopped counts. A run with a clock depends on how fast the machine is, so
    it is not the same twice. Of several processes the clock of the first counts.
    """

    def __init__(self, minutes: float) -> None:
        super().__init__(datetime.timedelta(minutes=minutes), verbose=False)
        self.limit = minutes * 60

    def on_train_batch_start(self, trainer: Any, task: Any, *rest: Any) -> None:
        task.spent = trainer.strategy.broadcast(self.time_elapsed() / self.limit)


class KeepEnd(lightning.Callback):
    """Keep the last step too, where it is not a check; to be called after a `Clock`."""

    def __init__(self, folder: Path, steps: int, every: int) -> None:
        self.path, self.steps, self.every = folder / "last.ckpt", steps, every

    def on_train_batch_end(self, trainer: Any, *rest: Any) -> None:
        ended = trainer.should_stop or trainer.global_step == self.steps
        if ended and trainer.global_step % self.every:
            trainer.save_checkpoint(self.path)


class Plateau(lightning.Callback):
    """Halve the learning rate after three checks without progress, down to a hundredth.

    Lightning's own way changes the rate after the checkpoint is written, which a run that goes on
    from there does not know.
    """

    def __init__(self, wait: int = 3) -> None:
        self.wait, self.best, self.idle, self.drop = wait, -math.inf, 0, 1.0

    def on_train_start(self, trainer: Any, task: Any) -> None:
        task.drop = self.drop

    def on_validation_end(self, trainer: Any, task: Any) -> None:
        score = float(trainer.callback_metrics["score"])
        better = score > self.best
        self.best, self.idle = (score, 0) if better else (self.best, self.idle + 1)
        if self.idle >= self.wait:
            self.idle, self.drop = 0, max(0.01, self.drop / 2)
        task.drop = self.drop

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "idle": self.idle, "drop": self.drop}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best, self.idle, self.drop = (state_dict[k] for k in ("best", "idle", "drop"))


class StopOnNan(lightning.Callback):
    """End a run whose loss is not a number before it overwrites a good checkpoint."""

    def on_train_batch_end(self, trainer: Any, task: Any, outputs: Any, *rest: Any) -> None:
        if not torch.isfinite(outputs["loss"]):
            raise ValueError(
                f"the loss became {outputs['loss'].item()} at step {trainer.global_step}; "
                "lower --lr, or look for broken pictures in --data"
            )


class AtStart(lightning.Callback):
    """Do something once all is loaded, and before the first step.

    Args:
        act: Called in the first process alone.
    """

    def __init__(self, act: Callable[[], None]) -> None:
        self.act = act

    def on_train_start(self, trainer: Any, task: Any) -> None:
        if trainer.is_global_zero:
            self.act()


class Say(lightning.Callback):
    """Tell the figures of every check in one line."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell

    def on_validation_end(self, trainer: Any, task: Any) -> None:
        if trainer.is_global_zero:
            figures = sorted(trainer.callback_metrics.items(), key=lambda item: item[0] != "score")
            shown = ", ".join(f"{name} {float(value):.4g}" for name, value in figures)
            self.tell(f"step {trainer.global_step}: {shown}")


class Curves(lightning.Callback):
    """Draw `curves.png` anew after every check."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_validation_end(self, trainer: Any, task: Any) -> None:
        self._draw(trainer)

    def on_fit_end(self, trainer: Any, task: Any) -> None:
        self._draw(trainer)

    def _draw(self, trainer: Any) -> None:
        if trainer.is_global_zero:
            for logger in trainer.loggers:
                logger.save()
            write_curves(self.folder)


class Looks(lightning.Callback):
    """Show what the network does, after every check: to TensorBoard and as `looks/STEP.png`.

    Args:
        folder: The run folder.
        batch: Examples to show, seen, answered and true side by side.
        photos: Real old photos, of which nobody knows the truth: seen and answered.
    """

    def __init__(
        self, folder: Path, batch: Sequence[Tensor], photos: Sequence[NDArray[np.uint8]] = ()
    ) -> None:
        self.folder = folder / "looks"
        self.batch = [tensor[:4] for tensor in batch]
        self.photos = [_middle(photo) for photo in itertools.islice(photos, 4)]

    def on_validation_epoch_end(self, trainer: Any, task: Task) -> None:
        """Runs before the averaged weights are taken out again, if it comes first in the list."""
        if not trainer.is_global_zero:
            return
        self._show(trainer, "examples", side_by_side(self._look(task, self.batch)))
        rows = [side_by_side(self._look(task, self._blank(photo))[:2]) for photo in self.photos]
        if rows:
            wide = max(row.shape[1] for row in rows)
            rows = [np.pad(r, ((0, 0), (0, wide - r.shape[1]), (0, 0))) for r in rows]
            self._show(trainer, "old-photos", np.vstack(rows))

    def _look(self, task: Task, batch: Sequence[Tensor]) -> list[Tensor]:
        with torch.no_grad(), task.trainer.precision_plugin.forward_context():
            pictures = task.pictures([tensor.to(task.device) for tensor in batch])
        return [picture.float().cpu() for picture in pictures]

    def _blank(self, photo: Tensor) -> list[Tensor]:
        """A batch of an old photo: it stands for every picture, and no mask or number is known."""
        return [photo if t.shape[1] == 3 else torch.zeros_like(photo[:, :1]) for t in self.batch]

    def _show(self, trainer: Any, name: str, picture: NDArray[np.uint8]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}-{trainer.global_step:07d}.png"
        write_png(path, np.ascontiguousarray(picture[:, :, ::-1]))
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                step = trainer.global_step
                logger.experiment.add_image(name, picture, step, dataformats="HWC")


def side_by_side(pictures: Sequence[Tensor]) -> NDArray[np.uint8]:
    """Lay pictures (N, 1 or 3, H, W) in [0, 1] beside each other, the N below each other."""
    columns = [
        np.concatenate(list(p.expand(-1, 3, -1, -1).clamp(0, 1).numpy()), axis=1) for p in pictures
    ]
    sheet = np.concatenate(columns, axis=2).transpose(1, 2, 0)
    return np.ascontiguousarray(np.rint(sheet * 255).astype(np.uint8))


def _middle(photo: NDArray[np.uint8]) -> Tensor:
    """The middle of a photo as (1, 3, H, W), sides multiples of 64 where it is large enough."""
    height, width = (max(64, min(side, LOOK_SIDE) // 64 * 64) for side in photo.shape[:2])
    top, left = max(0, photo.shape[0] - height) // 2, max(0, photo.shape[1] - width) // 2
    piece = photo[top : top + height, left : left + width]
    below, right = height - piece.shape[0], width - piece.shape[1]
    whole = np.asarray(cv2.copyMakeBorder(piece, 0, below, 0, right, cv2.BORDER_REPLICATE))
    return torch.from_numpy(whole.transpose(2, 0, 1)[None].astype(np.float32) / 255)
