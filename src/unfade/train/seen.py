"""What the network of a task sees of a batch: each task makes something else of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .task import Task


class _Seen(Exception):
    """Carries what the network was given."""


def seen_by(task: Task, batch: Sequence[Tensor]) -> Tensor:
    """What a task gives its network of a batch, (N, C, H, W) in 32-bit float.

    The task goes about its loss, and is stopped where it asks the network.
    """

    def note(net: Any, given: tuple[Tensor, ...]) -> None:
        raise _Seen(given[0].detach().float())

    hook = task.net.register_forward_pre_hook(note)
    try:
        with torch.no_grad():
            task.loss(list(batch))
    except _Seen as seen:
        inputs: Tensor = seen.args[0]
        return inputs
    finally:
        hook.remove()
    raise AssertionError("a task computes its loss without its network")
