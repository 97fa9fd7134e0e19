"""A run that was stopped goes on exactly, and several processes train as one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.errors import ModelError  # noqa: E402
from unfade.train import watch  # noqa: E402
from unfade.train.fit import fit  # noqa: E402
from unfade.train.run import Run  # noqa: E402


def a_run(photos, out, task="denoise", **more):
    settings = {"steps": 4, "batch": 2, "side": 32, "every": 2, "workers": 0, "threads": 1}
    return Run(task, (str(photos),), out=str(out), **settings | {"precision": "fp32"} | more)


def everything(path):
    """All numbers of a checkpoint: averaged and current weights, optimizer, learning rate."""
    state = torch.load(path, weights_only=True)
    optimizer = state["optimizer_states"][0]
    numbers = {**state["state_dict"], "steps": torch.tensor(state["global_step"])}
    numbers |= {f"now.{k}": v for k, v in state.get("current_model_state", {}).items()}
    for index, moments in optimizer["state"].items():
        numbers |= {f"adam.{index}.{k}": v for k, v in moments.items()}
    return numbers | {"lr": torch.tensor(optimizer["param_groups"][0]["lr"])}


def assert_same(ours, theirs):
    assert set(ours) == set(theirs)
    assert [k for k in ours if not torch.equal(ours[k], theirs[k])] == []


class Killed(Exception):
    """The machine went away."""


def kill_at(monkeypatch, step):
    def die(self, trainer, *rest):
        if trainer.global_step == step:
            raise Killed

    monkeypatch.setattr(watch.StopOnNan, "on_train_batch_end", die)


@pytest.mark.parametrize(
    "settings",
    [
        {"task": "damage"},
        {"sides": (32, 64), "grow": (2, 4), "batch": 4, "schedule": "plateau"},
        {"precision": "bf16", "ema": 0.0},
        {"task": "damage", "optimizer": "muon"},
    ],
    ids=["normalized", "growing", "bf16", "muon"],
)
def test_a_killed_run_ends_like_one_that_was_never_interrupted(
    settings, photos, tmp_path, monkeypatch
):
    fit(a_run(photos, tmp_path / "whole", **settings))
    with monkeypatch.context() as patch:
        kill_at(patch, 3)
        with pytest.raises(Killed):
            fit(a_run(photos, tmp_path / "killed", **settings))
    kept = torch.load(tmp_path / "killed" / "last.ckpt", weights_only=True)
    assert kept["global_step"] == 2
    told = []
    fit(a_run(photos, tmp_path / "killed", **settings), told.append)
    assert "goes on from step 2" in told
    ours, theirs = (everything(tmp_path / k / "last.ckpt") for k in ("whole", "killed"))
    assert_same(ours, theirs)


def test_the_last_step_is_kept_where_it_is_no_check(photos, tmp_path):
    constant = {"schedule": "constant"}
    last = fit(a_run(photos, tmp_path / "parts", steps=3, **constant))
    assert int(everything(last)["steps"]) == 3
    # And a longer run may go on from there, as exactly.
    fit(a_run(photos, tmp_path / "parts", **constant))
    fit(a_run(photos, tmp_path / "one", **constant))
    assert_same(*(everything(tmp_path / k / "last.ckpt") for k in ("parts", "one")))


def test_a_run_with_a_clock_ends_in_time_and_keeps_its_last_step(photos, tmp_path, monkeypatch):
    seconds = iter(range(10**6))
    monkeypatch.setattr("time.monotonic", lambda: float(next(seconds)))
    run = a_run(photos, tmp_path / "r", steps=1000, minutes=0.25, every=500, ema=0.0)
    kept = torch.load(fit(run), weights_only=True)
    assert 2 <= kept["global_step"] < 20
    assert kept["optimizer_states"][0]["param_groups"][0]["lr"] < 0.3 * run.rate


def test_time_before_a_run_was_stopped_counts():
    clock = watch.Clock(minutes=1)
    clock.load_state_dict({"time_elapsed": {"train": 59.9999}})
    strategy = SimpleNamespace(broadcast=lambda value: value)
    task, trainer = (
        SimpleNamespace(spent=0.0),
        SimpleNamespace(should_stop=False, strategy=strategy),
    )
    clock.on_train_start(trainer, task)
    clock.on_train_batch_start(trainer, task)
    assert task.spent == pytest.approx(1, abs=0.01)
    while clock.time_elapsed() < 60:
        pass
    clock.on_train_batch_end(trainer, task)
    assert trainer.should_stop


def test_the_rate_halves_where_nothing_gets_better():
    plateau, task = watch.Plateau(), SimpleNamespace()
    rates = []
    for score in (1.0, 2.0, 2.0, 1.0, 2.0, 3.0, 0.0, 0.0, 0.0):
        trainer = SimpleNamespace(callback_metrics={"score": torch.tensor(score)})
        plateau.on_validation_end(trainer, task)
        rates.append(task.drop)
    assert rates == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25]
    again = watch.Plateau()
    again.load_state_dict(plateau.state_dict())
    again.on_train_start(None, task)
    assert (task.drop, again.best) == (0.25, 3.0)


def test_every_check_is_kept_though_it_is_no_better(photos, tmp_path, monkeypatch):
    from unfade.train.task import DenoiseTask

    scores = iter(range(100, 0, -1))

    def worse_each_time(self, batch):
        return {"score": torch.tensor(float(next(scores)))}

    monkeypatch.setattr(DenoiseTask, "measure", worse_each_time)
    last = fit(a_run(photos, tmp_path))
    assert torch.load(last, weights_only=True)["global_step"] == 4
    assert torch.load(tmp_path / "best.ckpt", weights_only=True)["global_step"] == 2


def test_another_run_is_not_gone_on_from(photos, tmp_path):
    fit(a_run(photos, tmp_path, steps=2))
    with pytest.raises(ModelError, match="holds a run with task denoise; this one has task deblur"):
        fit(a_run(photos, tmp_path, "deblur", steps=4))
    with pytest.raises(ModelError, match="with --preset small; this one has --preset base"):
        fit(a_run(photos, tmp_path, steps=4, preset="base"))


GPU_MACHINE = """
import sys
class Missing:
    def find_spec(self, name, *rest):
        if name in ("openvino", "pyvips"):
            raise ModuleNotFoundError(f"{name} is not on this machine", name=name)
sys.meta_path.insert(0, Missing())
"""
"""A machine that trains has torch, Lightning, OpenCV, NumPy and onnx, and need not have more."""


def test_two_processes_train_like_one_with_a_batch_as_large(photos, tmp_path):
    """The same examples, shared out, and the mean of the gradients: the same weights."""
    (tmp_path / "sitecustomize.py").write_text(GPU_MACHINE)
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    alone = fit(a_run(photos, tmp_path / "alone", batch=2, steps=2))
    line = [sys.executable, "-m", "unfade.train.fit", "denoise", "--data", str(photos)]
    line += ["--out", str(tmp_path / "both"), "--batch", "1", "--devices", "2"]
    line += ["--accelerator", "cpu", "--precision", "fp32", "--steps", "2", "--every", "2"]
    line += ["--side", "32", "--workers", "0", "--threads", "1"]
    done = subprocess.run(
        line,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ours, theirs = everything(alone), everything(tmp_path / "both" / "last.ckpt")
    for name, value in ours.items():
        assert torch.allclose(value.float(), theirs[name].float(), atol=2e-5), name
    record = json.loads((tmp_path / "both" / "run.json").read_text())
    assert record["devices"] == 2
