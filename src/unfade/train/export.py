"""From a checkpoint to what ships: ONNX with half-precision weights, its card, and a check."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import hashlib
import json
import math
import shutil
import tempfile
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
from ..models.own import SIDES
from .calibrate import calibrate_card
from .judged import open_judged
from .nets import Restormer
from .run import Run, from_record
from .tasks import channels, make_network, sample_input
from .unseen import NOTHING, read_manifests
from .weights import card_beside, find_weights, load_onnx, open_checkpoint, read_state

AGREEMENT = 2e-2
"""Largest difference allowed between the PyTorch network and the exported one, relative above 1:
what rounding the weights may take (0.006 with those of `damage` that ship)."""

UNNAMED = ("task", "data", "look", "out", "workers", "threads", "cache_mb", "devices")
"""Settings of a run that do not change what comes out."""

FOLDERS = {
    **{name: name.upper() for name in ("library", "init", "pairs", "clips", "kept")},
    "judged": "JUDGED PHOTOS",
}
"""Settings of a run that say where something lies, and what stands in their place."""

DECIDE = ("damage", "verify")
"""Tasks whose network says what is kept and what is dropped. Their weights are rounded to what
bfloat16 holds: else a mark is kept on one processor and dropped on another. Whole recipes in 32 bit
and in bfloat16 were within 2/255 on 99.83 % of the pixels of 24 aged photos, with rounded weights
on 99.92 %."""

WHOLE = (*SIDES, "veils", "overview")
"""Tasks whose network sees the whole picture, small; it does not work in tiles."""

HALO = {"damage": 192, "inpaint": 160, "denoise": 96, "fading": 0, "verify": 0}
"""Pixels around a tile that matter to the small networks: exact for damage and denoise, 2e-4 for
inpaint (measured)."""

BYTES = {"damage": 256, "inpaint": 128, "denoise": 128, "fading": 320, "verify": 256}
"""The working memory of the same over input pixels, measured in OpenVINO on 1,408 x 1,408 pixels in
fp32."""

HALO_SIDE = 768
"""Side in pixels of the picture on which the halo of other networks is measured."""


class Probability(nn.Module):
    """A segmentation network whose answers are probabilities: of damage, and of each kind of it.

    Each kind stands alone: only which is likeliest is asked, and a softmax over all would take a
    tenth of the time of the network that ships.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.net(x))


def build(run: Run) -> nn.Module:
    """Make the network of a run as it is shipped, untrained."""
    net = make_network(run)
    return Probability(net) if run.task == "damage" else net


def load(checkpoint: Path, run: Run) -> nn.Module:
    """Open the averaged network of a checkpoint.

    Raises:
        ModelError: No such checkpoint, or it belongs to another task, network or preset.
    """
    state = open_checkpoint(checkpoint)["state_dict"]
    net = build(run).eval()
    prefix = "net.net." if run.task == "damage" else "net."
    try:
        net.load_state_dict({prefix[4:] + key[4:]: value for key, value in state.items()})
    except RuntimeError as error:
        name = " ".join(filter(None, (run.preset, run.net)))
        raise ModelError(
            f"{checkpoint} does not hold a {name} network for {run.task}: {str(error)[:300]}"
        ) from error
    return net


def averaged(net: nn.Module, other: nn.Module, share: float) -> nn.Module:
    """Average the weights of two networks, one trained on from the other; the first is changed.

    Where both descend from the same weights, the average often finds what either finds, and errs
    on less (Wortsman et al., "Model soups", ICML 2022).

    Args:
        share: Of the other, 0 to 1.
    Raises:
        ModelError: They are not alike.
    """
    ours, theirs = net.state_dict(), other.state_dict()
    if {k: v.shape for k, v in ours.items()} != {k: v.shape for k, v in theirs.items()}:
        raise ModelError("only networks of the same task, kind and preset can be averaged")
    whole = {k: v for k, v in ours.items() if not v.is_floating_point()}
    mixed = {k: torch.lerp(v, theirs[k], share) for k, v in ours.items() if k not in whole}
    net.load_state_dict(mixed | whole)
    return net


def averaged_with(net: nn.Module, card: ModelCard, path: Path, share: float) -> nn.Module:
    """Average a network with the ONNX file of one of its kind, which has no normalization left.

    Args:
        share: Of the file, 0 to 1.
    Raises:
        ModelError: It is of another kind.
    """
    with tempfile.TemporaryDirectory() as place:
        melted = _like(net, card, export(net, card, Path(place)))
    return averaged(melted, _like(net, card, path), share)


def _like(net: nn.Module, card: ModelCard, path: Path) -> nn.Module:
    """A network of the kind of another, with the weights of an exported file."""
    twin = copy.deepcopy(net).eval()
    inner = twin.net if isinstance(twin, Probability) else twin
    load_onnx(inner, path, sample_input(card.task, card.inputs[0]))
    return twin


def measure_halo(net: nn.Module, sample: Tensor, grid: int, tolerance: float = 1e-5) -> int:
    """How much a tile needs around it, so that its answer is that of the whole picture.

    The middle of a picture is answered with less of its surroundings cut away from try to try,
    until the answer differs by no more than the tolerance, relative above 1.

    Args:
        sample: (1, C, S, S), S a multiple of twice the grid.
        grid: What sides of the input must be a multiple of.
    Returns:
        In pixels, a multiple of the grid and of 16.
    Raises:
        ModelError: The answer depends on the whole picture.
    """
    step = math.lcm(16, grid)
    half = sample.shape[2] // 2
    core = slice(half - step, half + step)
    with torch.no_grad():
        whole = net(sample)[:, :, core, core]
        for halo in range(step, half - step, step):
            piece = slice(half - step - halo, half + step + halo)
            part = net(sample[:, :, piece, piece])[:, :, halo:-halo, halo:-halo]
            if ((whole - part).abs() / whole.abs().clamp(min=1)).max() <= tolerance:
                return halo
    raise ModelError(f"the network sees all of {2 * half} px; it cannot work in tiles")


def export(net: nn.Module, card: ModelCard, folder: Path, sample: Tensor | None = None) -> Path:
    """Write `<name>.onnx` and `<name>.toml`, and check that both networks agree.

    Args:
        net: In evaluation mode; one input (1, C, H, W).
        card: Its facts; checksum, parameters and grid are filled in here.
        folder: Where the pair is written.
        sample: Input to trace with; random pixels of 64 x 96 by default. Its sides stay free
            except for networks that see pictures of one size: of those the number is free.
    Raises:
        ModelError: The exported network answers differently.
    """
    sample = sample_input(card.task, card.inputs[0]) if sample is None else sample
    path = folder / f"{card.name}.onnx"
    folder.mkdir(parents=True, exist_ok=True)
    free = {0: "number"} if card.task in SIDES else {2: "height", 3: "width"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            (sample,),
            str(path),
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={"input": free, "output": free},
            opset_version=17,
            dynamo=False,
        )
    model = onnx.load(path)
    onnx.save(with_half_weights(rounded(model) if card.task in DECIDE else model), path)
    check(net, path, sample)
    parameters = sum(p.numel() for p in net.parameters())
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    card = dataclasses.replace(card, sha256=checksum, parameters=parameters)
    (folder / f"{card.name}.toml").write_text(card.to_toml(), encoding="utf-8")
    return path


def rounded(model: Any) -> Any:
    """Round the weights of convolutions and dense layers, in place, to what bfloat16 holds."""
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.ndim >= 2:
            coarse = torch.tensor(values).bfloat16().float().numpy()
            tensor.CopyFrom(numpy_helper.from_array(coarse, tensor.name))
    return model


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
    """Run `unfade export RUN -o FOLDER`: turn a training run into weights with a card."""
    parser = argparse.ArgumentParser(prog="unfade export", description=main.__doc__)
    parser.add_argument("run", type=Path, help="run folder, or an official file of Restormer")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the weights")
    parser.add_argument("--checkpoint", default="last.ckpt", help="file in the run folder")
    parser.add_argument(
        "--average",
        help="another run, the name of a model or its ONNX file, whose weights are averaged with "
        "these",
    )
    parser.add_argument("--share", type=float, default=0.5, help="of the other, 0 to 1  [0.5]")
    parser.add_argument("--card", type=Path, help="an older card, whose words are kept")
    parser.add_argument("--name", help="of the files; by default that of the task")
    parser.add_argument(
        "--calibrate",
        type=Path,
        nargs="+",
        help="of a network that finds or verifies damage: folders or tar files of clean photos; "
        "those that it did not learn from tell how far its marks are to be believed",
    )
    parser.add_argument(
        "--judged",
        nargs="+",
        default=[],
        help="calibrate with real old photos besides, those that were not learned from: a file of "
        "judged marks, then folders or tar files of its photos",
    )
    parser.add_argument(
        "--verifier", default="", help="of a damage network: the one that verifies its marks"
    )
    parser.add_argument(
        "--overview", default="", help="of a damage network: the one that sees the whole photo"
    )
    parser.add_argument("--library", default="", help="artefact pictures to calibrate with")
    args = parser.parse_args(arguments)
    if args.judged and not (args.calibrate and len(args.judged) > 1):
        parser.error("--judged FILE PHOTOS... goes with --calibrate")
    net, card = (
        open_official(args.run) if args.run.is_file() else open_run(args.run, args.checkpoint)
    )
    if args.average:
        if not 0 <= args.share <= 1:
            parser.error(f"--share must be within 0 to 1, got {args.share:g}")
        if Path(args.average).is_dir():
            other, theirs = open_run(Path(args.average), args.checkpoint)
            net, which = averaged(net, other, args.share), theirs.command
        else:
            path = find_weights(args.average)
            theirs = card_beside(path)
            net = averaged_with(net, card, path, args.share)
            which = f"{theirs.name} {theirs.sha256[:12]}"
        told = f"{card.command}; averaged with {args.share:g} of {which}"
        card = dataclasses.replace(card, command=told)
    if args.name:
        card = dataclasses.replace(card, name=args.name)
    for companion in ("verifier", "overview"):
        if name := getattr(args, companion):
            card = dataclasses.replace(card, **{companion: name})
    if args.card:
        old = ModelCard.from_toml(args.card.read_text(encoding="utf-8"))
        card = dataclasses.replace(card, data=old.data, paper=old.paper, about=old.about)
    runs = [Path(run) for run in (args.run, args.average) if run and Path(run).is_dir()]
    known = read_manifests(runs) if args.calibrate else NOTHING
    judged = open_judged(*args.judged, learned=known.learned) if args.judged else []
    with tempfile.TemporaryDirectory() as place:
        made = export(net, card, Path(place))
        if args.calibrate:
            calibrate_card(made, args.calibrate, args.library, judged, known)
        path = _keep(made, args.out)
    print(f"{path}: {path.stat().st_size / 2**20:.1f} MB, agrees with the checkpoint")  # noqa: T201
    return 0


def _keep(made: Path, folder: Path) -> Path:
    """Copy finished weights and their card to where they stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in (made, made.with_suffix(".toml")):
        part = folder / f".{file.name}.part"
        shutil.copyfile(file, part)
        part.replace(folder / file.name)
    return folder / made.name


def open_run(folder: Path, checkpoint: str) -> tuple[nn.Module, ModelCard]:
    """Open the network of a run folder, and make its card.

    Raises:
        ModelError: Not a run folder, or `load` complains.
    """
    record = folder / "run.json"
    if not record.is_file():
        raise ModelError(
            f"{record} is missing; a run is the folder that `unfade train --out` filled, with "
            f"run.json and {checkpoint}"
        )
    run = from_record(json.loads(record.read_text(encoding="utf-8")))
    net = load(folder / checkpoint, run)
    return net, make_card(run, net)


def open_official(path: Path) -> tuple[nn.Module, ModelCard]:
    """Open an official file of Restormer, whatever its task, and make its card.

    Raises:
        ModelError: Not such a file.
    """
    net = Restormer.from_state(read_state(path)).eval()
    card = ModelCard(
        name=path.stem,
        task="restore",
        sha256="",
        preset="base",
        inputs=(net.shape.inputs,),
        channels_out=net.shape.outputs,
        multiple_of=net.multiple_of,
        tiling="whole",
        bytes_per_pixel=measure_memory(net, net.shape.inputs),
        license="that of the file, which its user brought",
        paper="Restormer: Zamir et al., CVPR 2022",
    )
    return net, card


def measure_memory(net: nn.Module, inputs: int) -> int:
    """Estimate the peak of working memory over input pixels, in bytes, for 32-bit floats.

    What the hungriest convolution reads and writes, twice: skips and residuals wait meanwhile.
    """
    side, peaks = 64, [0]

    def count(module: nn.Module, given: tuple[Tensor, ...], answer: Tensor) -> None:
        peaks.append(given[0].numel() + answer.numel())

    convs = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    hooks = [conv.register_forward_hook(count) for conv in convs]
    with torch.no_grad():
        net(torch.rand(1, inputs, side, side))
    for hook in hooks:
        hook.remove()
    return 2 * 4 * max(peaks) // side**2


def _cloudy(channels: int) -> Tensor:
    """(1, channels, S, S) of noise of all sizes, as photos have detail of all sizes."""
    chance, size = torch.Generator().manual_seed(0), (HALO_SIDE, HALO_SIDE)
    parts = [
        torch.rand(1, channels, HALO_SIDE // coarse, HALO_SIDE // coarse, generator=chance)
        for coarse in (1, 4, 16, 64)
    ]
    whole = [nn.functional.interpolate(part, size=size, mode="bilinear") for part in parts]
    return torch.stack(whole).mean(dim=0)


def make_card(run: Run, net: nn.Module) -> ModelCard:
    """The card of a run, without its words and its measured quality."""
    inputs, outputs = channels(run)
    # Restormer looks at all pixels at once: cut into tiles, it would answer otherwise.
    whole = run.task in WHOLE or run.net == "restormer"
    known = not run.net and run.preset == "small"
    measured = known or run.task in WHOLE
    halo = HALO.get(run.task, 0) if known else 0
    if not whole and not halo:
        # One picture does not show all that a network may look at.
        halo = measure_halo(net, _cloudy(inputs), grid_of(net)) + 16
    return ModelCard(
        name=run.task,
        task=run.task,
        sha256="",
        preset=run.preset,
        inputs=(inputs,),
        channels_out=outputs,
        multiple_of=1 if run.task in SIDES else grid_of(net),
        halo=halo,
        tiling="whole" if whole else "tiles",
        exact=run.task in ("fading", "veils", "overview"),
        bytes_per_pixel=BYTES.get(run.task, 320) if measured else measure_memory(net, inputs),
        license="Apache-2.0",
        command=command_of(run),
    )


def grid_of(net: nn.Module) -> int:
    """What both sides of the input must be a multiple of."""
    grids = [int(module.multiple_of) for module in net.modules() if hasattr(module, "multiple_of")]
    return max(grids)


def command_of(run: Run) -> str:
    """The command that does a run again, with what is not as by default."""
    words = ["unfade train", run.task, *(["--data DATA"] if run.data else [])]
    for field in dataclasses.fields(run):
        value = getattr(run, field.name)
        if field.name not in UNNAMED and value != field.default:
            words.append(_option(field.name.replace("_", "-"), value))
    return " ".join(words)


def _option(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    if name in FOLDERS:
        return f"--{name} {FOLDERS[name]}"
    shown = " ".join(map(str, value)) if isinstance(value, tuple) else value
    return f"--{name} {shown}"


if __name__ == "__main__":
    raise SystemExit(main())
