"""`Average`: weights averaged over the steps of a run answer better than the last ones."""

from __future__ import annotations

from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


class Average(WeightAveraging):
    """Exponential moving average of weights and statistics, its memory growing with the steps.

    After t steps the memory is min(decay, (1 + t) / (10 + t)), as in TensorFlow's
    `ExponentialMovingAverage`: with the whole memory from the first step on, a run of 200 steps
    would keep two thirds of its first weights. The number of steps is kept in the checkpoint.

    Args:
        decay: The longest memory per step, 0 to 1.
    """

    def __init__(self, decay: float) -> None:
        def average(kept: Tensor, now: Tensor, steps: Tensor | int) -> Tensor:
            memory = memory_after(int(steps), decay)
            return memory * kept + (1 - memory) * now

        super().__init__(use_buffers=True, avg_fn=average)


def memory_after(steps: int, decay: float) -> float:
    """The share of the average that stays at the next step."""
    return min(decay, (1 + steps) / (10 + steps))
