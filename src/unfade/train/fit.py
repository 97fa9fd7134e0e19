"""`unfade train`: from a folder of photos to weights, resumable at every checkpoint."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib.util
import logging
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from torch import nn

from ..errors import UnfadeError
from .averaging import Average
from .folder import (
    Checkpoint,
    check_fits,
    check_pictures,
    ended,
    open_last,
    read_record,
    write_record,
)
from .loaders import Material, first_examples, loaders, read_material
from .revive import revive
from .run import Run, from_record, parse
from .seen import seen_by
from .stop import Patience, Stopped, StopWhenAsked, asked
from .task import Task
from .tasks import channels, make_task, sample_input
from .watch import (
    AtStart,
    Clock,
    Curves,
    KeepEnd,
    Looks,
    Plateau,
    Say,
    StopOnNan,
    checkpoints,
)
from .weights import begin_with, find_weights, hold, open_checkpoint, settle

Tell = Callable[[str], None]
"""Gets one line at a time for the person who waits."""

PRECISIONS: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


REVIVING = 128
"""Examples on which a unit must not fire to begin anew."""

KNOWN = (
    # Lightning does not know that the loaders themselves begin at the right step,
    ".*your dataloader is not resumable.*",
    # that a run folder holds more than checkpoints,
    ".*exists and is not empty.*",
    # and how many processes there is room for.
    ".*does not have many workers.*",
    ".*treespec, LeafSpec.*",
    # Normalization that keeps its statistics.
    ".*module\\(s\\) in eval mode at the start of training.*",
    # that a run which goes on may have more patience, or less,
    ".*callbacks used to create the checkpoint.*",
)
"""Warnings that say nothing new."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `unfade train TASK --data DIR ...`.

    Returns:
        The exit code: 0, 1 if something is wrong, 130 after Ctrl-C, 143 after SIGTERM.
    """
    # What matters of Lightning's own talk is told by `fit`.
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        fit(parse(arguments), lambda line: print(line, flush=True))  # noqa: T201
    except (UnfadeError, ValueError) as error:
        print(f"unfade train: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except Stopped as stop:
        # The first process ends the others, and takes it for a failure if one ends first with more.
        return 128 + stop.signum if rank_zero_only.rank == 0 else 0
    except KeyboardInterrupt:
        print("unfade train: stopped before the first step", file=sys.stderr)  # noqa: T201
        return 130
    return 0


def fit(run: Run, tell: Tell = lambda line: None) -> Path:
    """Train, or continue where the run folder's last checkpoint stopped.

    Args:
        run: All settings.
        tell: Called with what a person should know: what was loaded, where the run goes on, how it
            ended.
    Returns:
        Path of the last checkpoint.
    Raises:
        ReadError: There are no photos to learn from, one cannot be read, or pairs do not match.
        ModelError: The weights to begin with, or the run folder, belong to something else.
        ValueError: The loss became not a number, or a setting makes no sense.
        Stopped: SIGINT or SIGTERM came; what was learned is kept.
    """
    tell = rank_zero_only(tell)
    if run.threads:
        torch.set_num_threads(run.threads)
    last = run.folder / "last.ckpt"
    before = open_last(run)
    if before and ended(run, before):
        tell(
            f"{run.folder}: nothing left to do at {how_it_ended(run, before)}; export it, or give "
            "more of it to go on"
        )
        return last
    check_backend(run)
    lightning.seed_everything(run.seed, verbose=False)
    material = read_material(run)
    task = make_task(run)
    check_sides(run, int(getattr(task.net, "multiple_of", 1)))
    if before:
        check_pictures(run, material)
        check_fits(run, task, before)
    elif run.init:
        tell(f"{run.init}: {begin(run, task, material)}")
    if run.norms == "kept":
        hold(task.net)
    begun = score_of(run, task, material) if run.init and not before else math.nan
    if not math.isnan(begun):
        tell(f"the beginning has a score of {begun:.4g}")
    if material.alone:
        tell("there is one photo only: the figures are of the one that was learned from")
    if run.channels_last:
        task = task.to(memory_format=torch.channels_last)
    if run.compile:
        task.net.compile(backend=run.compile)
    parameters = sum(p.numel() for p in task.net.parameters())
    record = functools.partial(write_record, run, material, parameters)
    kept = checkpoints(run.folder)
    trainer = make_trainer(run, [looks(run, material), AtStart(record)], kept, tell)
    tell_beginning(run, before, tell)
    train(run, trainer, task, material, before, tell)
    tell(f"ended at {how_it_ended(run, open_checkpoint(last))}")
    best = kept[0].best_model_score
    if best is not None and float(best) < begun:
        tell(f"no check is as good as the beginning: {best:.4g}, not {begun:.4g}; try a lower --lr")
    return last


def score_of(run: Run, task: Task, material: Material) -> float:
    """The score of a network as it is, by the examples that a run is checked with.

    Not known of several processes, which share these examples.
    """
    if run.devices > 1:
        return math.nan
    _, check = loaders(dataclasses.replace(run, workers=0), material)
    trainer = lightning.Trainer(
        precision=precision(run),
        accelerator=run.accelerator,
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with torch.random.fork_rng(), silent_on_known():
        return float(trainer.validate(task, check, verbose=False)[0]["score"])


def begin(run: Run, task: Task, material: Material) -> str:
    """Take the weights that a run begins with; says what became of them."""
    net = task.net
    taken = str(begin_with(net, find_weights(run.init), sample_input(run.task, channels(run)[0])))
    if run.revive:
        examples = seen_by(task, first_examples(run, material, REVIVING))
        taken += f"; {revive(net, examples)} units that never fire begin anew"
    if any(isinstance(module, nn.BatchNorm2d) for module in net.modules()):
        settle(net, seen_by(task, first_examples(run, material)))
    net.train()
    return taken


def tell_beginning(run: Run, before: Checkpoint | None, tell: Tell) -> None:
    """Say where a run begins, and what of it differs now that it goes on."""
    if not before:
        tell(f"{run.folder}: {run.steps} steps")
        return
    tell(f"goes on from step {int(before['global_step'])}")
    steps = from_record(read_record(run.folder)).steps
    if steps != run.steps:
        falls = "" if run.schedule != "cosine" else "; the learning rate falls over all of them"
        tell(f"{run.steps} steps instead of {steps}{falls}")


def train(
    run: Run,
    trainer: lightning.Trainer,
    task: Task,
    material: Material,
    before: Checkpoint | None,
    tell: Tell,
) -> None:
    """Take the steps that are left.

    Raises:
        Stopped: Somebody asked; where the run goes on was told.
    """
    done = int(before["global_step"]) if before else 0
    batches = loaders(run, material, done, trainer.global_rank, trainer.world_size)
    path = str(run.folder / "last.ckpt") if done else None
    try:
        with silent_on_known():
            trainer.fit(task, *batches, ckpt_path=path)
    except (Stopped, RuntimeError) as error:
        # A signal to all processes ends the loader's workers too, and torch may complain first.
        stop = error if isinstance(error, Stopped) else asked(trainer)
        if not stop:
            raise
        tell(f"stopped at step {stop.step}; the same command {way_on(run)}")
        raise stop from None


@contextlib.contextmanager
def silent_on_known() -> Iterator[None]:
    """Hide the warnings that say nothing new."""
    with warnings.catch_warnings():
        for known in KNOWN:
            warnings.filterwarnings("ignore", known)
        yield


def way_on(run: Run) -> str:
    """Where a run that was stopped goes on."""
    last = run.folder / "last.ckpt"
    if not last.exists():
        return "begins anew, for no check was made yet"
    return f"goes on from step {int(open_checkpoint(last)['global_step'])}"


def how_it_ended(run: Run, checkpoint: Checkpoint) -> str:
    """The step of a checkpoint, and why none follows."""
    return f"step {int(checkpoint['global_step'])}: {ended(run, checkpoint)}"


def check_backend(run: Run) -> None:
    """Refuse a backend of torch.compile that does not exist.

    Raises:
        ValueError: It does not.
    """
    if not run.compile:
        return
    known = torch._dynamo.list_backends(exclude_tags=())
    if run.compile not in known:
        raise ValueError(f"no --compile backend {run.compile!r}; known: {', '.join(sorted(known))}")


def check_sides(run: Run, grid: int) -> None:
    """Refuse crops that the network cannot halve as often as it does.

    Raises:
        ValueError: A side is not a multiple of the grid.
    """
    for side in run.sides or (run.side,):
        if run.task != "fading" and side % grid:
            raise ValueError(f"side must be a multiple of {grid} for this network, got {side}")


def looks(run: Run, material: Material) -> Looks:
    """What is looked at after every check: the first examples of it, and real old photos."""
    _, check = loaders(dataclasses.replace(run, workers=0), material)
    return Looks(run.folder, next(iter(check)), material.look)


def precision(run: Run) -> Any:
    """Mixed precision: bfloat16 on GPUs and on processors that have it; emulated it is slower.

    Raises:
        ValueError: 16-bit floats were asked for where there is no GPU.
    """
    gpu = torch.cuda.is_available() and run.accelerator in ("auto", "gpu")
    if run.precision == "fp16" and not gpu:
        raise ValueError("precision fp16 needs a GPU; use bf16 or fp32")
    if run.precision == "auto":
        return PRECISIONS["bf16" if gpu or torch.cpu._is_avx512_bf16_supported() else "fp32"]
    return PRECISIONS[run.precision]


def make_trainer(
    run: Run, first: Sequence[lightning.Callback], kept: Sequence[lightning.Callback], tell: Tell
) -> lightning.Trainer:
    """Precision, averaged weights, checkpoints and pictures at every check.

    Args:
        first: What comes before the averaging, `Looks` among them: at the end of a check it takes
            its weights away again.
        kept: What writes checkpoints.
    """
    every = min(run.every, run.steps)
    callbacks: list[Any] = [*first]
    callbacks += [Average(run.ema)] if run.ema else []
    callbacks += [Clock(run.minutes)] if run.minutes else []
    callbacks += [StopOnNan(), Say(tell), KeepEnd(run.folder, run.steps, every), Curves(run.folder)]
    callbacks += [Plateau()] if run.schedule == "plateau" else []
    callbacks += [Patience(run.patience)] if run.patience else []
    callbacks.append(StopWhenAsked(run.folder, run.steps, every, tell))
    logs: list[Any] = [CSVLogger(run.folder, name="log")]
    if importlib.util.find_spec("tensorboard"):
        logs.append(TensorBoardLogger(run.folder, name="", version="board"))  # type: ignore[arg-type]
    else:
        tell("tensorboard is not installed: see log/, curves.png and looks/ in the run folder")
    several = run.devices > 1
    return lightning.Trainer(
        default_root_dir=run.folder,
        max_steps=run.steps,
        benchmark=torch.cuda.is_available() and not run.sides,
        precision=precision(run),
        gradient_clip_val=run.clip or None,
        val_check_interval=every,
        check_val_every_n_epoch=None,
        callbacks=[*callbacks, *kept],
        logger=logs,
        log_every_n_steps=min(50, every),
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        accelerator=run.accelerator,
        devices=run.devices,
        strategy="ddp" if several else "auto",
        # The batches know of the processes themselves.
        use_distributed_sampler=False,
        sync_batchnorm=several and torch.cuda.is_available(),
    )


if __name__ == "__main__":
    raise SystemExit(main())
