"""Tests of the fading estimator and its training."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.film.density import unfade  # noqa: E402
from unfade.stages.fading import ANSWER, FIELD_SIDE, read_answer  # noqa: E402
from unfade.train.crops import Draw  # noqa: E402
from unfade.train.fading import (  # noqa: E402
    FadingData,
    FadingNet,
    FadingTask,
    make_example,
    shrink,
    undo,
)
from unfade.train.tasks import sample_input  # noqa: E402


def photo(seed: int = 0, side: int = 160) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (6, 6, 3)).astype(np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


PHOTOS = [photo(k) for k in range(4)]


def batch(size: int) -> list[object]:
    data = FadingData(PHOTOS)
    examples = (data[Draw(i, 0)] for i in range(size))
    return [torch.stack(list(part)) for part in zip(*examples, strict=True)]


@pytest.mark.parametrize("preset", ["small", "base"])
def test_an_untrained_network_answers_that_nothing_happened(preset: str) -> None:
    net = FadingNet(preset).eval()
    with torch.no_grad():
        answer = net(sample_input("fading", 3))[0].numpy()
    assert answer.shape == (sum(ANSWER.values()),)
    _, correction = read_answer(answer)
    assert correction.matrix == pytest.approx(np.eye(3), abs=0.05)
    assert correction.offset == pytest.approx(0, abs=0.05)
    assert correction.grid == pytest.approx(0, abs=0.05)


def test_the_network_reads_grids_of_even_mean() -> None:
    net = FadingNet()
    torch.nn.init.normal_(net.field.weight)
    field = net.eval()(sample_input("fading", 3))[0, -(FIELD_SIDE**2) :]
    assert float(field.detach().abs().max()) > 0.005
    assert float(field.detach().mean()) == pytest.approx(0, abs=1e-5)


def test_the_true_numbers_undo_the_fading_in_training_and_in_the_stage_alike() -> None:
    found = 0
    for seed in range(30):
        example = make_example(photo(seed), np.random.default_rng(seed))
        if example.fade is None:
            continue
        faded = torch.from_numpy(example.faded.transpose(2, 0, 1)[None].copy())
        ours = undo(faded, torch.from_numpy(example.truth[None]))[0].numpy().transpose(1, 2, 0)
        inside = ((example.faded > 0) & (example.faded < 1)).all(axis=2)
        assert np.abs(ours - example.clean)[inside].max() < 0.01
        stage = unfade(example.faded, example.fade)
        assert np.abs(np.clip(ours, 0, 1) - stage)[inside].max() < 1e-3
        found += int(example.truth[0] == 1)
    assert 8 <= found <= 24  # some faded, some did not


def test_the_same_number_gives_the_same_example() -> None:
    first, second = FadingData(PHOTOS), FadingData(PHOTOS)
    for ours, theirs in zip(first[Draw(5, 0)], second[Draw(5, 0)], strict=True):
        assert torch.equal(ours, theirs)
    assert not torch.equal(first[Draw(5, 0)][0], first[Draw(6, 0)][0])


def test_a_photo_is_kept_small() -> None:
    assert shrink(photo(0, 300)[:200]).shape == (160, 160, 3)


def test_a_few_steps_make_the_loss_smaller() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    task, examples = FadingTask(FadingNet(), 2e-3, 20), batch(16)
    optimizer = torch.optim.Adam(task.parameters(), lr=2e-3)
    losses = []
    for _ in range(12):
        loss = task.loss(examples)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


def test_perfect_numbers_score_better_than_none() -> None:
    known = [
        e for e in (FadingData(PHOTOS)[Draw(i, 0)] for i in range(30)) if e[3].isfinite().all()
    ]
    examples = [torch.stack(list(part)) for part in zip(*known, strict=True)]
    task = FadingTask(FadingNet(), 1e-3, 10)

    class Oracle(torch.nn.Module):
        def forward(self, seen: object) -> object:
            return examples[3]

    task.net = Oracle()
    figures = task.measure(examples)
    assert float(figures["gain_db"]) > 10
    assert float(figures["false_alarms"]) == float(figures["misses"]) == 0


def test_a_check_is_scored_over_all_its_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    data, task = FadingData(PHOTOS), FadingTask(FadingNet().eval(), 1e-3, 10)
    told: dict[str, float] = {}
    monkeypatch.setattr(task, "log_dict", lambda figures, **_: told.update(figures))
    examples = [data[Draw(i, 0)] for i in range(12)]
    task.on_validation_epoch_start()
    with torch.no_grad():
        for example in examples:  # In most batches of one either nothing or all is faded.
            task.validation_step([part[None] for part in example], 0)
        task.on_validation_epoch_end()
        whole = [torch.stack(list(part)) for part in zip(*examples, strict=True)]
        expected = task.measure(whole)
    assert {"score", "gain_db", "false_alarms", "misses"} == set(told)
    for name, value in told.items():
        assert float(value) == pytest.approx(float(expected[name]), rel=1e-4)
    assert np.isfinite([float(v) for v in told.values()]).all()


def test_where_no_numbers_are_known_only_the_picture_and_the_gate_teach() -> None:
    examples = [make_example(PHOTOS[k % 4], np.random.default_rng(k)) for k in range(60)]
    unknown = [e for e in examples if e.fade is None]
    assert 5 < len(unknown) < 40
    assert all(np.isfinite(e.truth[0]) and np.isnan(e.truth[1:]).all() for e in unknown)
    assert bool(torch.isfinite(FadingTask(FadingNet(), 1e-3, 10).loss(batch(8))))
