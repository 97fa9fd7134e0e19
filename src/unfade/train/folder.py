"""The run folder: what decided the run in it, and whether a command may go on from there."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .. import __version__
from ..errors import ModelError
from .loaders import Material
from .run import Run, from_record
from .weights import open_checkpoint

FREE = (
    # How long, and how much is told on the way;
    *("steps", "minutes", "patience", "every", "look", "out"),
    # how fast, on what;
    *("workers", "threads", "cache_mb", "kept", "accelerator", "compile", "channels_last"),
    # where the pictures lie: their checksums are compared instead.
    *("data", "pairs", "clips"),
)
"""Settings in which a command may differ from the run that it goes on with."""

Checkpoint = dict[str, Any]


def open_last(run: Run) -> Checkpoint | None:
    """The checkpoint that a command goes on from; None where it begins anew.

    Raises:
        ModelError: It is of a run with other settings, of nobody knows which, or damaged.
    """
    last = run.folder / "last.ckpt"
    if not last.exists():
        return None
    check_settings(run)
    try:
        return open_checkpoint(last)
    except ModelError as error:
        best = run.folder / "best.ckpt"
        way = f"copy {best} over it to go on from the best check" if best.exists() else "remove it"
        raise ModelError(f"{last} is damaged; {way}, or give another --out ({error})") from error


def read_record(folder: Path) -> dict[str, Any]:
    """What `run.json` tells of the run in a folder.

    Raises:
        ModelError: There is none, or it is damaged.
    """
    path = folder / "run.json"
    if not path.exists():
        raise ModelError(
            f"{folder} holds last.ckpt but no run.json, so nobody knows what it learned; give "
            f"another --out, and --init {folder} to begin with its weights"
        )
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        from_record(record)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{path} is damaged ({error}); put it right, or give another --out"
        ) from error
    return dict(record)


def check_settings(run: Run) -> None:
    """Refuse to go on with the run of other settings.

    Raises:
        ModelError: Some that decide a run differ.
    """
    before = from_record(read_record(run.folder))
    names = [field.name for field in dataclasses.fields(run) if field.name not in FREE]
    differ = [name for name in names if getattr(run, name) != getattr(before, name)]
    if differ:
        theirs, ours = (", ".join(_said(r, name) for name in differ) for r in (before, run))
        raise ModelError(
            f"{run.folder} holds a run with {theirs}; this one has {ours}. Give the same to go on "
            f"with it, or another --out (and --init {run.folder} to begin with its weights)"
        )


def _said(run: Run, name: str) -> str:
    value = getattr(run, name)
    option = name if name == "task" else f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return option if value else f"--no-{name.replace('_', '-')}"
    shown = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"{option} {shown}" if shown else f"no {option}"


def check_pictures(run: Run, material: Material) -> None:
    """Refuse to go on with a run that learned from other pictures.

    Raises:
        ModelError: Their checksums differ.
    """
    before = read_record(run.folder).get("data_sha256", material.sha256)
    if before != material.sha256:
        raise ModelError(
            f"the pictures are not those that the run in {run.folder} learned from and was checked "
            "with (its manifest.csv lists them); give the same ones to go on with it, or another "
            f"--out (and --init {run.folder} to begin with its weights)"
        )


def check_fits(run: Run, task: nn.Module, checkpoint: Checkpoint) -> None:
    """Refuse a checkpoint of another network.

    Raises:
        ModelError: Names or shapes of its tensors are not those of the task.
    """
    ours = {name: value.shape for name, value in task.state_dict().items()}
    theirs = {name: value.shape for name, value in checkpoint.get("state_dict", {}).items()}
    alike = sum(theirs.get(name) == shape for name, shape in ours.items())
    if ours != theirs:
        raise ModelError(
            f"{run.folder / 'last.ckpt'} is of another network: {alike} of {len(ours)} tensors "
            "fit; give another --out"
        )


def ended(run: Run, checkpoint: Checkpoint) -> str:
    """Why there is nothing left to do after a checkpoint; empty if there is."""
    callbacks = checkpoint.get("callbacks", {})
    idle = callbacks.get("Patience", {}).get("idle", 0)
    spent = callbacks.get("Clock", {}).get("time_elapsed", {}).get("train", 0.0)
    if int(checkpoint["global_step"]) >= run.steps:
        return f"all {run.steps} steps are done"
    if run.patience and idle >= run.patience:
        return f"{idle} checks brought no progress (--patience {run.patience})"
    if run.minutes and spent >= 60 * run.minutes:
        return f"{run.minutes:g} minutes are over (--minutes)"
    return ""


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


def commit(package: Path = Path(__file__).parents[1]) -> str:
    """The git commit of this code, with `+` if files differ from it; empty if not in a checkout.

    Args:
        package: All of the code: that which ages photos decides a run as much as the training.
    """
    try:
        told = [
            subprocess.run(
                ["git", "-C", str(package), *words], capture_output=True, text=True, check=True
            ).stdout.strip()
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--", str(package)])
        ]
    except (OSError, subprocess.CalledProcessError):
        return ""
    return told[0] + ("+" if told[1] else "")
