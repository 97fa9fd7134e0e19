import dataclasses
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("lightning")

from onnx import numpy_helper  # noqa: E402

from unfade.darkroom import Darkroom  # noqa: E402
from unfade.errors import ModelError, ReadError  # noqa: E402
from unfade.models.zoo import Zoo  # noqa: E402
from unfade.photo import Photo  # noqa: E402
from unfade.pipeline import run  # noqa: E402
from unfade.recipe import Recipe  # noqa: E402
from unfade.stages import STAGES  # noqa: E402
from unfade.train import export  # noqa: E402
from unfade.train.crops import Crops, Draw, random_crop  # noqa: E402
from unfade.train.data import find_photos  # noqa: E402
from unfade.train.examples import (  # noqa: E402
    DamageExamples,
    DeblurExamples,
    DenoiseExamples,
    InpaintExamples,
    WhiteNoiseExamples,
)
from unfade.train.fit import fit, main  # noqa: E402
from unfade.train.nets import restormer  # noqa: E402
from unfade.train.restore import RestoreExamples  # noqa: E402
from unfade.train.run import Run, from_record, parse  # noqa: E402
from unfade.train.tasks import make_network, sample_input  # noqa: E402

TASKS = ("damage", "verify", "overview", "veils", "inpaint", "denoise", "fading")


def a_run(photos, out, task="damage", **more):
    settings = {"steps": 2, "batch": 2, "side": 64, "every": 2, "workers": 0, "threads": 1, **more}
    return Run(task, (str(photos),), out=str(out), **settings)


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    for task in TASKS:
        fit(a_run(photos, folder / task, task))
    return folder


@pytest.mark.parametrize("task", [task for task in TASKS if task not in ("verify", "overview")])
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
    run = from_record(json.loads((trained / task / "run.json").read_text()))
    net = export.load(trained / task / "last.ckpt", run)
    card = export.make_card(run, net)
    path = export.export(net, card, tmp_path)
    with torch.no_grad():
        net.eval()
        for parameter in net.parameters():
            parameter += 0.05
    with pytest.raises(ModelError, match="differs from the trained network"):
        export.check(net, path, sample_input(task, card.inputs[0]))


@pytest.mark.parametrize("task", TASKS)
def test_what_decides_has_weights_that_bfloat16_holds_too(task, trained, tmp_path):
    run = from_record(json.loads((trained / task / "run.json").read_text()))
    net = export.load(trained / task / "last.ckpt", run)
    model = onnx.load(export.export(net, export.make_card(run, net), tmp_path))
    stored = [numpy_helper.to_array(tensor) for tensor in model.graph.initializer]
    weights = [torch.tensor(w).float() for w in stored if w.dtype == np.float16 and w.ndim >= 2]
    assert len(weights) > 8
    coarse = all(torch.equal(weight, weight.bfloat16().float()) for weight in weights)
    assert coarse == (task in ("damage", "verify"))


def test_the_halo_of_a_deeper_network_is_its_own(monkeypatch):
    monkeypatch.setattr(export, "HALO_SIDE", 512)
    run = Run("denoise", ("photos",), preset="base")
    net = make_network(run).eval()
    with torch.no_grad():
        for weight in net.parameters():
            weight.normal_(0, 0.06)
    card = export.make_card(run, net)
    assert 112 <= card.halo <= 208 and card.bytes_per_pixel >= 256
    small = dataclasses.replace(run, preset="small")
    assert export.make_card(small, make_network(small)).halo == 96


def test_a_checkpoint_of_another_task_is_refused(trained):
    with pytest.raises(ModelError, match="does not hold a small network for damage"):
        export.load(trained / "denoise" / "last.ckpt", Run("damage", ("photos",)))


def test_a_folder_without_photos_is_named(tmp_path, capsys):
    assert main(["damage", "--data", str(tmp_path), "--out", str(tmp_path / "run")]) == 1
    assert "no pictures in" in capsys.readouterr().err
    with pytest.raises(ReadError):
        find_photos(tmp_path)


def test_a_task_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="no task 'sharpen'; known: damage"):
        Run("sharpen", ("photos",))


@pytest.mark.parametrize(
    "make",
    [
        DamageExamples(),
        InpaintExamples(),
        InpaintExamples(holes="large"),
        DenoiseExamples(),
        WhiteNoiseExamples(),
        DeblurExamples(),
        RestoreExamples(),
    ],
)
def test_examples_are_the_same_for_a_seed_and_fit_the_network(make):
    photo = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    crops = Crops([photo], make)
    one, two = Draw(1, 64), Draw(2, 64)
    for first, again in zip(crops[one], crops[one], strict=True):
        assert torch.equal(first, again)
        assert first.shape[1:] == (64, 64)
        assert torch.isfinite(first).all()
    assert any(not torch.equal(a, b) for a, b in zip(crops[one], crops[two], strict=True))


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


def test_every_option_reaches_the_run():
    line = ["restore", "--data", "a", "b", "--sides", "64", "96", "--no-channels-last"]
    run = parse([*line, "--mask-weight", "2", "--net", "restormer", "--undo", "all"])
    assert (run.data, run.sides, run.channels_last) == (("a", "b"), (64, 96), False)
    assert (run.mask_weight, run.net, run.undo, run.rate) == (2.0, "restormer", "all", 3e-4)
    assert from_record(json.loads(json.dumps(run.__dict__)) | {"commit": "x"}) == run


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"task": "damage"}, "nothing to learn from; give --data, --clips or --pairs"),
        ({"task": "fading", "pairs": ("p",)}, "fading learns from clean photos only"),
        (
            {"task": "verify", "data": ("d",), "look": ("p",)},
            "verify looks at marks, not at whole photos",
        ),
        ({"task": "damage", "data": ("d",), "net": "vgg"}, "no network 'vgg' for damage"),
        ({"task": "inpaint", "data": ("d",), "loss": "dice"}, "no loss 'dice' for inpaint"),
        ({"task": "damage", "data": ("d",), "schedule": "step"}, "schedule must be cosine or"),
        (
            {"task": "restore", "data": ("d",), "aging": "fire"},
            "no aging preset 'fire'; known: fil",
        ),
        ({"task": "damage", "data": ("d",), "batch": 0}, "--batch must be 1 or more, got 0"),
        ({"task": "damage", "data": ("d",), "sides": (64, 0)}, "--sides must be 1 or more, got 0"),
        ({"task": "damage", "data": ("d",), "grow": (-5,)}, "--grow must be 1 or more, got -5"),
        ({"task": "damage", "data": ("d",), "distinct": -4}, "--distinct must be 0 or more, got"),
        ({"task": "damage", "data": ("d",), "limit": -3}, "--limit must be 0 or more, got -3"),
        ({"task": "damage", "data": ("d",), "minutes": -1.0}, "--minutes must be 0 or more, got"),
        ({"task": "damage", "data": ("d",), "patience": -1}, "--patience must be 0 or more, got"),
        ({"task": "damage", "data": ("d",), "cache_mb": -1}, "--cache-mb must be 0 or more, got"),
        ({"task": "damage", "data": ("d",), "lr": -0.1}, "--lr must be 0 or more, got -0.1"),
        ({"task": "damage", "data": ("d",), "lr": float("nan")}, "--lr must be 0 or more, got nan"),
        ({"task": "damage", "data": ("d",), "lr": float("inf")}, "--lr must be 0 or more, got inf"),
        ({"task": "damage", "data": ("d",), "share": 1.5}, "--share must be within 0 to 1, got 1"),
        ({"task": "damage", "data": ("d",), "ema": 2.0}, "--ema must be within 0 to 1, got 2"),
        ({"task": "damage", "data": ("d",), "ema": 1.0}, "--ema must be below 1, got 1"),
        ({"task": "fading", "data": ("d",), "batch": 1}, "--batch must be 2 or more for fading"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        Run(**settings)


def test_a_backend_that_does_not_exist_is_named_before_a_folder_is_made(photos, tmp_path):
    with pytest.raises(ValueError, match=r"no --compile backend 'fast'; known: .*inductor"):
        fit(a_run(photos, tmp_path / "run", compile="fast"))
    assert not (tmp_path / "run").exists()


def test_a_single_photo_that_has_to_do_for_both_is_told(photos, tmp_path):
    for limit, words in ((1, True), (2, False)):
        told = []
        fit(a_run(photos, tmp_path / str(limit), "denoise", limit=limit, steps=1), told.append)
        assert any("there is one photo only" in line for line in told) is words


def test_help_names_the_folder_of_a_run(capsys):
    with pytest.raises(SystemExit):
        parse(["--help"])
    assert "runs/TASK-NET-PRESETwith--net" in "".join(capsys.readouterr().out.split())
    assert Run("damage", ("d",), net="unet").folder.as_posix() == "runs/damage-unet-small"


def test_the_command_of_a_run_does_it_again():
    run = Run("restore", ("d",), sides=(64, 96), channels_last=False, init="w.ckpt", steps=7)
    command = export.command_of(run)
    assert command == (
        "unfade train restore --data DATA --steps 7 --sides 64 96 --no-channels-last --init INIT"
    )
    words = command.split()[2:]
    assert parse(words) == Run(
        "restore", ("DATA",), sides=(64, 96), channels_last=False, init="INIT", steps=7
    )


def test_the_command_on_a_card_is_understood_and_names_no_place_of_ours():
    places = {
        "library": "/mine/shapes",
        "kept": "/mine/pool",
        "judged": ("/mine/v.json", "/mine/o"),
    }
    command = export.command_of(Run("damage", ("/mine/photos",), init="/mine/w.ckpt", **places))
    assert "/mine" not in command
    told = parse(command.split()[2:])
    assert told.judged == ("JUDGED", "PHOTOS") and told.kept == "KEPT"


def test_a_restormer_takes_the_memory_that_was_measured(monkeypatch):
    tiny = restormer.Shape(width=8, blocks=(1,) * 4, back=(1,) * 4)
    monkeypatch.setitem(restormer.RESTORMERS, "small", tiny)
    run = Run("denoise", ("photos",), net="restormer")
    net = make_network(run).eval()
    card = export.make_card(run, net)
    assert card.bytes_per_pixel == export.measure_memory(net, 3) > 1000 and card.tiling == "whole"


def test_the_halo_of_an_unknown_network_is_measured():
    net = torch.nn.Conv2d(3, 1, 41, padding=20, bias=False)
    sample = torch.rand(1, 3, 192, 192)
    assert export.measure_halo(net, sample, 1) == 32
    with pytest.raises(ModelError, match="sees all of 64 px; it cannot work in tiles"):
        export.measure_halo(net, sample[:, :, :64, :64], 1)
