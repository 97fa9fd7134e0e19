"""Blind denoising: white Gaussian noise of 15, 25 and 50 codes on photos, against others.

    python benchmarks/denoising.py DATA [--dncnn FILE] [--limit N] [--json FILE]

Noise is added to the picture in floats and not clipped, as the field measures. Nobody is told its
strength but non-local means, which cannot do without. `denoise` and `denoise-base` are our networks
alone, at full strength; DnCNN is the blind color network of its authors, if `GD_Color_Blind.mat` of
their repository (github.com/cszn/DnCNN, folder `model`) is given: it is read here with h5py, which
pip installs, and run by ONNX Runtime, 20 layers in 32-bit floats. What is not given is left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from unfade.color import in_color
from unfade.darkroom import Darkroom
from unfade.io.read import can_read, read
from unfade.metrics import psnr
from unfade.stages.denoise import noise_change

SIGMAS = (15, 25, 50)
OURS = {"denoise": ("denoise", 1), "denoise-base": ("denoise-base", 1)}
OURS |= {"denoise-base, 4 views": ("denoise-base", 4)}
"""Our networks, and how often they are asked."""

Pixels = NDArray[np.float32]
Method = Callable[[Pixels, int], Pixels]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--dncnn", type=Path, help="GD_Color_Blind.mat")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    paths = [path for path in sorted(args.data.rglob("*")) if can_read(path)]
    photos = [in_color(read(path).pixels) for path in paths[: args.limit or None]]
    methods: dict[str, Method] = {"noisy": lambda noisy, _: noisy}
    methods |= {name: ours(*which, args.engine) for name, which in OURS.items()}
    methods["non-local means"] = non_local_means
    if args.dncnn:
        methods["DnCNN"] = dncnn(args.dncnn)
    told = {"photos": len(photos), "psnr": measure(photos, methods)}
    for sigma, row in told["psnr"].items():
        print(f"sigma {sigma}: " + ", ".join(f"{name} {db:.2f}" for name, db in row.items()))
    if args.json:
        args.json.write_text(json.dumps(told, indent=1) + "\n")


def measure(photos: list[Pixels], methods: Mapping[str, Method]) -> dict[int, dict[str, float]]:
    """Mean PSNR in dB over the photos, by sigma and method; all see the same noise."""
    table = {}
    for sigma in SIGMAS:
        rows: dict[str, list[float]] = {name: [] for name in methods}
        for index, photo in enumerate(photos):
            noise = np.random.default_rng((index, sigma)).standard_normal(photo.shape, np.float32)
            noisy = photo + noise * np.float32(sigma / 255)
            for name, method in methods.items():
                rows[name].append(psnr(np.clip(method(noisy, sigma), 0, 1), photo))
        table[sigma] = {name: float(np.mean(row)) for name, row in rows.items()}
    return table


def ours(name: str, views: int, engine: str) -> Method:
    model = Darkroom(engine).model(name)
    return lambda noisy, _: noisy + noise_change(model, noisy, views)


def non_local_means(noisy: Pixels, sigma: int) -> Pixels:
    """By OpenCV, on 8 bits, with the strength that its authors advise for each sigma."""
    eight = np.rint(np.clip(noisy, 0, 1) * 255).astype(np.uint8)
    strength = 0.9 * sigma
    clean = cv2.fastNlMeansDenoisingColored(eight, None, strength, strength, 5, 21)
    return clean.astype(np.float32) / 255


def dncnn(path: Path) -> Method:
    """Zhang et al., Beyond a Gaussian Denoiser, TIP 2017: what it answers is the noise."""
    session = onnxruntime.InferenceSession(_as_onnx(_layers(path)).SerializeToString())

    def clean(noisy: Pixels, _: int) -> Pixels:
        planes = np.ascontiguousarray(noisy.transpose(2, 0, 1)[None])
        return noisy - session.run(None, {"input": planes})[0][0].transpose(1, 2, 0)

    return clean


def _layers(path: Path) -> list[tuple[Pixels, Pixels]]:
    """Kernels (out, in, 3, 3) and biases of the convolutions of a MatConvNet file."""
    import h5py

    layers = []
    with h5py.File(path) as file:
        for place in file["net"]["layers"][:, 0]:
            layer = file[place]
            if "weights" in layer and layer["weights"].dtype == object:
                kernel, bias = (file[ref][:] for ref in layer["weights"][:].ravel()[:2])
                # MATLAB counts the axes the other way round: width comes before height here.
                layers.append((kernel.transpose(0, 1, 3, 2), bias.ravel()))
    return layers


def _as_onnx(layers: list[tuple[Pixels, Pixels]]):  # type: ignore[no-untyped-def]
    nodes, tensors, name = [], [], "input"
    for number, (kernel, bias) in enumerate(layers):
        tensors += [
            numpy_helper.from_array(np.ascontiguousarray(kernel, np.float32), f"w{number}"),
            numpy_helper.from_array(np.ascontiguousarray(bias, np.float32), f"b{number}"),
        ]
        given = [name, f"w{number}", f"b{number}"]
        nodes.append(helper.make_node("Conv", given, [f"c{number}"], pads=[1, 1, 1, 1]))
        name = f"c{number}"
        if number < len(layers) - 1:
            nodes.append(helper.make_node("Relu", [name], [f"r{number}"]))
            name = f"r{number}"
    free = (1, 3, "height", "width")
    graph = helper.make_graph(
        nodes,
        "dncnn",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, free)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, free)],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


if __name__ == "__main__":
    main()
