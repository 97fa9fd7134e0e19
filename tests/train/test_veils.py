"""Tests of the examples and the loss that the network for veils learns from."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.stages.veils import read_answer  # noqa: E402
from unfade.train.crops import Draw  # noqa: E402
from unfade.train.nets import make_net  # noqa: E402
from unfade.train.veils import (  # noqa: E402
    CACHE_SIDE,
    OFTEN,
    VeilData,
    VeilTask,
    lift,
    shrink,
    undo,
)


def photo(seed: int, height: int = 150, width: int = 200) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(90, 250, (5, 6, 3)).astype(np.float32)
    rows, cols = np.arange(height) * 5 // height, np.arange(width) * 6 // width
    return coarse[rows][:, cols].astype(np.uint8)


DATA = VeilData([photo(k) for k in range(4)])


def test_the_nth_example_is_always_the_same() -> None:
    again = VeilData([photo(k) for k in range(4)])
    for ours, theirs in zip(DATA[Draw(7, 64)], again[Draw(7, 64)], strict=True):
        assert torch.equal(ours, theirs)
    assert not torch.equal(DATA[Draw(7, 64)][0], DATA[Draw(8, 64)][0])


def test_two_of_three_photos_are_veiled_and_the_others_are_clear() -> None:
    examples = [DATA[Draw(number, 64)] for number in range(60)]
    assert all(veiled.shape == clear.shape == (3, 64, 64) for veiled, clear, _ in examples)
    assert all(visible.shape == (1, 64, 64) for *_, visible in examples)
    clear = [torch.equal(veiled, under) for veiled, under, _ in examples]
    assert 10 <= sum(clear) <= 32
    for (veiled, under, visible), same in zip(examples, clear, strict=True):
        assert veiled.min() >= 0 and veiled.max() <= 1 and visible.min() >= 0
        assert visible.max() <= 1
        assert not same or not visible.any()
        # Where nothing is visible, nothing changed by much; a box of 3 x 3 says so.
        off = (veiled - under).abs().amax(0)
        assert off[visible[0] < 0.3].median() < 6 / 255


def test_veils_come_as_often_as_said() -> None:
    assert sum(OFTEN.values()) == pytest.approx(1)


def test_what_is_kept_of_a_photo_is_small_and_keeps_its_shape() -> None:
    small = shrink(np.zeros((1200, 1600, 3), np.uint8))
    assert small.shape == (CACHE_SIDE * 3 // 4, CACHE_SIDE, 3)
    tiny = np.zeros((30, 40, 3), np.uint8)
    assert shrink(tiny) is tiny


def test_training_and_restoring_read_an_answer_alike() -> None:
    rng = np.random.default_rng(0)
    answer = rng.normal(0, 1, (9, 11, 7)).astype(np.float32)
    pixels = rng.uniform(0, 1, (9, 11, 3)).astype(np.float32)
    gain, offset = read_answer(answer)
    planes = [torch.from_numpy(a.transpose(2, 0, 1)[None].copy()) for a in (pixels, answer)]
    ours = undo(*planes)[0].numpy().transpose(1, 2, 0)
    np.testing.assert_allclose(ours, pixels + gain * pixels + offset, atol=1e-5)
    planes[1][:, 0] = -30
    assert torch.allclose(lift(*planes), planes[0])


def test_the_right_answer_has_the_lower_loss_and_the_score_is_its_gain() -> None:
    under = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 0.6 + 0.3
    visible = torch.zeros(2, 1, 32, 32)
    visible[:, :, :, 16:] = 1
    veiled = torch.where(visible > 0, under * 0.7, under)
    right = torch.zeros(2, 7, 32, 32)
    right[:, :1] = 16 * visible - 8
    right[:, 1:4] = float(np.arctanh(-np.log(0.7) / 1.5))

    def told(answer: torch.Tensor) -> tuple[float, dict[str, torch.Tensor]]:
        task = VeilTask(make_net("veils", "", "small", 3, 7), 1e-3, 10)
        task.net = torch.nn.Identity()
        task.forward = lambda picture: answer  # type: ignore[method-assign]
        batch = [veiled, under, visible]
        return float(task.loss(batch)), task.measure(batch)

    wrong_loss, wrong = told(torch.zeros(2, 7, 32, 32))
    right_loss, found = told(right)
    assert right_loss < 0.05 * wrong_loss
    assert found["score"] > 40 and wrong["score"] == pytest.approx(0, abs=1e-4)
    assert found["found"] == 1 and found["false"] == 0
