"""From a checkpoint to what ships: ONNX with half-precision weights, its card, and a check."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from ..errors import ModelError
from ..models.card import ModelCard
from ..stages.fading import PROXY_SIDE
from .fading import FadingNet
from .fit import Run
from .nets import BLOCKS, WIDTHS, ResidualNet, SegmentationNet
from .task import KINDS

AGREEMENT = 5e-3
"""Largest difference allowed between the PyTorch network and the exported one, relative above 1."""

INPUTS = {"damage": (3,), "inpaint": (4,), "denoise": (3,), "fading": (3,)}
OUTPUTS = {"damage": 1 + len(KINDS), "inpaint": 3, "denoise": 3, "fading": 32}
UNNAMED = ("task", "data", "out", "workers", "threads")
"""Settings of a run that do not change what comes out."""

FOLDERS = ("library", "init")

HALO = {"damage": 128, "inpaint": 64, "denoise": 96, "fading": 0}
"""Pixels around a tile that matter: exact for damage and denoise, 2e-4 for inpaint (measured)."""


class Probability(nn.Module):
    """A segmentation network whose answers are probabilities: of damage, and of each kind of it."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        logits = self.net(x)
        return torch.cat([torch.sigmoid(logits[:, :1]), torch.softmax(logits[:, 1:], 1)], 1)


def build(task: str, preset: str) -> nn.Module:
    """Make the network of a task as it is shipped, untrained."""
    if task == "fading":
        return FadingNet(preset)
    if task == "damage":
        return Probability(SegmentationNet(WIDTHS[task][preset], 3, OUTPUTS[task]))
    return ResidualNet(WIDTHS[task][preset], INPUTS[task][0], OUTPUTS[task], BLOCKS[preset])


def load(checkpoint: Path, task: str, preset: str) -> nn.Module:
    """Open the averaged network of a checkpoint.

    Raises:
        ModelError: The checkpoint belongs to another task or preset.
    """
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    net = build(task, preset).eval()
    prefix = "net.net." if task == "damage" else "net."
    try:
        net.load_state_dict({prefix[4:] + key[4:]: value for key, value in state.items()})
    except RuntimeError as error:
        raise ModelError(
            f"{checkpoint} does not hold a {preset} network for {task}: {str(error)[:300]}"
        ) from error
    return net


def export(net: nn.Module, card: ModelCard, folder: Path, sample: Tensor | None = None) -> Path:
    """Write `<name>.onnx` and `<name>.toml`, and check that both networks agree.

    Args:
        net: In evaluation mode; one input (1, C, H, W).
        card: Its facts; checksum, parameters and grid are filled in here.
        folder: Where the pair is written.
        sample: Input to trace with; random pixels of 128 x 160 by default. Its sides stay free
            unless the card says that the network sees the whole picture at a fixed size.
    Raises:
        ModelError: The exported network answers differently.
    """
    if sample is None:
        size = (PROXY_SIDE, PROXY_SIDE) if card.tiling == "whole" else (128, 160)
        sample = torch.rand(1, card.inputs[0], *size)
    path = folder / f"{card.name}.onnx"
    folder.mkdir(parents=True, exist_ok=True)
    free = {} if card.tiling == "whole" else {2: "height", 3: "width"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            (sample,),
            str(path),
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={"input": free, "output": free} if free else None,
            opset_version=17,
            dynamo=False,
        )
    onnx.save(with_half_weights(onnx.load(path)), path)
    check(net, path, sample)
    parameters = sum(p.numel() for p in net.parameters())
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    card = dataclasses.replace(card, sha256=checksum, parameters=parameters)
    (folder / f"{card.name}.toml").write_text(card.to_toml(), encoding="utf-8")
    return path


def with_half_weights(model: Any) -> Any:
    """Store the weights as 16-bit floats; the graph widens them, so arithmetic stays 32 bit."""
    graph = model.graph
    kept, casts = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 16:
            kept.append(tensor)
            continue
        half = f"{tensor.name}_half"
        kept.append(numpy_helper.from_array(values.astype(np.float16), half))
        casts.append(helper.make_node("Cast", [half], [tensor.name], to=TensorProto.FLOAT))
    del graph.initializer[:]
    graph.initializer.extend(kept)
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def check(net: nn.Module, path: Path, sample: Tensor) -> None:
    """Compare the exported network with the original on one input.

    Raises:
        ModelError: They differ by more than `AGREEMENT`.
    """
    from onnx.reference import ReferenceEvaluator

    with torch.no_grad():
        expected = net(sample).numpy()
    answer = ReferenceEvaluator(str(path)).run(None, {"input": sample.numpy()})[0]
    worst = float((np.abs(expected - answer) / np.maximum(1, np.abs(expected))).max())
    if not worst <= AGREEMENT:
        raise ModelError(f"{path.name} differs from the trained network by {worst:.4f}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `unfade export RUN -o FOLDER`: turn a run folder's best checkpoint into weights."""
    parser = argparse.ArgumentParser(prog="unfade export", description=main.__doc__)
    parser.add_argument("run", type=Path, help="run folder of `unfade train`")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the weights")
    parser.add_argument("--checkpoint", default="last.ckpt", help="file in the run folder")
    parser.add_argument("--card", type=Path, help="an older card, whose words are kept")
    args = parser.parse_args(arguments)
    run = json.loads((args.run / "run.json").read_text())
    net = load(args.run / args.checkpoint, run["task"], run["preset"])
    card = make_card(run)
    if args.card:
        old = ModelCard.from_toml(args.card.read_text(encoding="utf-8"))
        card = dataclasses.replace(card, data=old.data, paper=old.paper, about=old.about)
    path = export(net, card, args.out)
    print(f"{path}: {path.stat().st_size / 2**20:.1f} MB, agrees with the checkpoint")  # noqa: T201
    return 0


def make_card(run: dict[str, Any]) -> ModelCard:
    """The card of a run, without its words and its measured quality."""
    task, preset = run["task"], run["preset"]
    whole = task == "fading"
    return ModelCard(
        name=task,
        task=task,
        sha256="",
        preset=preset,
        inputs=INPUTS[task],
        channels_out=OUTPUTS[task],
        multiple_of=1 if whole else 2 ** len(WIDTHS[task][preset]),
        halo=HALO[task],
        tiling="whole" if whole else "tiles",
        bytes_per_pixel=320,
        license="Apache-2.0",
        command=command_of(run),
    )


def command_of(run: dict[str, Any]) -> str:
    """The command that does a run again, with what is not as by default."""
    usual = {field.name: field.default for field in dataclasses.fields(Run)}
    named = [k for k, v in run.items() if k in usual and v != usual[k] and k not in UNNAMED]
    words = [f"--{name} {name.upper() if name in FOLDERS else run[name]}" for name in named]
    return " ".join([f"unfade train {run['task']} --data DATA", *words])


if __name__ == "__main__":
    raise SystemExit(main())
