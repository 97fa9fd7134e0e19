"""`unfade train`: from a folder of photos to weights, resumable at every checkpoint."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import logging
import subprocess
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import EarlyStopping, EMAWeightAveraging
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from .. import __version__
from ..errors import ModelError, UnfadeError
from .data import Pictures, find_sources, gather
from .loaders import SHRUNK, Material, loaders, read_material
from .run import Run, from_record, parse
from .tasks import channels, make_task, sample_input
from .watch import Clock, Curves, KeepEnd, Looks, Plateau, Say, StopOnNan, checkpoints
from .weights import begin_with, find_weights, open_checkpoint

Tell = Callable[[str], None]
"""Gets one line at a time for the person who waits."""

SAME = ("task", "net", "preset", "mode", "kinds")
"""Settings that a run must share with the checkpoint it goes on from."""

PRECISIONS: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


KNOWN = (
    # Lightning does not know that the loaders themselves begin at the right step,
    ".*your dataloader is not resumable.*",
    # that a run folder holds more than checkpoints,
    ".*exists and is not empty.*",
    # and how many processes there is room for.
    ".*does not have many workers.*",
    ".*treespec, LeafSpec.*",
)
"""Warnings that say nothing new."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `unfade train TASK --data DIR ...`."""
    # What matters of Lightning's own talk is told by `fit`.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    try:
        fit(parse(arguments), lambda line: print(line, flush=True))  # noqa: T201
    except (UnfadeError, ValueError) as error:
        print(f"unfade train: {error}")  # noqa: T201
        return 1
    return 0


def fit(run: Run, tell: Tell = lambda line: None) -> Path:
    """Train, or continue where the run folder's last checkpoint stopped.

    Args:
        run: All settings.
        tell: Called with what a person should know: what was loaded, where the run goes on.
    Returns:
        Path of the last checkpoint.
    Raises:
        ReadError: There are no photos to learn from, one cannot be read, or pairs do not match.
        ModelError: The weights to begin with, or the run folder, belong to something else.
        ValueError: The loss became not a number, or a setting makes no sense.
    """
    tell = rank_zero_only(tell)
    if run.threads:
        torch.set_num_threads(run.threads)
    last = run.folder / "last.ckpt"
    check_folder(run, last)
    lightning.seed_everything(run.seed, verbose=False)
    material = read_material(run)
    task = make_task(run)
    check_sides(run, int(getattr(task.net, "multiple_of", 1)))
    if run.init and not last.exists():
        sample = sample_input(run.task, channels(run)[0])
        tell(f"{run.init}: {begin_with(task.net, find_weights(run.init), sample)}")
    if run.channels_last:
        task = task.to(memory_format=torch.channels_last)
    if run.compile:
        task.net.compile(backend=run.compile)
    done = int(open_checkpoint(last)["global_step"]) if last.exists() else 0
    trainer = make_trainer(run, looks(run, material), tell)
    if trainer.is_global_zero:
        write_record(run, material, sum(p.numel() for p in task.net.parameters()))
        tell(f"goes on from step {done}" if done else f"{run.folder}: {run.steps} steps")
    batches = loaders(run, material, done, trainer.global_rank, trainer.world_size)
    with warnings.catch_warnings():
        for known in KNOWN:
            warnings.filterwarnings("ignore", known)
        trainer.fit(task, *batches, ckpt_path=str(last) if done else None)
    return last


def check_folder(run: Run, last: Path) -> None:
    """Refuse to go on from the checkpoint of another task or network.

    Raises:
        ModelError: It is.
    """
    record = run.folder / "run.json"
    if not (last.exists() and record.exists()):
        return
    before = from_record(json.loads(record.read_text(encoding="utf-8")))
    for name in SAME:
        ours, theirs = getattr(run, name), getattr(before, name)
        if ours != theirs:
            raise ModelError(
                f"{last} is of a run with {name} {theirs!r}, this one has {ours!r}; "
                "give another --out, or --init to begin with its weights"
            )


def check_sides(run: Run, grid: int) -> None:
    """Refuse crops that the network cannot halve as often as it does.

    Raises:
        ValueError: A side is not a multiple of the grid.
    """
    for side in run.sides or (run.side,):
        if run.task != "fading" and side % grid:
            raise ValueError(f"side must be a multiple of {grid} for this network, got {side}")


def write_record(run: Run, material: Material, parameters: int) -> None:
    """Keep in the run folder what decides the run: settings, code, and every picture."""
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / "manifest.csv").write_text(material.manifest, encoding="utf-8")
    record = dataclasses.asdict(run) | {
        "parameters": parameters,
        "data_sha256": material.sha256,
        "commit": commit(),
        "versions": {"unfade": __version__, "torch": torch.__version__},
    }
    text = json.dumps(record, indent=1, ensure_ascii=False)
    (run.folder / "run.json").write_text(text + "\n", encoding="utf-8")


def commit() -> str:
    """The git commit of this code, with `+` if files differ from it; empty if not in a checkout."""
    folder = Path(__file__).parent
    try:
        told = [
            subprocess.run(
                ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True
            ).stdout.strip()
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--", str(folder)])
        ]
    except (OSError, subprocess.CalledProcessError):
        return ""
    return told[0] + ("+" if told[1] else "")


def looks(run: Run, material: Material) -> Looks:
    """What is looked at after every check: the first examples of it, and real old photos."""
    _, check = loaders(dataclasses.replace(run, workers=0), material)
    photos = Pictures(gather(run.look, find_sources)[:4], run.cache_mb, SHRUNK.get(run.task))
    return Looks(run.folder, next(iter(check)), photos)


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


def make_trainer(run: Run, looks: Looks, tell: Tell) -> lightning.Trainer:
    """Precision, averaged weights, checkpoints and pictures at every check."""
    every = min(run.every, run.steps)
    # Pictures come before the averaging: at the end of a check it takes its weights away again.
    callbacks: list[Any] = [looks]
    if run.ema:
        callbacks.append(EMAWeightAveraging(decay=run.ema, use_buffers=True))
    callbacks += [Clock(run.minutes)] if run.minutes else []
    callbacks += [StopOnNan(), Say(tell), KeepEnd(run.folder, run.steps, every), Curves(run.folder)]
    if run.schedule == "plateau":
        callbacks.append(Plateau())
    if run.patience:
        callbacks.append(EarlyStopping("score", mode="max", patience=run.patience))
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
        callbacks=callbacks + checkpoints(run.folder),
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
