import json

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.darkroom import Darkroom  # noqa: E402
from unfade.errors import ModelError, ReadError  # noqa: E402
from unfade.models.zoo import Zoo  # noqa: E402
from unfade.photo import Photo  # noqa: E402
from unfade.pipeline import run  # noqa: E402
from unfade.recipe import Recipe  # noqa: E402
from unfade.stages import STAGES  # noqa: E402
from unfade.train import export  # noqa: E402
from unfade.train.data import Crops, find_photos, random_crop  # noqa: E402
from unfade.train.examples import (  # noqa: E402
    DamageExamples,
    DenoiseExamples,
    InpaintExamples,
)
from unfade.train.fit import Run, fit, main  # noqa: E402

TASKS = ("damage", "inpaint", "denoise", "fading")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for index in range(6):
        small = rng.integers(0, 255, (12, 16, 3), np.uint8)
        picture = cv2.resize(small, (128, 96), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{index}.png"), picture)
    return folder


def a_run(photos, out, task="damage", **more):
    settings = {"steps": 2, "batch": 2, "side": 64, "every": 2, "workers": 0, **more}
    return Run(task, (str(photos),), out=str(out), **settings)


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    for task in TASKS:
        fit(a_run(photos, folder / task, task))
    return folder


@pytest.mark.parametrize("task", TASKS)
def test_a_few_steps_of_training_give_weights_that_restore(task, trained, tmp_path):
    assert export.main([str(trained / task), "-o", str(tmp_path)]) == 0
    room = Darkroom("onnxruntime", zoo=Zoo(tmp_path))
    card = room.zoo.find(task)[1]
    assert card.parameters > 100_000
    pixels = np.random.default_rng(0).random((70, 90, 3), np.float32)
    mask = np.zeros((70, 90), np.float32)
    mask[20:30, 20:30] = 1
    stage = STAGES[task]() if task != "denoise" else STAGES[task](gate=0.0)
    photo = Photo(pixels, damage=None if task == "damage" else mask)
    step = run(photo, Recipe("one", (stage,)), room).history[0]
    assert step.models == {task: card.sha256}


@pytest.mark.parametrize("task", TASKS)
def test_exported_network_answers_like_the_trained_one(task, trained, tmp_path):
    net = export.load(trained / task / "last.ckpt", task, "small")
    card = export.make_card(json.loads((trained / task / "run.json").read_text()))
    path = export.export(net, card, tmp_path)
    with torch.no_grad():
        net.eval()
        for parameter in net.parameters():
            parameter += 0.05
    with pytest.raises(ModelError, match="differs from the trained network"):
        export.check(net, path, torch.rand(1, card.inputs[0], 64, 64))


def test_a_checkpoint_of_another_task_is_refused(trained):
    with pytest.raises(ModelError, match="does not hold a small network for damage"):
        export.load(trained / "denoise" / "last.ckpt", "damage", "small")


def test_an_interrupted_run_goes_on_where_it_stopped(photos, tmp_path):
    fit(a_run(photos, tmp_path, steps=2))
    fit(a_run(photos, tmp_path, steps=4))
    state = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert state["global_step"] == 4


def test_a_folder_without_photos_is_named(tmp_path, capsys):
    assert main(["damage", "--data", str(tmp_path), "--out", str(tmp_path / "run")]) == 1
    assert "no pictures in" in capsys.readouterr().out
    with pytest.raises(ReadError):
        find_photos(tmp_path)


def test_a_task_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="no task 'sharpen'; known: damage"):
        Run("sharpen", ("photos",))


@pytest.mark.parametrize("make", [DamageExamples(), InpaintExamples(), DenoiseExamples()])
def test_examples_are_the_same_for_a_seed_and_fit_the_network(make):
    photo = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    crops = Crops([photo], make, side=64, length=4)
    for first, again in zip(crops[1], crops[1], strict=True):
        assert torch.equal(first, again)
        assert first.shape[1:] == (64, 64)
        assert torch.isfinite(first).all()
    assert any(not torch.equal(a, b) for a, b in zip(crops[1], crops[2], strict=True))


def test_inpainting_examples_hide_what_is_under_the_mask():
    rng = np.random.default_rng(3)
    clean = rng.random((64, 64, 3), np.float32)
    fill, mask, target = InpaintExamples()(clean, rng)
    assert set(np.unique(mask)) <= {0.0, 1.0}
    inside = mask > 0
    assert inside.any()
    assert np.abs(fill[inside] - target[inside]).mean() > 0.1


def test_crops_may_be_larger_than_the_photo():
    crop = random_crop(np.zeros((20, 30, 3), np.uint8), 64, np.random.default_rng(0))
    assert crop.shape == (64, 64, 3)
