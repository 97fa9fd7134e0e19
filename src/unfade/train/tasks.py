"""From a `Run` to its network and task."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..models.own import SIDES
from ..stages.veils import FIELDS
from ..stages.verify import VIEW_CHANNELS
from .fading import FadingNet, FadingTask
from .losses import LOSSES
from .nets import make_net
from .restore import RestoreTask
from .run import MODES, Run
from .task import KINDS, DamageTask, DenoiseTask, InpaintTask, Task
from .veils import VeilTask
from .verify import VerifyTask

CHANNELS = {
    "verify": (VIEW_CHANNELS, 1),
    "inpaint": (4, 3),
    "denoise": (3, 3),
    "deblur": (3, 3),
    "fading": (3, 32),
    "veils": (3, FIELDS),
}


def sample_input(task: str, channels: int) -> Tensor:
    """Random pixels (1, channels, H, W) such as the network of a task takes."""
    side = SIDES.get(task)
    return torch.rand(1, channels, *((side, side) if side else (64, 96)))


def channels(run: Run) -> tuple[int, int]:
    """Channels in and out of a run's network."""
    if run.task in ("damage", "overview"):
        return 3, 1 + (len(KINDS) if run.kinds else 0)
    return MODES[run.mode] if run.task == "restore" else CHANNELS[run.task]


def make_network(run: Run) -> nn.Module:
    """Make the network of a run, untrained."""
    if run.task == "fading":
        return FadingNet(run.preset)
    return make_net(run.task, run.net, run.preset, *channels(run))


def make_task(run: Run) -> Task:
    """Make the network of a run and what trains it."""
    task = _wrap(run, make_network(run))
    task.schedule, task.optimizer = run.schedule, run.optimizer
    return task


def _wrap(run: Run, net: nn.Module) -> Task:
    common = (net, run.rate, run.steps)
    if run.task == "fading":
        return FadingTask(*common)
    if run.task == "veils":
        return VeilTask(*common)
    if run.task == "verify":
        return VerifyTask(*common)
    loss = run.loss or next(iter(LOSSES[run.task]))
    if run.task == "inpaint":
        return InpaintTask(*common, loss)
    if run.task in ("damage", "overview"):
        return DamageTask(*common, loss)
    if run.task == "restore":
        return RestoreTask(*common, run.mode, loss, run.mask_weight)
    return DenoiseTask(*common, loss)
