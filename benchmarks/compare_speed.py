"""Seconds per megapixel of ours and of published networks, in one run on one machine.

    python benchmarks/compare_speed.py DATA [--rounds 3] [--megapixels 12] [--threads N]
        [--only WORDS] [--json FILE]

In every round each contestant works once, so that a busy machine slows all of them alike; what is
compared are medians over rounds of the ratio within a round. Contestants are

- `unfade restore` on a JPEG scan, from opening to written, in a process of its own; on a noisy copy
  of it too, because otherwise the gate of denoising may find nothing to do;
- the stages of the recipe `print` on such a scan, with every engine and precision there is, set
  against the matrix product and the copy that this machine reaches in the same round;
- each network alone on one tile of 1024 x 1024: in every engine, and in eager PyTorch (32 bit);
- published networks in eager PyTorch (32 bit), random weights: Restormer (the published size) on
  512 x 512; the scratch path of triplet translation (detector, which always sees the photo shrunk
  to 256, encoder, mapping with partial non-local attention, decoder) for a photo of 512 x 512; and
  the SPADE generator for a face of 256 x 256. Their reading, writing and tiling are not counted.

The ratios asked for set `unfade restore`, start of the process and JPEG included, against the
bare networks. One round takes minutes and needs about 7 GB.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyvips
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import published
from roofline import WatchedDarkroom, add_shares, machine_limits, make_scan, operations, stage_runs
from speed import make_scan_apart, restore
from unfade.choose import load_recipe
from unfade.engines import ENGINES, open_engine
from unfade.errors import EngineError
from unfade.models.zoo import Zoo
from unfade.photo import Photo
from unfade.report.versions import versions
from unfade.train.nets import Restormer
from unfade.train.run import Run
from unfade.train.tasks import make_network

TILE = 1024
NOISE = 8.0
NETWORKS = ("damage", "inpaint", "denoise")
WHOLE = "unfade restore"
TRIPLET = "triplet translation, scratch path"
RESTORMER = "Restormer"

Details = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Contestant:
    """Something that is timed.

    Attributes:
        name, engine: What works, and in what.
        kind: `whole`, `stages`, `network` or `published`.
        megapixels: What one piece of work restores.
        gflop: Of its networks, where it is known beforehand.
        work: Does it once; answers with seconds that only it knows, such as those of a child.
    """

    name: str
    engine: str
    kind: str
    megapixels: float
    work: Callable[[], Details]
    gflop: float = 0.0


def main() -> None:
    args = parse()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        found = [c for c in contestants(args, Path(folder)) if wanted(c, args.only)]
        rounds = [one_round(found, number) for number in range(args.rounds)]
    told = {
        "machine": versions(("openvino", "onnxruntime")) | {"torch": torch.__version__},
        "threads": args.threads,
        "load": [r["load"] for r in rounds],
        "contestants": [
            summary(c, [r["times"][index] for r in rounds]) for index, c in enumerate(found)
        ],
    }
    told["ratios"] = ratios(told["contestants"])
    show(told)
    if args.json:
        args.json.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="folder of at least six photos")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", nargs="*", help="words; one must be in kind, name or engine")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def wanted(contestant: Contestant, words: list[str] | None) -> bool:
    told = f"{contestant.kind} {contestant.name} {contestant.engine}"
    return not words or any(word in told for word in words)


def contestants(args: argparse.Namespace, folder: Path) -> Iterator[Contestant]:
    """Everything that is timed.

    Networks are made and opened here, before the clock runs; scans when they are first needed.
    """
    engines = list(usable_engines(args.threads))
    yield from whole(args, folder, engines)
    scan = functools.cache(lambda: make_scan(args.data, args.megapixels))
    for engine in engines:
        yield stages(scan, engine, args)
    for task in NETWORKS:
        for engine in engines:
            yield in_engine(task, engine, args.threads)
        yield in_torch(task)
    yield from rivals()


def usable_engines(threads: int) -> Iterator[str]:
    """The engines that work here, each precision once."""
    for name in ENGINES:
        try:
            if name != "openvino" and open_engine(name, threads=threads):
                yield name
        except EngineError as error:
            print(f"left out: {error}")


def whole(args: argparse.Namespace, folder: Path, engines: list[str]) -> Iterator[Contestant]:
    """`unfade restore` as people call it, on a noisy scan, and with each engine by name."""
    asked = [(WHOLE, "auto", "scan.jpg"), (f"{WHOLE}, noisy scan", "auto", "noisy.jpg")]
    asked += [(WHOLE, engine, "scan.jpg") for engine in engines]

    @functools.cache
    def make() -> None:
        make_scan_apart(folder / "scan.jpg", args.data, args.megapixels, 8)
        add_noise(folder / "scan.jpg", folder / "noisy.jpg")

    for name, engine, file in asked:

        def work(engine: str = engine, scan: Path = folder / file) -> Details:
            make()
            spent = restore(scan, engine, ["--threads", str(args.threads)])
            return spent._asdict() | {
                "read_bytes": scan.stat().st_size,
                "written_bytes": (folder / "out" / scan.name).stat().st_size,
            }

        yield Contestant(name, engine, "whole", args.megapixels, work)


def add_noise(source: Path, target: Path) -> None:
    """Copy a scan with white noise that no gate overlooks."""
    picture = pyvips.Image.new_from_file(str(source))
    noise = [
        pyvips.Image.gaussnoise(picture.width, picture.height, sigma=NOISE, mean=0, seed=band)
        for band in range(picture.bands)
    ]
    noisy = picture + noise[0].bandjoin(noise[1:])
    (noisy > 0).ifthenelse(noisy, 0).cast("uchar").jpegsave(str(target), Q=92)


def stages(scan: Callable[[], Photo], engine: str, args: argparse.Namespace) -> Contestant:
    """The stages of the recipe `print`, one after the other on the same scan."""
    room, recipe = WatchedDarkroom(engine, args.threads), load_recipe("print")
    for name in (*NETWORKS, "fading"):
        room.model(name)

    def work() -> Details:
        photo, limits = scan(), machine_limits(room.engine.name, args.threads)
        start, busy = time.perf_counter(), time.process_time()
        runs = list(stage_runs(photo, recipe, room))
        told = {
            "seconds": time.perf_counter() - start,
            "processor_seconds": time.process_time() - busy,
        }
        for stage in runs:
            add_shares(stage, args.megapixels, limits)
        return told | limits | {"stages": runs}

    return Contestant("recipe print", engine, "stages", args.megapixels, work)


def in_engine(task: str, engine: str, threads: int) -> Contestant:
    """A shipped network on one tile, in an engine."""
    path, card = Zoo().find(task)
    tile = np.random.default_rng(0).random((1, sum(card.inputs), TILE, TILE), np.float32)
    network = open_engine(engine, threads=threads).load(path)
    network(tile)
    gflop = operations(path, (tile.shape,))
    return Contestant(task, engine, "network", TILE**2 / 1e6, lambda: timed(network, tile), gflop)


def in_torch(task: str) -> Contestant:
    """The same network in eager PyTorch.

    Raises:
        SystemExit: It is not the shape that ships.
    """
    card = Zoo().find(task)[1]
    net = make_network(Run(task=task, data=("-",), preset=card.preset)).eval()
    count = sum(p.numel() for p in net.parameters())
    if count != card.parameters:
        raise SystemExit(f"{task} has {count} parameters here, {card.parameters} on its card")
    return eager(task, "network", net, TILE**2, torch.rand(1, sum(card.inputs), TILE, TILE))


def rivals() -> Iterator[Contestant]:
    """What others published, each part by itself; the scratch path also as a whole."""
    photo = 512**2
    mask = torch.zeros(1, 1, 512, 512)
    mask[..., 100:110, :] = 1
    picture, latent = torch.rand(1, 3, 512, 512), torch.rand(1, 64, 128, 128)
    parts = [
        ("scratch detector", published.ScratchDetector(), (torch.rand(1, 1, 256, 256),)),
        ("encoder", published.Encoder(), (picture,)),
        ("mapping", published.Mapping(), (latent, mask)),
        ("decoder", published.Decoder(), (latent,)),
    ]
    opened = [(net.eval(), inputs) for _, net, inputs in parts]
    for name, net, inputs in parts:
        yield eager(f"triplet translation, {name}", "part", net, photo, *inputs)
    gflop = sum(flops(net, *inputs) for net, inputs in opened)

    def path() -> Details:
        return timed(lambda: [net(*inputs) for net, inputs in opened])

    yield Contestant(TRIPLET, "torch-fp32", "published", photo / 1e6, path, gflop)
    yield eager(RESTORMER, "published", Restormer().eval(), photo, picture)
    face = torch.rand(1, 3, 256, 256)
    yield eager("SPADE face generator", "published", published.FaceGenerator().eval(), 256**2, face)


def eager(name: str, kind: str, net: nn.Module, pixels: int, *inputs: Tensor) -> Contestant:
    """A PyTorch network as it is, in 32 bit."""
    net = net.eval()
    gflop = flops(net, *inputs)
    return Contestant(name, "torch-fp32", kind, pixels / 1e6, lambda: timed(net, *inputs), gflop)


def flops(net: nn.Module, *inputs: Tensor) -> float:
    """GFLOP of a network, counted on shapes alone."""
    shapes = {k: v.to("meta") for k, v in net.state_dict().items()}
    with FlopCounterMode(display=False) as counter:
        torch.func.functional_call(net, shapes, tuple(x.to("meta") for x in inputs))
    return float(counter.get_total_flops()) / 1e9


def timed(work: Callable[..., Any], *inputs: Any) -> Details:
    """Seconds by the clock and of all threads of this process."""
    start, busy = time.perf_counter(), time.process_time()
    work(*inputs)
    return {
        "seconds": time.perf_counter() - start,
        "processor_seconds": time.process_time() - busy,
    }


def one_round(found: list[Contestant], number: int) -> Details:
    """Let every contestant work once."""
    load, times = os.getloadavg()[0], []
    for contestant in found:
        times.append(contestant.work())
        per = times[-1]["seconds"] / contestant.megapixels
        print(
            f"round {number + 1} {contestant.name}, {contestant.engine}: {per:.3f} s/MP", flush=True
        )
    return {"load": load, "times": times}


def summary(contestant: Contestant, times: list[Details]) -> Details:
    """What is kept of a contestant: medians over rounds, and every round."""
    facts = {
        name: getattr(contestant, name) for name in ("name", "engine", "kind", "megapixels")
    } | ({"gflop": contestant.gflop} if contestant.gflop else {})
    seconds = [t["seconds"] for t in times]
    return facts | {
        "seconds_per_megapixel": statistics.median(seconds) / contestant.megapixels,
        "processor_seconds_per_megapixel": statistics.median(t["processor_seconds"] for t in times)
        / contestant.megapixels,
        "rounds": times,
    }


def ratios(found: list[Details]) -> Details:
    """How much slower the published ones are than `unfade restore`, per megapixel.

    By the clock, and by the processor time of all threads, which a busy machine changes less.
    """
    ours = next((c for c in found if c["name"] == WHOLE and c["engine"] == "auto"), None)
    if ours is None:
        return {}
    told = {}
    for theirs in (c for c in found if c["kind"] == "published"):
        scale = ours["megapixels"] / theirs["megapixels"]
        told[theirs["name"]] = {
            clock: [
                scale * b[clock] / a[clock]
                for a, b in zip(ours["rounds"], theirs["rounds"], strict=True)
            ]
            for clock in ("seconds", "processor_seconds")
        }
    return {
        name: each | {f"median_{clock}": statistics.median(v) for clock, v in each.items()}
        for name, each in told.items()
    }


def show(told: Details) -> None:
    """Print the table."""
    for entry in told["contestants"]:
        speed = entry["gflop"] / entry["megapixels"] if "gflop" in entry else 0
        print(
            f"{entry['kind']:<10}{entry['name']:<36}{entry['engine']:<15}"
            f"{entry['seconds_per_megapixel']:9.3f} s/MP"
            + (f"{speed:9.0f} GFLOP/MP" if speed else "")
        )
    for name, ratio in told["ratios"].items():
        each = ", ".join(f"{r:.0f}" for r in ratio["seconds"])
        print(
            f"{WHOLE} is {ratio['median_seconds']:.0f} times faster than {name} ({each}), by "
            f"processor time {ratio['median_processor_seconds']:.0f}"
        )


if __name__ == "__main__":
    main()
