"""How near the stages come to what the machine can do, and how the cost grows.

    python benchmarks/roofline.py DATA [--megapixels 1 4 12] [--threads 1 2] [--json FILE]

The limits are measured in the same processes, right before and after the photos: GFLOP/s of a
large matrix product (the engine's in its own precision or NumPy's, whichever is faster), and GB/s
of copying memory (read and written bytes). A scan is laid together of photos of DATA and aged as
film, then restored with the recipe
`print`; per stage the seconds inside networks are set against the product's, with operations
counted on the network's graph, and the rest against copying the picture once. Each number of
threads has a process of its own. Shares of one run can be compared between machines, seconds
cannot. By the clock they waver on a busy machine; by processor time (of all threads together, also
of those that wait by turning) much less.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from unfade.choose import load_recipe
from unfade.darkroom import Darkroom
from unfade.degrade import draw_aging
from unfade.engines import Engine, Network, open_engine
from unfade.engines.openvino import openvino
from unfade.io.read import can_read, read
from unfade.photo import Photo
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.report.versions import versions

SIDE = 2048
COPIED = 2**28


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 4, 12])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, os.cpu_count() or 1])
    parser.add_argument("--engine", default="openvino")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    processes = multiprocessing.get_context("spawn")
    runs = []
    for threads in dict.fromkeys(args.threads):
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[name] = str(threads)
        with processes.Pool(1) as pool:
            runs.append(pool.apply(measure, (args, threads)))
    told = {
        "machine": versions((args.engine,)),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "runs": runs,
    }
    show(told)
    if args.json:
        args.json.write_text(json.dumps(told, indent=1))


def measure(args: argparse.Namespace, threads: int) -> dict[str, Any]:
    """Measure limits and stages in this process."""
    cv2.setNumThreads(threads)
    room = WatchedDarkroom(args.engine, threads)
    limits = [machine_limits(room.engine.name, threads)]
    sizes = [size_run(args, size, room) for size in args.megapixels]
    limits.append(machine_limits(room.engine.name, threads))
    peak = {name: max(limit[name] for limit in limits) for name in limits[0]}
    for size in sizes:
        for stage in size["stages"]:
            add_shares(stage, size["megapixels"], peak)
    return {"threads": threads, "engine": room.engine.name, **peak, "sizes": sizes}


def machine_limits(engine: str, threads: int) -> dict[str, float]:
    """GFLOP/s of a matrix product in the engine's precision, and GB/s of a copy."""
    precision = "bf16" if engine.endswith("bf16") else "f32"
    ops = openvino.opset13
    left, right = (np.full((SIDE, SIDE), 0.5, np.float32) for _ in range(2))
    given = ops.parameter([SIDE, SIDE], np.float32)
    model = openvino.Model([ops.matmul(given, ops.constant(right), False, False)], [given], "x")
    options = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision}
    request = openvino.Core().compile_model(model, "CPU", options).create_infer_request()
    # The engine's product and NumPy's: the limit is what the faster of the two reaches.
    products = [best(lambda: request.infer([left]), 3), best(lambda: left @ right, 3)]
    product_seconds, product_processor = (min(times) for times in zip(*products, strict=True))
    source, target = np.ones(COPIED // 4, np.float32), np.zeros(COPIED // 4, np.float32)
    return {
        "gflops_per_second": 2 * SIDE**3 / 1e9 / product_seconds,
        "gflop_per_processor_second": 2 * SIDE**3 / 1e9 / product_processor,
        "copy_gb_per_second": 2 * COPIED / 1e9 / best(lambda: np.copyto(target, source), 5)[0],
    }


def best(work: Callable[[], Any], repeat: int) -> tuple[float, float]:
    """Least seconds by the clock and by the processor of some repetitions, after a warm-up."""
    work()
    seconds, processor = [], []
    for _ in range(repeat):
        start, busy = time.perf_counter(), time.process_time()
        work()
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - busy)
    return min(seconds), min(processor)


class WatchedNetwork:
    """A network that adds up its seconds and operations."""

    def __init__(self, network: Network, path: Path, book: dict[str, float]) -> None:
        self.network, self.path, self.book = network, path, book
        self.known: dict[tuple[tuple[int, ...], ...], float] = {}

    def __call__(self, *arrays: np.ndarray) -> np.ndarray:
        start, busy = time.perf_counter(), time.process_time()
        answer = self.network(*arrays)
        self.book["seconds"] += time.perf_counter() - start
        self.book["processor"] += time.process_time() - busy
        shapes = tuple(array.shape for array in arrays)
        if shapes not in self.known:
            self.known[shapes] = operations(self.path, shapes)
        self.book["gflop"] += self.known[shapes]
        return answer


class WatchedEngine:
    """An engine whose networks are watched."""

    def __init__(self, engine: Engine, book: dict[str, float]) -> None:
        self.engine, self.book, self.name = engine, book, engine.name
        self.number_bytes = engine.number_bytes

    def load(self, path: Path, exact: bool = False) -> Network:
        return WatchedNetwork(self.engine.load(path, exact), path, self.book)


class WatchedDarkroom(Darkroom):
    """A darkroom that knows what its networks took since `book` was emptied.

    It works on one tile after the other, so that networks have the machine for themselves.
    """

    lanes = 1

    def __init__(self, engine: str, threads: int) -> None:
        super().__init__(engine, threads=threads)
        self.book = {"seconds": 0.0, "processor": 0.0, "gflop": 0.0}
        self._engine = WatchedEngine(open_engine(engine, threads=threads), self.book)


def operations(path: Path, shapes: tuple[tuple[int, ...], ...]) -> float:
    """GFLOP (a multiplication and an addition are two) of a network for inputs of these shapes."""
    model = openvino.Core().read_model(path)
    model.reshape({port: list(shape) for port, shape in zip(model.inputs, shapes, strict=True)})
    return sum(_of_node(node) for node in model.get_ops()) / 1e9


def _of_node(node: Any) -> float:
    """Operations of one node: twice its multiplications, 0 for what is none of these kinds."""
    kind = node.get_type_name()
    if kind not in MULTIPLIED:
        return 0.0
    counted, factors = MULTIPLIED[kind](node)
    return 2.0 * float(np.prod(counted)) * float(np.prod(factors))


def _in(node: Any, which: int) -> list[int]:
    return list(node.input(which).get_shape())


def _out(node: Any) -> list[int]:
    return list(node.output(0).get_shape())


MULTIPLIED: dict[str, Callable[[Any], tuple[list[int], list[int]]]] = {
    "MatMul": lambda node: (_out(node), _in(node, 0)[-1:]),
    "Convolution": lambda node: (_out(node), _in(node, 1)[1:]),  # (out, in, h, w)
    "GroupConvolution": lambda node: (_out(node), _in(node, 1)[2:]),  # (groups, out, in, h, w)
    # (in, out, h, w): every input value is spread over the kernel.
    "ConvolutionBackpropData": lambda node: (_in(node, 0), _in(node, 1)[1:]),
}
"""What is computed, and how many multiplications each value of it takes, by kind of node."""


def size_run(args: argparse.Namespace, megapixels: float, room: WatchedDarkroom) -> dict[str, Any]:
    """Restore one scan, stage by stage; of several repetitions the fastest of each stage."""
    scan = make_scan(args.data, megapixels)
    recipe = load_recipe("print")
    rounds = [list(stage_runs(scan, recipe, room)) for _ in range(args.repeat + 1)][1:]
    stages = [min(runs, key=lambda stage: stage["seconds"]) for runs in zip(*rounds, strict=True)]
    total = sum(stage["seconds"] for stage in stages)
    height, width = scan.size
    return {
        "megapixels": height * width / 1e6,
        "seconds": total,
        "seconds_per_megapixel": total / (height * width / 1e6),
        "stages": stages,
    }


def stage_runs(photo: Photo, recipe: Recipe, room: WatchedDarkroom) -> Iterator[dict[str, Any]]:
    """Run stage after stage and tell what each took."""
    for stage in recipe:
        room.book.update(seconds=0.0, processor=0.0, gflop=0.0)
        start, busy = time.perf_counter(), time.process_time()
        photo = run(photo, Recipe(stage.name, (stage,)), room)
        yield {
            "stage": stage.name,
            "seconds": time.perf_counter() - start,
            "processor_seconds": time.process_time() - busy,
            "network_seconds": room.book["seconds"],
            "network_processor_seconds": room.book["processor"],
            "gflop": room.book["gflop"],
        }


def add_shares(stage: dict[str, Any], megapixels: float, peak: dict[str, float]) -> None:
    """Set a stage against the limits: its networks against the product, the rest against a copy."""
    inside = stage["network_seconds"]
    stage["share_in_networks"] = inside / stage["seconds"]
    stage["gflop_per_megapixel"] = stage["gflop"] / megapixels
    if inside:
        stage["share_of_peak"] = stage["gflop"] / inside / peak["gflops_per_second"]
        per_second = stage["gflop"] / max(stage["network_processor_seconds"], 1e-9)
        stage["processor_share_of_peak"] = per_second / peak["gflop_per_processor_second"]
    # Three channels of 4 bytes, read and written once, is the least that any stage can do.
    once = 2 * 12 * megapixels * 1e6 / 1e9 / peak["copy_gb_per_second"]
    stage["rest_over_one_copy"] = (stage["seconds"] - inside) / once


def make_scan(folder: Path, megapixels: float) -> Photo:
    """Lay six photos together, enlarge them to the size, and age them as film."""
    height = int((megapixels * 1e6 / 1.5) ** 0.5) // 2 * 2
    cell = (int(height * 1.5) // 3, height // 2)
    paths = [path for path in sorted(folder.rglob("*")) if can_read(path)][:6]
    if len(paths) < 6:
        raise SystemExit(f"{folder} must hold six photos, got {len(paths)}")
    pieces = [cv2.resize(_color(read(path).pixels), cell) for path in paths]
    clean = Photo(np.clip(np.vstack([np.hstack(pieces[:3]), np.hstack(pieces[3:])]), 0, 1))
    aging = draw_aging(np.random.default_rng(4), "film-35mm", 0.4, size=clean.size)
    return Photo(np.clip(run(clean, aging, Darkroom(memory=64 * 2**30)).pixels, 0, 1))


def _color(pixels: np.ndarray) -> np.ndarray:
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def show(told: dict[str, Any]) -> None:
    """Print the tables."""
    for one in told["runs"]:
        print(
            f"{one['threads']} threads, {one['engine']}: {one['gflops_per_second']:.0f} GFLOP/s, "
            f"copy {one['copy_gb_per_second']:.1f} GB/s"
        )
        for size in one["sizes"]:
            print(f"  {size['megapixels']:.1f} MP: {size['seconds_per_megapixel']:.3f} s/MP")
            for stage in size["stages"]:
                share = stage.get("share_of_peak")
                print(
                    f"    {stage['stage']:<10} {stage['seconds']:7.3f} s, "
                    f"{stage['share_in_networks']:4.0%} in networks"
                    + (f" at {share:.0%} of the peak" if share else "")
                    + (
                        f" ({stage['processor_share_of_peak']:.0%} by processor time)"
                        if share
                        else ""
                    )
                    + f", rest {stage['rest_over_one_copy']:.1f} x one copy"
                )


if __name__ == "__main__":
    main()
