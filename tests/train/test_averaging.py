"""The memory of averaged weights grows with the steps."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
lightning = pytest.importorskip("lightning")

from unfade.train.averaging import Average, memory_after  # noqa: E402


class Number(lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.value = torch.nn.Parameter(torch.zeros(()))


def averaged(values, decay):
    net, average = Number(), Average(decay)
    average.setup(None, net, "fit")
    for step, value in enumerate(values, 1):
        net.value.data.fill_(value)
        average.on_train_batch_end(SimpleNamespace(global_step=step), net, None, None, 0)
    return average._average_model.module.value.item()


def test_the_memory_grows_to_the_one_that_was_asked_for():
    assert [memory_after(t, 0.998) for t in (0, 8, 90)] == [0.1, 0.5, 0.91]
    assert memory_after(10**6, 0.998) == 0.998
    assert memory_after(8, 0.3) == 0.3


def test_a_short_run_forgets_its_first_weights():
    assert averaged([0.0] + [1.0] * 199, 0.998) > 0.999
    assert averaged([0.0] + [1.0] * 199, 0.0) == 1.0


def test_the_average_is_the_one_of_the_formula():
    expected, values = 1.0, [1.0, 3.0, -2.0, 5.0]
    for t, value in enumerate(values[1:], 1):
        expected += (1 - min(0.25, (1 + t) / (10 + t))) * (value - expected)
    assert averaged(values, 0.25) == pytest.approx(expected)
