"""`Muon`: steps of equal length in all directions that a layer's weights can take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
ROUNDS = 5
QUINTIC = (3.4445, -4.7750, 2.0315)
"""Of the iteration by Jordan et al.: steep at 0, and within 0.7 to 1.2 for all singular values."""

LIKE_ADAM = 0.2
"""Root mean square of a step of Adam over its learning rate (Liu et al., arXiv 2502.16982)."""

BETAS = (0.9, 0.999)
TINY = 1e-8


class Muon(torch.optim.Optimizer):
    """Momentum whose singular values are made equal, for matrices; AdamW for all else.

    The gradient of a layer is nearly of low rank: a few directions get all of a step, the rest
    waits. Here each update of a weight of two or more dimensions, seen as a matrix with an output
    in each row, is replaced by the nearest matrix with orthonormal rows or columns. Its length is
    matched to that of Adam, so that learning rates mean the same. Biases and normalization take
    steps of AdamW.

    Args:
        net: Whose weights are trained.
        lr: Learning rate.
        decay: Decoupled weight decay.
    References:
        Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; Liu et al.,
        "Muon is Scalable for LLM Training", arXiv 2502.16982.
    """

    def __init__(self, net: nn.Module, lr: float, decay: float = 1e-4) -> None:
        weights = [p for p in net.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in weights if p.ndim >= 2], "matrices": True},
            {"params": [p for p in weights if p.ndim < 2], "matrices": False},
        ]
        super().__init__([g for g in groups if g["params"]], {"lr": lr, "decay": decay})

    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            for group in self.param_groups:
                self._move(group)
        return loss

    def _move(self, group: dict[str, Any]) -> None:
        change = self._orthogonal if group["matrices"] else self._adam
        for weight in group["params"]:
            if weight.grad is not None:
                weight.mul_(1 - group["lr"] * group["decay"])
                weight.sub_(change(weight), alpha=group["lr"])

    def _orthogonal(self, weight: Tensor) -> Tensor:
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        moving = state["momentum"].lerp_(weight.grad, 1 - MOMENTUM)
        ahead = weight.grad.lerp(moving, MOMENTUM).flatten(1)  # Nesterov's momentum.
        length = LIKE_ADAM * max(ahead.shape) ** 0.5
        return (orthogonal(ahead) * length).reshape(weight.shape)

    def _adam(self, weight: Tensor) -> Tensor:
        state = self.state[weight]
        if not state:
            state["step"] = torch.zeros(())
            state["mean"], state["square"] = torch.zeros_like(weight), torch.zeros_like(weight)
        state["step"] += 1
        mean = state["mean"].lerp_(weight.grad, 1 - BETAS[0])
        square = state["square"].lerp_(weight.grad.square(), 1 - BETAS[1])
        begun = [1 - beta ** float(state["step"]) for beta in BETAS]
        return (mean / begun[0]) / ((square / begun[1]).sqrt() + TINY)


def orthogonal(matrix: Tensor) -> Tensor:
    """Bring the singular values of a matrix (rows, columns) near 1, directions kept.

    Newton and Schulz's iteration with the coefficients of Jordan et al., in bfloat16 where the
    machine multiplies in it.

    Returns:
        Of the same shape and kind; singular values above a hundredth of their norm end between
        0.65 and 1.25.
    """
    a, b, c = QUINTIC
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).to(_product_type(matrix))
    x = x / (x.norm() + TINY)
    for _ in range(ROUNDS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return (x.T if tall else x).to(matrix.dtype)


def _product_type(matrix: Tensor) -> torch.dtype:
    fast = matrix.is_cuda or (matrix.device.type == "cpu" and torch.cpu._is_avx512_bf16_supported())
    return torch.bfloat16 if fast else torch.float32
