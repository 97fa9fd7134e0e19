"""A run folder is gone on with by the command that made it, and by no other."""

from __future__ import annotations

import json
import shutil
import subprocess
import warnings

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.errors import ModelError  # noqa: E402
from unfade.train.fit import fit, main  # noqa: E402
from unfade.train.folder import commit  # noqa: E402
from unfade.train.run import Run  # noqa: E402

SMALL = {"batch": 1, "side": 32, "every": 2, "workers": 0, "threads": 1, "precision": "fp32"}


def a_run(photos, out, task="denoise", **more):
    return Run(task, (str(photos),), out=str(out), **{"steps": 4, **SMALL, **more})


@pytest.fixture(scope="module")
def half(photos, tmp_path_factory):
    """A run of two steps, to be copied."""
    folder = tmp_path_factory.mktemp("half") / "run"
    fit(a_run(photos, folder, steps=2))
    return folder


@pytest.fixture
def folder(half, tmp_path):
    return shutil.copytree(half, tmp_path / "run")


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"noise": "white"}, "with --noise mixed; this one has --noise white"),
        ({"seed": 3, "lr": 0.5}, "with --lr 0.0, --seed 0; this one has --lr 0.5, --seed 3"),
        ({"init": "denoise"}, "with no --init; this one has --init denoise"),
        ({"optimizer": "muon"}, "this one has --optimizer muon"),
        ({"batch": 2, "loss": "squared"}, "with --batch 1, no --loss; this one has --batch 2"),
        ({"sides": (32, 64)}, "this one has --sides 32 64"),
        ({"kinds": False}, "with --kinds; this one has --no-kinds"),
    ],
)
def test_other_settings_are_refused_and_change_nothing(more, complaint, photos, folder):
    before = {name: (folder / name).read_bytes() for name in ("run.json", "manifest.csv")}
    with pytest.raises(ModelError, match=complaint):
        fit(a_run(photos, folder, **more))
    assert before == {name: (folder / name).read_bytes() for name in before}


def test_other_pictures_are_refused_wherever_they_lie(photos, folder, tmp_path):
    moved = shutil.copytree(photos, tmp_path / "moved")
    told = []
    fit(a_run(moved, folder, steps=3), told.append)
    assert "goes on from step 2" in told
    assert "3 steps instead of 2; the learning rate falls over all of them" in told
    cv2.imwrite(str(moved / "new.png"), np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(ModelError, match=r"the pictures are not those that the run in .* learned"):
        fit(a_run(moved, folder))
    assert json.loads((folder / "run.json").read_text())["steps"] == 3


def test_a_run_that_began_with_weights_goes_on_with_the_same_command(photos, half, tmp_path):
    told = []
    for steps in (2, 4):
        fit(a_run(photos, tmp_path / "run", steps=steps, init=str(half)), told.append)
    assert sum("tensors taken" in line for line in told) == 1
    assert "goes on from step 2" in told


def test_a_checkpoint_of_another_network_is_refused_before_anything_is_written(
    photos, folder, tmp_path
):
    fit(a_run(photos, tmp_path / "other", "inpaint", steps=1, side=64))
    shutil.copy(tmp_path / "other" / "last.ckpt", folder / "last.ckpt")
    before = (folder / "run.json").read_bytes()
    with pytest.raises(ModelError, match=r"last.ckpt is of another network: \d+ of \d+ tensors"):
        fit(a_run(photos, folder))
    assert (folder / "run.json").read_bytes() == before
    (folder / "run.json").unlink()
    with pytest.raises(ModelError, match=r"holds last.ckpt but no run.json"):
        fit(a_run(photos, folder))


def test_a_damaged_record_or_checkpoint_is_named_with_what_to_do(photos, folder):
    last = folder / "last.ckpt"
    last.write_bytes(last.read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"last.ckpt is damaged; copy .*best.ckpt over it"):
        fit(a_run(photos, folder))
    (folder / "run.json").write_text("{")
    with pytest.raises(ModelError, match=r"run.json is damaged"):
        fit(a_run(photos, folder))


def test_a_moved_run_keeps_its_best_score(photos, folder):
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        fit(a_run(photos, folder, steps=4))
    assert not [w for w in raised if "dirpath has changed" in str(w.message)]
    states = torch.load(folder / "last.ckpt", weights_only=True)["callbacks"]
    (best,) = (v for k, v in states.items() if "ModelCheckpoint" in k and v["monitor"])
    assert best["best_model_path"] == str(folder / "best.ckpt")
    assert list(best["best_k_models"]) == [best["best_model_path"]]


def test_patience_may_change_and_nothing_is_said_of_its_callback(photos, folder, recwarn):
    fit(a_run(photos, folder, steps=3, patience=4))
    fit(a_run(photos, folder, steps=4))
    assert not [w for w in recwarn if "callbacks used to create" in str(w.message)]


def test_the_commit_tells_of_changes_in_any_code(tmp_path):
    package = tmp_path / "unfade"
    package.mkdir()
    (package / "aging.py").write_text("")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run([*git, *words], check=True)
    assert len(commit(package)) == 40
    (package / "aging.py").write_text("changed")
    assert commit(package).endswith("+")
    assert commit.__defaults__[0].name == "unfade"


def test_errors_go_to_stderr_in_one_line(photos, folder, capsys):
    line = ["deblur", "--data", str(photos), "--out", str(folder)]
    assert main(line) == 1
    told = capsys.readouterr()
    assert told.out == "" and told.err.startswith("unfade train: ") and told.err.count("\n") == 1
