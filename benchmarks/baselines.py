"""Train every network that ours is compared with, under one budget, and export them with cards.

    python benchmarks/baselines.py PHOTOS... --old OLD [--library FOLDER] [-o FOLDER] [--only ...]

PHOTOS are folders of clean photos; one in 32 is held out by its content, as in `unfade train`.
The networks of a task see the same examples in the same order: `steps` batches of `batch` crops
of `side` pixels. What can be trained by `unfade train` is trained by it (all at one learning rate,
Restormer at its own, absolute error without weights for artefacts); operation-wise attention,
Pix2Pix and CycleGAN by the small code beside this file, at their published rates. CycleGAN sees
crops of the real photos in OLD instead of aged ones. A network that is there already is left
alone, so a stopped run goes on. `FOLDER/baselines.json` tells budget, parameters and processor
seconds; afterwards

    unfade evaluate ... --network FOLDER/unet.onnx --network FOLDER/pix2pix.onnx

puts them to the same photos as everything else. The budget is far below the published ones: it
tells which shape learns most from little, not what each can reach.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from operation_attention import LAYERS, OperationAttention
from translation import Change, CycleGan, Pix2Pix
from unfade.models.card import ModelCard
from unfade.train.crops import Batches, Crops, Phase
from unfade.train.data import Pictures, find_sources, gather, split
from unfade.train.export import export, measure_memory, open_run
from unfade.train.fit import fit
from unfade.train.loaders import loaders, read_material
from unfade.train.run import Run

HOUSE = {
    "damage-efficient": ("damage", "efficient"),
    "unet": ("damage", "unet"),
    "attention-unet": ("damage", "attention-unet"),
    "r2att-unet": ("damage", "r2att-unet"),
    "restore-efficient": ("restore", "efficient"),
    "photo-unet": ("restore", "photo-unet"),
    "restormer-small": ("restore", "restormer"),
}
"""Networks that `unfade train` knows, by task and name."""

RATES = {"damage": 2e-3, "restore": 1e-3}
OPERATION_RATE = 1e-3

Trained = tuple[nn.Module, ModelCard]


def main() -> None:
    args = parse()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.only or TRAINERS:
        if not (args.out / f"{name}.toml").is_file():
            begin, resumed = os.times(), goes_on(name, args)
            net, card = TRAINERS[name](name, args)
            sample = torch.rand(1, card.inputs[0], 64, 128)
            export(net, dataclasses.replace(card, name=name), args.out, sample)
            note(args, name, net, None if resumed else _busy(os.times()) - _busy(begin))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", nargs="+", help="folders of clean photos")
    parser.add_argument("--old", nargs="+", default=[], help="folders of real old photos")
    parser.add_argument("--library", default="", help="folder of artefact pictures")
    parser.add_argument("-o", "--out", type=Path, default=Path("baselines"))
    parser.add_argument("--only", nargs="*", choices=list(TRAINERS))
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--limit", type=int, default=0, help="use so many photos of all")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def goes_on(name: str, args: argparse.Namespace) -> bool:
    """Whether a stopped run goes on: what it takes now is not all that it took."""
    folder = args.out / "runs" / "-".join(HOUSE.get(name, ()))
    return name in HOUSE and (folder / "last.ckpt").is_file()


def note(args: argparse.Namespace, name: str, net: nn.Module, seconds: float | None) -> None:
    """Write down what a network was given and, if known, what it took."""
    path = args.out / "baselines.json"
    told: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    told[name] = {
        "steps": args.steps,
        "batch": args.batch,
        "side": args.side,
        "parameters": sum(p.numel() for p in net.parameters()),
    } | ({} if seconds is None else {"processor_seconds": seconds})
    path.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    took = "went on where it stopped" if seconds is None else f"{seconds:.0f} s of processor time"
    print(f"{name}: {took}", flush=True)


def _busy(times: os.times_result) -> float:
    return times.user + times.system + times.children_user + times.children_system


def run_of(task: str, net: str, args: argparse.Namespace) -> Run:
    """The settings of one training: the same for all networks of a task but for the network."""
    return Run(
        task=task,
        data=tuple(args.photos),
        net=net,
        library=args.library,
        steps=args.steps,
        batch=args.batch,
        side=args.side,
        limit=args.limit,
        # Restormer diverges at the rate of the others; a Run knows its own.
        lr=0.0 if net == "restormer" else RATES[task],
        # An average over hundreds of steps would mostly remember the first weights.
        ema=0.98,
        undo="all",
        mask_weight=0.0,
        every=max(1, args.steps // 4),
        threads=args.threads,
        out=str(args.out / "runs" / f"{task}-{net}"),
    )


def house(name: str, args: argparse.Namespace) -> Trained:
    """A network that `unfade train` knows."""
    run = run_of(*HOUSE[name], args)
    fit(run, lambda line: print(f"{name}: {line}", flush=True))
    return open_run(run.folder, "last.ckpt")


def operation_attention(name: str, args: argparse.Namespace) -> Trained:
    """Operation-wise attention: absolute error, Adam, the rate falling along a cosine."""
    torch.manual_seed(0)
    net = OperationAttention(LAYERS["small"])
    optimizer = torch.optim.Adam(net.parameters(), OPERATION_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)

    def step(aged: Tensor, clean: Tensor) -> float:
        error = (aged + net(aged) - clean).abs().mean()
        optimizer.zero_grad(set_to_none=True)
        error.backward()
        optimizer.step()
        schedule.step()
        return float(error.detach())

    learn(name, step, pairs(args), args.steps)
    return finished(net, "Suganuma et al., CVPR 2019, smaller", 1, args)


def pix2pix(name: str, args: argparse.Namespace) -> Trained:
    torch.manual_seed(0)
    method = Pix2Pix(args.steps)
    learn(name, method.step, pairs(args), args.steps)
    grid = method.net.multiple_of
    return finished(Change(method.net, grid), "Pix2Pix: Isola et al., CVPR 2017", grid, args)


def cyclegan(name: str, args: argparse.Namespace) -> Trained:
    if not args.old:
        raise SystemExit("cyclegan learns from real old photos: name their folders with --old")
    torch.manual_seed(0)
    method = CycleGan(args.steps)
    learn(name, method.step, strangers(args), args.steps)
    grid = method.net.multiple_of
    return finished(Change(method.net, grid), "CycleGAN: Zhu et al., ICCV 2017", grid, args)


def pairs(args: argparse.Namespace) -> Iterator[Sequence[Tensor]]:
    """The batches of the task `restore`: aged, clean, and where artefacts are."""
    run = run_of("restore", "efficient", args)
    yield from loaders(run, read_material(run))[0]


def strangers(args: argparse.Namespace) -> Iterator[Sequence[Tensor]]:
    """Batches of crops of old photos, and of clean ones; both at the scales of `random_crop`."""
    sides = []
    for seed, places in enumerate((args.old, args.photos)):
        found = gather(places, find_sources)
        learned = split(found[: args.limit] if args.limit else found)[0]
        crops = Crops(Pictures(learned), _as_it_is, seed)
        batches = Batches([Phase(args.steps, args.side, args.batch)])
        sides.append(DataLoader(crops, batch_sampler=batches))
    for (old,), (clean,) in zip(*sides, strict=True):
        yield old, clean


def _as_it_is(crop: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    return (crop,)


def learn(
    name: str,
    step: Callable[[Tensor, Tensor], float],
    batches: Iterator[Sequence[Tensor]],
    steps: int,
) -> None:
    """Take all steps, and tell the error ten times on the way."""
    begin, every, errors = time.perf_counter(), max(1, steps // 10), []
    for number, batch in enumerate(batches, 1):
        errors.append(step(batch[0], batch[1]))
        if not np.isfinite(errors[-1]):
            raise SystemExit(f"{name}: the error is not a number at step {number}")
        if number % every == 0:
            mean = sum(errors[-every:]) / every
            seconds = time.perf_counter() - begin
            print(f"{name}: step {number}, error {mean:.4f}, {seconds:.0f} s", flush=True)


def finished(net: nn.Module, paper: str, grid: int, args: argparse.Namespace) -> Trained:
    """A network that sees the whole picture, with its card."""
    net = net.eval()
    budget = f"--steps {args.steps} --batch {args.batch} --side {args.side}"
    card = ModelCard(
        name="",
        task="restore",
        sha256="",
        multiple_of=grid,
        tiling="whole",
        bytes_per_pixel=measure_memory(net, 3),
        paper=paper,
        license="Apache-2.0",
        command=f"python benchmarks/baselines.py {budget}",
    )
    return net, card


TRAINERS: dict[str, Callable[[str, argparse.Namespace], Trained]] = {
    **dict.fromkeys(HOUSE, house),
    "pix2pix": pix2pix,
    "cyclegan": cyclegan,
    "operation-attention": operation_attention,
}
"""In the order in which they are trained."""


if __name__ == "__main__":
    main()
