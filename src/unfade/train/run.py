"""`Run`: everything that decides a training run, written once and read by the command line."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..degrade import PRESETS
from ..settings import setting
from .losses import LOSSES
from .nets import NETS

RATES = {
    "damage": 3e-3,
    "verify": 2e-3,
    "veils": 3e-3,
    "overview": 3e-3,
    "inpaint": 1e-3,
    "denoise": 1e-3,
    "deblur": 1e-3,
    "restore": 1e-3,
    "fading": 2e-3,
}
"""Highest learning rate of each task's own network; Restormer takes 3e-4 as published."""

RESTORMER_RATE = 3e-4

MODES = {"color": (3, 3), "grey": (1, 1), "colorize": (1, 3)}
"""Channels in and out of the one-stage task."""

BOUNDS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("steps", "batch", "side", "sides", "grow", "every", "devices"), (1, math.inf)),
    **dict.fromkeys(("minutes", "lr", "clip", "mask_weight"), (0, math.inf)),
    **dict.fromkeys(("workers", "threads", "cache_mb", "distinct"), (0, math.inf)),
    **dict.fromkeys(("patience", "limit"), (0, math.inf)),
    **dict.fromkeys(("share", "ema"), (0, 1)),
    "seed": (0, 2**32 - 1),
}
"""Lowest and highest value of settings that are numbers, or of each of several."""

NO_PAIRS = ("fading", "verify", "veils", "overview")


@dataclasses.dataclass(frozen=True)
class Run:
    """Everything that decides a training run; kept as `run.json` in its folder."""

    task: str
    data: tuple[str, ...] = setting((), "folders or tar files of clean photos, aged on the fly")
    pairs: tuple[str, ...] = setting(
        (), "folders or tar files with aged/, clean/, mask/ and kinds/ of equal names"
    )
    clips: tuple[str, ...] = setting(
        (), "like --data, for frames of films: a folder of frames is never split"
    )
    look: tuple[str, ...] = setting((), "real old photos to look at, not learned from")
    judged: tuple[str, ...] = setting(
        (),
        "damage, overview, verify: a file of judged marks, then folders or tar files of its photos",
    )
    share: float = setting(
        0.5, "share of the pairs, or of the judged marks, among the examples if there is --data too"
    )
    net: str = setting("", "network; by default the one that ships")
    preset: str = setting("small", "size of the network", choices=("small", "base"))
    steps: int = setting(20_000, "optimizer steps")
    minutes: float = setting(0.0, "end after so long, the learning rate having fallen; 0 is never")
    batch: int = setting(8, "crops in a batch, for each device")
    side: int = setting(256, "side of a crop in pixels")
    sides: tuple[int, ...] = setting(
        (), "sides of the crops in equal parts of the run; larger ones come in smaller batches"
    )
    grow: tuple[int, ...] = setting((), "how many photos to learn from in equal parts of the run")
    lr: float = setting(0.0, "highest learning rate; 0 is the task's own")
    schedule: str = setting(
        "cosine", "how the learning rate falls", choices=("cosine", "plateau", "constant")
    )
    optimizer: str = setting(
        "adamw", "AdamW, or Muon: learns more from fewer examples", choices=("adamw", "muon")
    )
    ema: float = setting(0.998, "weights are averaged with this memory per step; 0 is off")
    clip: float = setting(1.0, "longest gradient; 0 is off")
    precision: str = setting(
        "auto", "auto is bf16 where the processor has it", choices=("auto", "fp32", "bf16", "fp16")
    )
    channels_last: bool = setting(True, "keep the channels of a pixel together in memory")
    compile: str = setting("", "backend of torch.compile, such as inductor; empty is off")
    devices: int = setting(1, "processes or GPUs that train together (DDP)")
    accelerator: str = setting("auto", "where to train", choices=("auto", "cpu", "gpu", "mps"))
    loss: str = setting("", "what is made small; by default the task's own")
    kinds: bool = setting(True, "damage: tell kinds of damage apart, not only damaged or not")
    mode: str = setting("color", "restore: channels in and out", choices=tuple(MODES))
    aging: str = setting("old-photo-mixed", "restore: what the photos were, as in unfade age")
    undo: str = setting(
        "damage", "restore: only artefacts, or fading and noise too", choices=("damage", "all")
    )
    mask_weight: float = setting(4.0, "restore: how much more an artefact's pixel counts")
    holes: str = setting("thin", "inpaint: what is cut out", choices=("thin", "large", "both"))
    noise: str = setting(
        "mixed",
        "denoise: grain, noise, blur and JPEG, white noise, or half of each",
        choices=("mixed", "white", "both"),
    )
    detector: str = setting(
        "damage", "--judged, verify: the damage network whose marks are judged, name or ONNX file"
    )
    library: str = setting("", "folder of artefact pictures; empty draws all shapes")
    init: str = setting(
        "", "weights to begin with: a model by name, a run, a checkpoint, an ONNX or .pth file"
    )
    norms: str = setting(
        "batch",
        "batch normalization goes by each batch, or keeps what it knows, for small batches "
        "and --init",
        choices=("batch", "kept"),
    )
    revive: bool = setting(False, "--init: units that never fire begin anew, answers stay")
    workers: int = setting(1, "processes that make examples")
    cache_mb: int = setting(4000, "decoded photos kept in memory")
    distinct: int = setting(
        0, "how many examples; when all were seen they come again, mirrored; 0 is ever new ones"
    )
    kept: str = setting("", "folder where examples are kept, for all runs that learn from the same")
    threads: int = setting(0, "threads to compute with; 0 is all")
    seed: int = setting(0, "decides every example and every first weight")
    every: int = setting(500, "steps between two checks, each of which keeps a checkpoint")
    patience: int = setting(0, "checks without progress before stopping; 0 is never")
    limit: int = setting(0, "how many photos of all; 0 is all")
    out: str = setting(
        "", "run folder; runs/TASK-PRESET by default, runs/TASK-NET-PRESET with --net"
    )

    def __post_init__(self) -> None:
        if self.task not in RATES:
            raise ValueError(f"no task {self.task!r}; known: {', '.join(RATES)}")
        for field in dataclasses.fields(self):
            allowed = field.metadata.get("choices")
            value = getattr(self, field.name)
            if allowed and value not in allowed:
                raise ValueError(f"{field.name} must be {' or '.join(allowed)}, got {value!r}")
        if self.aging not in PRESETS:
            raise ValueError(f"no aging preset {self.aging!r}; known: {', '.join(PRESETS)}")
        for name, (low, high) in BOUNDS.items():
            _check_bounds(name, getattr(self, name), low, high)
        if self.ema == 1:
            raise ValueError("--ema must be below 1, got 1: the first weights would stay for ever")
        if self.task == "fading" and self.batch < 2:
            raise ValueError(
                f"--batch must be 2 or more for fading, got {self.batch}: its normalization "
                "compares the examples of a batch"
            )
        if not (self.data or self.pairs or self.clips):
            raise ValueError("nothing to learn from; give --data, --clips or --pairs")
        if self.pairs and self.task in NO_PAIRS:
            raise ValueError(f"{self.task} learns from clean photos only; use --data, not --pairs")
        if (self.distinct or self.kept) and self.task in NO_PAIRS:
            raise ValueError(
                f"examples of {self.task} are no pictures to mirror; leave --distinct and --kept"
            )
        learns = self.task in ("damage", "overview", "verify")
        if self.judged and not (learns and len(self.judged) >= 2 and self.data):
            raise ValueError(
                "--judged FILE PHOTOS... is for damage, overview and verify, and in addition to "
                "--data; it takes a file of judged marks and where their photos lie"
            )
        if self.judged and self.pairs:
            raise ValueError(
                "--judged and --pairs do not go together: give one of both, and the other to a run "
                "that begins with the weights of this one (--init)"
            )
        if self.revive and not self.init:
            raise ValueError("--revive is for weights to begin with; give --init, or leave it away")
        if self.look and self.task == "verify":
            raise ValueError("verify looks at marks, not at whole photos; leave --look away")
        if self.loss and self.loss not in LOSSES.get(self.task, {}):
            known = ", ".join(LOSSES.get(self.task, {})) or "none to choose from"
            raise ValueError(f"no loss {self.loss!r} for {self.task}; known: {known}")
        if self.net and self.net not in NETS.get(self.task, {}):
            known = ", ".join(NETS.get(self.task, {})) or "none to choose from"
            raise ValueError(f"no network {self.net!r} for {self.task}; known: {known}")

    @property
    def folder(self) -> Path:
        name = "-".join(filter(None, (self.task, self.net, self.preset)))
        return Path(self.out or f"runs/{name}")

    @property
    def rate(self) -> float:
        return self.lr or (RESTORMER_RATE if self.net == "restormer" else RATES[self.task])


def _check_bounds(name: str, given: Any, low: float, high: float) -> None:
    """Refuse a number, or one of several, that is out of bounds, infinite or no number.

    Raises:
        ValueError: It is.
    """
    allowed = f"{low} or more" if high == math.inf else f"within {low} to {high}"
    for value in given if isinstance(given, tuple) else (given,):
        if not (low <= value <= high and math.isfinite(value)):
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option} must be {allowed}, got {value}")


def parse(arguments: Sequence[str] | None) -> Run:
    """Read the command line into a `Run`."""
    parser = argparse.ArgumentParser(prog="unfade train", description="Train a network.")
    parser.add_argument("task", choices=sorted(RATES))
    for field in dataclasses.fields(Run)[1:]:
        parser.add_argument(f"--{field.name.replace('_', '-')}", **_option(field))
    return from_record(vars(parser.parse_args(arguments)))


def _option(field: dataclasses.Field[Any]) -> dict[str, Any]:
    default = field.default
    option: dict[str, Any] = {"default": default, "help": field.metadata["help"]}
    if isinstance(default, bool):
        return option | {"action": argparse.BooleanOptionalAction}
    if isinstance(default, tuple):
        return option | {"nargs": "+", "type": int if field.type == "tuple[int, ...]" else str}
    choices = field.metadata["choices"]
    return option | {"type": type(default), "choices": choices or None}


def from_record(record: Mapping[str, Any]) -> Run:
    """Read the settings out of what a `run.json` keeps; what else it tells is left aside."""
    known = {field.name for field in dataclasses.fields(Run)}
    settings: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in record.items() if k in known
    }
    return Run(**settings)
