"""Weights to begin with: from a run, a checkpoint, a shipped ONNX file or somebody else's file."""

from __future__ import annotations

import dataclasses
import itertools
import math
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ModelError
from ..models.card import ModelCard
from ..models.zoo import Zoo
from .nets import SegmentationNet, make_net
from .nets.keys import from_popular, is_popular
from .nets.unet import StepNorm

State = Mapping[str, Tensor]

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, StepNorm)
"""Layers whose statistics are those of a batch in training."""

UNREADABLE = (OSError, RuntimeError, pickle.UnpicklingError, EOFError, LookupError, ValueError)
"""What PyTorch raises on files that are none of its own."""


@dataclasses.dataclass(frozen=True)
class Taken:
    """What became of weights to begin with.

    Attributes:
        taken: Tensors of the network that were found, by name and shape.
        fresh: Tensors of the network that were not.
        unused: Tensors of the file that fit nowhere.
    """

    taken: tuple[str, ...]
    fresh: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        whole = len(self.taken) + len(self.fresh)
        told = f"{len(self.taken)} of {whole} tensors taken"
        for names, word in ((self.fresh, "begin fresh"), (self.unused, "of the file unused")):
            if names:
                shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
                told += f"; {len(names)} {word}: {shown}"
        return told


def find_weights(name: str) -> Path:
    """The file or run folder of this name, or the network that the zoo knows by it.

    Raises:
        ModelError: Neither.
    """
    return Path(name) if Path(name).exists() or Path(name).suffix else Zoo().find(name)[0]


def begin_with(net: nn.Module, place: Path, sample: Tensor) -> Taken:
    """Load into a network what fits of a file, tensor by tensor.

    A segmentation network takes all of a narrower one and begins with its answers.

    Args:
        net: The network, without its task.
        place: A run folder (its best checkpoint), a checkpoint, an ONNX file that `unfade export`
            wrote, or a `.pth` file: the official files of Restormer and the popular U-Nets among
            them.
        sample: An input (1, C, H, W), to see that what came from ONNX answers as it did there.
    Raises:
        ModelError: No such file, not weights, or nothing in it fits.
    """
    if place.suffix == ".onnx":
        try:
            load_onnx(net, place, sample)
            return Taken(tuple(net.state_dict()), (), ())
        except ModelError:
            state = _read_kin(place, sample)
            if not state:
                raise
    else:
        state = read_state(place)
    own = net.state_dict()
    if isinstance(net, SegmentationNet) and _is_narrower(state, own):
        state = net.widened(state)
    fits = {k: v for k, v in state.items() if k in own and own[k].shape == v.shape}
    if not fits:
        raise ModelError(
            f"nothing in {place} fits this network: it holds {_some(state)}, wanted {_some(own)}"
        )
    net.load_state_dict({**own, **fits})
    fresh, unused = (tuple(k for k in names if k not in fits) for names in (own, state))
    return Taken(tuple(fits), fresh, unused)


def settle(net: nn.Module, inputs: Tensor) -> None:
    """Give batch normalization the statistics of real inputs; no answer changes.

    Weights that come back from ONNX have their normalization melted in, and it is set to do
    nothing. In training it goes by each batch, and would do something after all: the first step
    would throw away what was learned. With the mean and variance of what it sees, undone by its own
    factor and addend, it does next to nothing in training, too.

    Args:
        net: A network with weights to begin with.
        inputs: What it sees in training, (N, C, H, W); the more, the better.
    """
    seen: dict[nn.BatchNorm2d, tuple[Tensor, Tensor]] = {}

    def note(norm: nn.Module, given: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        variance, mean = torch.var_mean(given[0], dim=(0, 2, 3), correction=0)
        seen[norm] = (mean, variance)

    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(note) for norm in norms]
    _answer(net, inputs)
    for hook in hooks:
        hook.remove()
    with torch.no_grad():
        for norm, (mean, variance) in seen.items():
            _restate(norm, mean, variance)


def hold(net: nn.Module) -> None:
    """Let batch normalization keep the statistics it has; its factor and addend go on learning.

    Those of a few crops say little of all photos, and a network that goes by them in training is
    not quite the one that is exported.
    """
    for module in net.modules():
        if isinstance(module, NORMS):
            module.eval()


def _restate(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """Say the same affine map with other statistics."""
    assert norm.running_mean is not None and norm.running_var is not None
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    addend = norm.bias - factor * norm.running_mean
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_(factor * torch.sqrt(variance + norm.eps))
    norm.bias.copy_(addend + factor * mean)


def _answer(net: nn.Module, inputs: Tensor) -> Tensor:
    """What a network says in evaluation; it is left as it was."""
    training = net.training
    with torch.no_grad():
        answer: Tensor = net.eval()(inputs)
    net.train(training)
    return answer


def _is_narrower(state: State, own: State) -> bool:
    """Whether all tensors of a network are there, none of them larger and some smaller."""
    if set(state) != set(own):
        return False
    pairs = [(state[name].shape, own[name].shape) for name in own]
    fit = all(len(a) == len(b) and all(x <= y for x, y in zip(a, b, strict=True)) for a, b in pairs)
    return fit and any(a != b for a, b in pairs)


def _read_kin(place: Path, sample: Tensor) -> dict[str, Tensor]:
    """The tensors of our own network of the task and preset that the card beside a file names.

    Empty where there is no such card, or the file does not hold that network.
    """
    try:
        card = ModelCard.from_toml(place.with_suffix(".toml").read_text(encoding="utf-8"))
        net = make_net(card.task, "", card.preset, card.inputs[0], card.channels_out)
        load_onnx(net, place, torch.rand(1, card.inputs[0], *sample.shape[2:]))
    except (OSError, ModelError, KeyError, ValueError):
        return {}
    return net.state_dict()


def read_state(place: Path) -> dict[str, Tensor]:
    """Read the tensors of a network, named as in our networks.

    Raises:
        ModelError: No such file, or not one of weights alone.
    """
    if place.is_dir():
        found = [place / name for name in ("best.ckpt", "last.ckpt") if (place / name).is_file()]
        if not found:
            raise ModelError(f"{place} holds neither best.ckpt nor last.ckpt")
        place = found[0]
    content = open_checkpoint(place)
    for key in ("state_dict", "params", "model"):
        content = content[key] if isinstance(content.get(key), Mapping) else content
    state = {k: v for k, v in content.items() if isinstance(v, Tensor)}
    if not state:
        raise ModelError(f"{place} holds no weights; its keys are {', '.join(list(content)[:5])}")
    for prefix in ("module.", "net."):
        if all(key.startswith(prefix) for key in state):
            state = {key[len(prefix) :]: value for key, value in state.items()}
    return from_popular(state) if is_popular(state) else state


def open_checkpoint(place: Path) -> dict[str, Any]:
    """Read a file of tensors; code in it is never run.

    Raises:
        ModelError: No such file, or not such a file.
    """
    try:
        content = torch.load(place, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"{place}: no such file") from error
    except UNREADABLE as error:
        raise ModelError(
            f"{place} cannot be read as weights ({str(error)[:120]}); if it is the last checkpoint "
            "of a run, its best.ckpt may be whole"
        ) from error
    if not isinstance(content, dict):
        raise ModelError(f"{place} holds a {type(content).__name__}, expected a state dict")
    return content


def _some(state: State) -> str:
    shown = [f"{name} {tuple(value.shape)}" for name, value in itertools.islice(state.items(), 2)]
    return ", ".join([*shown, "..."])


def card_beside(path: Path) -> ModelCard:
    """The card of an ONNX file of `unfade export`.

    Raises:
        ModelError: It is missing.
    """
    beside = path.with_suffix(".toml")
    if not beside.is_file():
        raise ModelError(f"{beside} is missing; weights are opened with the card beside them")
    return ModelCard.from_toml(beside.read_text("utf-8"))


def load_onnx(net: nn.Module, path: Path, sample: Tensor) -> None:
    """Load weights back from the ONNX file that was exported from such a network.

    The export melts a batch normalization into the convolution before it, so names are lost; the
    order of the convolutions is not. A normalization is set to do nothing but add the bias. Linear
    layers without bias lose their names too; what else there is keeps its own.

    Args:
        net: A network of convolutions, each with or without a batch normalization behind it, and
            of linear layers.
        path: The file.
        sample: Input to compare both with.
    Raises:
        ModelError: Not such a file, or it belongs to another network.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx.reference import ReferenceEvaluator

    try:
        model = onnx.load(str(path))
    except (OSError, DecodeError) as error:
        raise ModelError(f"{path} cannot be read as ONNX: {error}") from error
    values = _onnx_values(model)
    theirs, ours = _onnx_layers(model, values), _layers(net, sample)
    shapes = [tuple(conv.weight.shape) for conv, _ in ours]
    if [weight.shape for weight, _ in theirs] != shapes:
        raise ModelError(
            f"{path} holds {len(theirs)} convolutions that are not the {len(shapes)} of this "
            "network; give the --net and --preset that it was trained with"
        )
    for (conv, norm), (weight, bias) in zip(ours, theirs, strict=True):
        _fill(conv, norm, torch.from_numpy(weight.copy()), torch.from_numpy(bias.copy()))
    _fill_by_name(net, values)
    _fill_linear(net, sample, _onnx_products(model, values))
    expected = ReferenceEvaluator(model).run(None, {"input": sample.numpy()})[0]
    answer = _answer(net, sample).numpy()
    # A segmentation network ships with probabilities, and is trained on logits.
    if not any(np.allclose(a, expected, atol=1e-2) for a in (answer, 1 / (1 + np.exp(-answer)))):
        raise ModelError(f"{path} answers differently when loaded back; begin with a checkpoint")


def _fill(conv: nn.Conv2d, norm: nn.BatchNorm2d | None, weight: Tensor, bias: Tensor) -> None:
    with torch.no_grad():
        conv.weight.copy_(weight)
        if conv.bias is not None:
            conv.bias.copy_(bias if norm is None else bias * 0)
        if norm is not None:
            assert norm.running_mean is not None and norm.running_var is not None
            norm.running_mean.zero_()
            norm.running_var.fill_(1)
            norm.weight.fill_(math.sqrt(1 + norm.eps))
            norm.bias.copy_(bias)


def _fill_by_name(net: nn.Module, values: Mapping[str, Any]) -> None:
    """Take what kept its name: normalization that was not melted, linear layers with a bias."""
    for name, tensor in net.state_dict().items():
        if name in values and values[name].shape == tuple(tensor.shape):
            tensor.copy_(torch.from_numpy(values[name].copy()))


def _fill_linear(net: nn.Module, sample: Tensor, products: Sequence[Any]) -> None:
    layers = [m for m in _ran(net, sample, nn.Linear) if m.bias is None]
    if [tuple(layer.weight.T.shape) for layer in layers] == [p.shape for p in products]:
        for layer, weight in zip(layers, products, strict=True):
            layer.weight.data.copy_(torch.from_numpy(weight.T.copy()))


def _onnx_values(model: Any) -> dict[str, Any]:
    """Every constant by name, also by the name that it has once it is widened to 32 bit."""
    from onnx import numpy_helper

    values = {t.name: numpy_helper.to_array(t).astype(np.float32) for t in model.graph.initializer}
    for node in model.graph.node:
        # Tensors that are equal, as zeros are, are written once and named again.
        if node.op_type in ("Cast", "Identity") and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]]
    return values


def _onnx_products(model: Any, values: Mapping[str, Any]) -> list[Any]:
    """The constant of every matrix product, in the order they are run."""
    nodes = [node for node in model.graph.node if node.op_type == "MatMul"]
    return [values[node.input[1]] for node in nodes if node.input[1] in values]


def _onnx_layers(model: Any, values: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Weight and bias of every convolution, in the order they are run."""
    layers = []
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[1] in values:
            weight = values[node.input[1]]
            bias = values[node.input[2]] if len(node.input) > 2 else np.zeros(len(weight))
            layers.append((weight, bias.astype(np.float32)))
    return layers


def _layers(net: nn.Module, sample: Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d | None]]:
    """Every convolution in the order they are run, with the normalization right behind it."""
    ran = _ran(net, sample, nn.Conv2d, nn.BatchNorm2d)
    behind = dict(itertools.pairwise(ran))
    norms = {m: behind.get(m) for m in ran if isinstance(m, nn.Conv2d)}
    return [(c, n if isinstance(n, nn.BatchNorm2d) else None) for c, n in norms.items()]


def _ran(net: nn.Module, sample: Tensor, *kinds: type[nn.Module]) -> list[Any]:
    """The layers of some kinds, in the order they are run."""
    ran: list[nn.Module] = []
    hooks = [
        module.register_forward_hook(lambda module, *rest: ran.append(module))
        for module in net.modules()
        if isinstance(module, kinds)
    ]
    _answer(net, sample)
    for hook in hooks:
        hook.remove()
    return ran
