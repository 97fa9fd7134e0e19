"""A run that is asked to stop keeps what it learned, and every end is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.train import fit as fitting  # noqa: E402
from unfade.train import watch  # noqa: E402
from unfade.train.fit import fit, main  # noqa: E402
from unfade.train.run import Run  # noqa: E402
from unfade.train.stop import Stopped  # noqa: E402
from unfade.train.task import DenoiseTask  # noqa: E402

SMALL = {"batch": 1, "side": 32, "every": 2, "workers": 0, "threads": 1, "precision": "fp32"}


def a_run(photos, out, **more):
    return Run("denoise", (str(photos),), out=str(out), **{"steps": 6, **SMALL, **more})


def signal_at(monkeypatch, step, signum=signal.SIGINT, where="on_train_batch_end", times=1):
    """As if somebody pressed Ctrl-C right after a step."""
    real = getattr(watch.StopOnNan, where, lambda *_: None)

    def ask(self, trainer, *rest):
        real(self, trainer, *rest)
        if trainer.global_step == step:
            for _ in range(times):
                os.kill(os.getpid(), signum)

    monkeypatch.setattr(watch.StopOnNan, where, ask, raising=False)


def everything(path):
    state = torch.load(path, weights_only=True)
    numbers = {**state["state_dict"], **state["averaging_state"]}
    numbers |= {f"now.{k}": v for k, v in state["current_model_state"].items()}
    for index, moments in state["optimizer_states"][0]["state"].items():
        numbers |= {f"adam.{index}.{k}": v for k, v in moments.items()}
    return numbers, state["callbacks"]["Plateau"]


@pytest.mark.parametrize(
    ("step", "where"),
    [(3, "on_train_batch_end"), (4, "on_train_batch_end"), (2, "on_validation_end")],
    ids=["between checks", "at a check", "in a check"],
)
def test_a_run_that_was_asked_to_stop_goes_on_exactly(step, where, photos, tmp_path, monkeypatch):
    plateau = {"schedule": "plateau"}
    fit(a_run(photos, tmp_path / "whole", **plateau))
    told, before = [], signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        signal_at(patch, step, where=where)
        with pytest.raises(Stopped):
            fit(a_run(photos, tmp_path / "parts", **plateau), told.append)
    assert told[-1] == f"stopped at step {step}; the same command goes on from step {step}"
    assert signal.getsignal(signal.SIGINT) is before
    told.clear()
    fit(a_run(photos, tmp_path / "parts", **plateau), told.append)
    assert f"goes on from step {step}" in told
    (ours, ups), (theirs, downs) = (
        everything(tmp_path / k / "last.ckpt") for k in ("whole", "parts")
    )
    assert [k for k in ours if not torch.equal(ours[k], theirs[k])] == []
    assert ups == downs


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_exit_code_says_which_signal_came(signum, code, photos, tmp_path, monkeypatch, capsys):
    signal_at(monkeypatch, 1, signum)
    line = ["denoise", "--data", str(photos), "--out", str(tmp_path), "--steps", "4", "--side"]
    line += ["32", "--batch", "1", "--workers", "0", "--threads", "1"]
    assert main(line) == code
    assert "stopped at step 1; the same command goes on from step 1" in capsys.readouterr().out


def test_a_second_signal_ends_a_run_at_once(photos, tmp_path, monkeypatch):
    signal_at(monkeypatch, 1, times=2)
    told = []
    with pytest.raises(Stopped):
        fit(a_run(photos, tmp_path), told.append)
    assert told[-1] == (
        "stopped at step 0; the same command begins anew, for no check was made yet"
    )
    assert not (tmp_path / "last.ckpt").exists()


def test_ctrl_c_before_the_first_step_leaves_no_traceback(monkeypatch, capsys, photos):
    def interrupted(run):
        raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "read_material", interrupted)
    assert main(["denoise", "--data", str(photos), "--out", "nowhere"]) == 130
    assert capsys.readouterr().err == "unfade train: stopped before the first step\n"


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_all_processes_is_quiet_and_keeps_the_run(signum, code, photos, tmp_path):
    """The loader's workers get it too, as they do of Ctrl-C in a terminal."""
    line = [sys.executable, "-m", "unfade.train.fit", "denoise", "--data", str(photos)]
    line += ["--out", str(tmp_path), "--steps", "5000", "--every", "2000", "--side", "32"]
    line += ["--batch", "1", "--workers", "2", "--threads", "1", "--precision", "fp32"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(line, start_new_session=True, **pipes)
    try:
        end = time.monotonic() + 120
        while not (tmp_path / "run.json").exists() and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(3)
        os.killpg(process.pid, signum)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == code
    assert "Traceback" not in out + err
    kept = torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"]
    assert f"stopped at step {kept}; the same command goes on from step {kept}" in out


def test_a_run_without_progress_says_so_and_is_over(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(DenoiseTask, "measure", lambda self, batch: {"score": torch.tensor(1.0)})
    settings = {"steps": 50, "every": 1, "patience": 2}
    told = []
    fit(a_run(photos, tmp_path, **settings), told.append)
    why = "step 3: 2 checks brought no progress (--patience 2)"
    assert told[-1] == f"ended at {why}"
    told.clear()
    last = fit(a_run(photos, tmp_path, **settings), told.append)
    assert len(told) == 1 and f"nothing left to do at {why}" in told[0]
    assert torch.load(last, weights_only=True)["global_step"] == 3
    fit(a_run(photos, tmp_path, **settings | {"patience": 3}), told.append)
    assert "ended at step 4: 3 checks brought no progress" in told[-1]


def test_a_run_whose_time_or_steps_are_over_says_so(photos, tmp_path, monkeypatch):
    told = []
    fit(a_run(photos, tmp_path / "steps", steps=1), told.append)
    assert told[-1] == "ended at step 1: all 1 steps are done"
    fit(a_run(photos, tmp_path / "steps", steps=1), told.append)
    assert "nothing left to do at step 1: all 1 steps are done" in told[-1]
    seconds = iter(range(10**6))
    monkeypatch.setattr("time.monotonic", lambda: float(next(seconds)))
    timed = a_run(photos, tmp_path / "time", steps=1000, minutes=0.25, every=500)
    for words in ("ended at step", "nothing left to do at step"):
        told.clear()
        fit(timed, told.append)
        assert any(words in line and "0.25 minutes are over" in line for line in told)
