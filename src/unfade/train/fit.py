"""`unfade train`: from a folder of clean photos to weights, resumable at every checkpoint."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import cv2
import lightning
import torch
from lightning.pytorch.callbacks import EarlyStopping, EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..errors import UnfadeError
from .data import Crops, Maker, find_photos, held_out, load_photos
from .examples import DamageExamples, DenoiseExamples, InpaintExamples
from .fading import FadingData, FadingTask
from .task import DamageTask, DenoiseTask, InpaintTask, Task

TASKS: dict[str, type[Task]] = {
    "damage": DamageTask,
    "inpaint": InpaintTask,
    "denoise": DenoiseTask,
    "fading": FadingTask,
}

RATES = {"damage": 3e-3, "inpaint": 1e-3, "denoise": 1e-3, "fading": 2e-3}


@dataclasses.dataclass(frozen=True)
class Run:
    """Everything that decides a training run; kept as `run.json` in its folder."""

    task: str
    data: tuple[str, ...]
    preset: str = "small"
    steps: int = 20_000
    batch: int = 8
    side: int = 256
    lr: float = 0.0
    library: str = ""
    init: str = ""
    workers: int = 1
    threads: int = 0
    seed: int = 0
    every: int = 500
    patience: int = 0
    limit: int = 0
    out: str = ""

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"no task {self.task!r}; known: {', '.join(TASKS)}")

    @property
    def folder(self) -> Path:
        return Path(self.out or f"runs/{self.task}-{self.preset}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `unfade train TASK --data DIR ...`."""
    run = parse(arguments)
    try:
        fit(run)
    except (UnfadeError, ValueError) as error:
        print(f"unfade train: {error}")  # noqa: T201
        return 1
    return 0


def parse(arguments: Sequence[str] | None) -> Run:
    """Read the command line into a `Run`."""
    parser = argparse.ArgumentParser(prog="unfade train", description=__doc__)
    parser.add_argument("task", choices=sorted(TASKS))
    parser.add_argument("--data", nargs="+", required=True, help="folders of clean photos")
    for field in dataclasses.fields(Run)[2:]:
        kind = type(field.default)
        parser.add_argument(f"--{field.name}", type=kind, default=field.default)
    values = vars(parser.parse_args(arguments))
    values["data"] = tuple(values["data"])
    return Run(**values)


def fit(run: Run) -> Path:
    """Train, or continue where the run folder's last checkpoint stopped.

    Returns:
        Path of the last checkpoint.
    Raises:
        ReadError: There are no photos to learn from.
        ValueError: The loss became not a number, or a setting makes no sense.
    """
    if run.threads:
        torch.set_num_threads(run.threads)
    lightning.seed_everything(run.seed, verbose=False)
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / "run.json").write_text(json.dumps(dataclasses.asdict(run), indent=1))
    task = TASKS[run.task](run.preset, run.lr or RATES[run.task], run.steps)
    task = task.to(memory_format=torch.channels_last)
    if run.init:
        task.load_state_dict(torch.load(run.init, weights_only=True)["state_dict"])
    last = run.folder / "last.ckpt"
    done = int(torch.load(last, weights_only=True)["global_step"]) if last.exists() else 0
    start = str(last) if last.exists() else None
    make_trainer(run).fit(task, *loaders(run, done), ckpt_path=start)
    return last


def precision() -> Literal["bf16-mixed", "32-true"]:
    """Bfloat16 on GPUs and on processors that have it; where it is emulated it is slower."""
    if torch.cuda.is_available():
        return "bf16-mixed"
    return "bf16-mixed" if torch.cpu._is_avx512_bf16_supported() else "32-true"


def make_trainer(run: Run) -> lightning.Trainer:
    """Mixed precision, moving average of the weights, checkpoints every `run.every` steps."""
    keep = ModelCheckpoint(
        run.folder,
        save_last=True,
        save_top_k=1,
        monitor="score",
        mode="max",
        filename="best",
        enable_version_counter=False,
    )
    callbacks: list[Any] = [EMAWeightAveraging(decay=0.998, use_buffers=True), keep, StopOnNan()]
    if run.patience:
        callbacks.append(EarlyStopping("score", mode="max", patience=run.patience))
    logs = [CSVLogger(run.folder, name="log")]
    logs.append(TensorBoardLogger(run.folder, name="", version="board"))  # type: ignore[arg-type]
    return lightning.Trainer(
        default_root_dir=run.folder,
        max_steps=run.steps,
        precision=precision(),
        gradient_clip_val=1.0,
        val_check_interval=run.every,
        check_val_every_n_epoch=None,
        callbacks=callbacks,
        logger=logs,
        log_every_n_steps=50,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        accelerator="auto",
        devices=1,
    )


def loaders(run: Run, done: int = 0) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Crops for training, from step `done` on, and fixed validation crops from photos held out."""
    cv2.setNumThreads(1)
    paths = [path for folder in run.data for path in find_photos(Path(folder))]
    paths = paths[: run.limit] if run.limit else paths
    kept = [path for path in paths if held_out(path)] or paths[:1]
    others = [path for path in paths if path not in set(kept)] or paths
    train = examples(run, others, "train", run.steps * run.batch, run.seed, done * run.batch)
    check = examples(run, kept, "val", min(128, 8 * run.batch), 10**6)
    options: dict[str, Any] = {"batch_size": run.batch, "num_workers": run.workers}
    options |= {"persistent_workers": run.workers > 0, "worker_init_fn": one_thread}
    return DataLoader(train, **options), DataLoader(check, **options)


def examples(
    run: Run, paths: list[Path], part: str, count: int, seed: int, first: int = 0
) -> Dataset[tuple[Tensor, ...]]:
    """The examples of a task: crops, or for fading whole photos kept small."""
    if run.task == "fading":
        return FadingData(paths, count, seed, first)
    return Crops(load_photos(paths), maker(run, part), run.side, count, seed, first)


def one_thread(worker: int) -> None:
    """A loader worker leaves the other cores to the training."""
    cv2.setNumThreads(1)


def maker(run: Run, part: str) -> Maker:
    """What turns a clean crop into an example of the task."""
    part = part if run.library else "all"
    makers: dict[str, Callable[[], Maker]] = {
        "damage": lambda: DamageExamples(run.library, part),
        "inpaint": lambda: InpaintExamples(run.library, part),
        "denoise": DenoiseExamples,
    }
    return makers[run.task]()


class StopOnNan(lightning.Callback):
    """End a run whose loss is not a number before it overwrites a good checkpoint."""

    def on_train_batch_end(self, trainer: Any, task: Any, outputs: Any, *rest: Any) -> None:
        if not torch.isfinite(outputs["loss"]):
            raise ValueError(
                f"the loss became {outputs['loss'].item()} at step {trainer.global_step}; "
                "lower --lr, or look for broken pictures in --data"
            )


if __name__ == "__main__":
    raise SystemExit(main())
