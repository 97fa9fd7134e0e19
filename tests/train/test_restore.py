"""The one-stage task, the small photo U-Net's modes, and what is looked at on the way."""

from __future__ import annotations

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.degrade import AddWriting  # noqa: E402
from unfade.recipe import Recipe  # noqa: E402
from unfade.train import curves, restore, watch  # noqa: E402
from unfade.train.fit import fit, main  # noqa: E402
from unfade.train.folder import commit  # noqa: E402
from unfade.train.holes import draw_large_holes  # noqa: E402
from unfade.train.nets import PhotoUNet  # noqa: E402
from unfade.train.restore import RestoreExamples, RestoreTask, to_grey  # noqa: E402
from unfade.train.run import MODES, Run  # noqa: E402
from unfade.train.task import DenoiseTask  # noqa: E402
from unfade.train.tasks import channels, make_task  # noqa: E402

SMALL = {"steps": 2, "every": 2, "side": 32, "batch": 1, "workers": 0, "threads": 1}


def photo(seed=0, side=96):
    coarse = np.random.default_rng(seed).random((8, 8, 3), np.float32)
    return np.clip(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), 0, 1)


def test_the_target_differs_from_the_aged_photo_by_artefacts_alone():
    seen = 0
    for seed in range(6):
        aged, target, mask = RestoreExamples(aging="film-35mm")(
            photo(seed), np.random.default_rng(seed)
        )
        apart = np.abs(aged - target).max(axis=2)
        grown = cv2.dilate((mask > 0).astype(np.uint8), np.ones((9, 9)))
        seen += int((apart[mask >= 0.99] > 5 / 255).mean() > 0.8)
        # The scan's blur and JPEG carry an artefact a little further.
        assert np.percentile(apart[grown == 0], 90) < 4 / 255
    assert seen >= 4


def test_undoing_all_leads_to_the_clean_photo():
    clean = photo()
    aged, target, _ = RestoreExamples(undo="all")(clean, np.random.default_rng(1))
    assert np.array_equal(target, clean) and np.abs(aged - clean).mean() > 0.01


def test_handwriting_is_no_artefact(monkeypatch):
    written = Recipe("written", (AddWriting(words=4, height_px=14, width_px=2, seed=3),))
    monkeypatch.setattr(restore, "draw_aging", lambda *_, **__: written)
    aged, target, mask = RestoreExamples()(photo(), np.random.default_rng(0))
    assert np.array_equal(aged, target) and np.abs(aged - photo()).max() > 0.1
    assert not mask.any()


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_trains_and_says_its_error(mode):
    inputs, outputs = MODES[mode]
    task = RestoreTask(PhotoUNet((4, 8), inputs, outputs), 1e-3, 10, mode, "squared", 0.0)
    batch = [torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16), torch.zeros(2, 1, 16, 16)]
    figures = task.measure(batch)
    aged, target, _ = batch
    # Untrained the network changes nothing: the error is that of the aged picture.
    seen = aged if mode == "color" else to_grey(aged).expand(-1, outputs, -1, -1)
    goal = to_grey(target) if mode == "grey" else target
    expected = (seen - goal).square().mean()
    assert float(figures["mse"]) == pytest.approx(float(expected), abs=1e-6)
    assert float(task.loss(batch).detach()) == pytest.approx(float(expected), abs=1e-6)
    assert float(figures["gain_db"]) == pytest.approx(0, abs=1e-4)
    optimizer = torch.optim.Adam(task.parameters(), lr=0.01)
    for _ in range(8):
        optimizer.zero_grad()
        task.loss(batch).backward()
        optimizer.step()
    assert task.measure(batch)["mse"] < expected


def test_figures_inside_and_outside_the_mask_are_told_apart():
    task = RestoreTask(PhotoUNet((4, 8)), 1e-3, 10)
    target = torch.full((1, 3, 16, 16), 0.5)
    aged, mask = target.clone(), torch.zeros(1, 1, 16, 16)
    mask[:, :, :4] = 1
    aged[:, :, :4] += 0.1
    aged[:, :, 4:] += 0.01
    figures = task.measure([aged, target, mask])
    assert float(figures["inside_db"]) == pytest.approx(20, abs=0.01)
    assert float(figures["outside_db"]) == pytest.approx(40, abs=0.01)


def test_crops_without_artefacts_do_not_drown_the_others():
    task = RestoreTask(PhotoUNet((4, 8)), 1e-3, 10)
    torch.nn.init.constant_(task.net.head.bias, 0.01)
    target = torch.full((2, 3, 16, 16), 0.5)
    aged = target.clone()
    aged[1] -= 0.1
    figures = task.measure([aged, target, torch.zeros(2, 1, 16, 16)])
    # Errors of 0 and 0.1 become 0.01 and 0.09.
    assert float(figures["gain_db"]) == pytest.approx(10 * np.log10(0.01 / 0.0082), abs=0.02)


def test_restormer_restores_in_one_stage_and_is_exported_as_it_sees(photos, tmp_path, monkeypatch):
    from unfade.models.card import ModelCard
    from unfade.train import export
    from unfade.train.nets import restormer

    tiny = restormer.Shape(width=8, blocks=(1,) * 4, back=(1,) * 4)
    monkeypatch.setitem(restormer.RESTORMERS, "small", tiny)
    more = {"net": "restormer", "sides": (32, 48), **SMALL}
    fit(Run("restore", (str(photos),), out=str(tmp_path), **more))
    assert export.main([str(tmp_path), "-o", str(tmp_path / "w"), "--name", "onestage"]) == 0
    card = ModelCard.from_toml((tmp_path / "w" / "onestage.toml").read_text())
    assert (card.task, card.tiling, card.multiple_of) == ("restore", "whole", 8)
    assert card.command.startswith("unfade train restore --data DATA --net restormer")


def test_an_official_file_of_restormer_becomes_a_network_with_a_card(tmp_path):
    from unfade.models.card import ModelCard
    from unfade.train import export
    from unfade.train.nets.restormer import Restormer, Shape

    tiny = Shape(inputs=1, outputs=1, width=8, blocks=(1,) * 4, back=(1,) * 4, bias=False)
    torch.save({"params": Restormer(tiny).state_dict()}, tmp_path / "gray.pth")
    assert export.main([str(tmp_path / "gray.pth"), "-o", str(tmp_path)]) == 0
    card = ModelCard.from_toml((tmp_path / "gray.toml").read_text())
    assert (card.inputs, card.channels_out, card.multiple_of) == ((1,), 1, 8)
    # The feed-forward part of the last level: 2 x 42 channels in and out, twice, 4 bytes each.
    assert card.bytes_per_pixel == 2 * 4 * (84 + 84)


@pytest.mark.parametrize(("task", "net"), [("damage", "r2att-unet"), ("deblur", "photo-unet")])
def test_any_network_is_trained_and_exported_with_its_own_halo(
    task, net, photos, tmp_path, monkeypatch
):
    from unfade.models.card import ModelCard
    from unfade.train import export

    monkeypatch.setattr(export, "HALO_SIDE", 320)
    more = {"kinds": False} if task == "damage" else {}
    fit(Run(task, (str(photos),), net=net, out=str(tmp_path), **SMALL, **more))
    assert export.main([str(tmp_path), "-o", str(tmp_path)]) == 0
    card = ModelCard.from_toml((tmp_path / f"{task}.toml").read_text())
    assert card.channels_out == (1 if task == "damage" else 3)
    assert 16 <= card.halo <= 144 and card.tiling == "tiles"


def test_channels_follow_the_settings():
    assert channels(Run("damage", ("d",))) == (3, 8)
    assert channels(Run("damage", ("d",), kinds=False)) == (3, 1)
    assert channels(Run("restore", ("d",), mode="colorize")) == (1, 3)
    assert channels(Run("inpaint", ("d",))) == (4, 3)
    assert isinstance(make_task(Run("deblur", ("d",), net="photo-unet")), DenoiseTask)


def test_a_run_folder_tells_everything(photos, tmp_path):
    told = []
    fit(
        Run("denoise", (str(photos),), look=(str(photos),), out=str(tmp_path), **SMALL), told.append
    )
    assert told[-2].startswith("step 2: score ")
    assert told[-1] == "ended at step 2: all 2 steps are done"
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["commit"] == commit() and len(record["data_sha256"]) == 64
    assert record["parameters"] > 100_000 and "torch" in record["versions"]
    assert (tmp_path / "manifest.csv").read_text().startswith("part,sha256,picture")
    sheet = cv2.imread(str(tmp_path / "looks" / "examples-0000002.png"))
    assert sheet.shape == (32, 3 * 32, 3)  # one example: noisy, answered, clean
    assert (tmp_path / "looks" / "old-photos-0000002.png").is_file()
    assert cv2.imread(str(tmp_path / "curves.png")).std() > 0
    assert list((tmp_path / "board").glob("events*"))


def test_pictures_come_to_tensorboard(photos, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    fit(Run("damage", (str(photos),), out=str(tmp_path), **SMALL | {"side": 64}))
    events = accumulator.EventAccumulator(str(tmp_path / "board"))
    events.Reload()
    assert events.Tags()["images"] == ["examples"]
    assert {"loss", "score", "components_found"} <= set(events.Tags()["scalars"])


def test_curves_of_a_resumed_run_are_one(tmp_path):
    for version, rows in enumerate(["0,1.0\n1,2.0\n2,3.0\n", "2,5.0\n3,6.0\n"]):
        log = tmp_path / "log" / f"version_{version}" / "metrics.csv"
        log.parent.mkdir(parents=True)
        log.write_text("step,loss\n" + rows)
    assert curves.read_log(tmp_path) == {"loss": [(1, 1.0), (2, 2.0), (3, 5.0), (4, 6.0)]}
    drawn = curves.draw_curves(curves.read_log(tmp_path) | {"flat": [(1.0, 2.0), (9.0, 2.0)]})
    assert drawn.shape == (240, 880, 3)


def test_curves_and_looks_are_written_whatever_the_folder_is_called(tmp_path, monkeypatch):
    # On Windows OpenCV opens no file with a name outside of the code page.
    monkeypatch.setattr(cv2, "imwrite", lambda *_: False)
    folder = tmp_path / "Ж"
    folder.mkdir()
    drawn = cv2.imdecode(np.fromfile(curves.write_curves(folder), np.uint8), cv2.IMREAD_COLOR)
    assert drawn.shape == (240, 440, 3)
    shown = np.zeros((6, 8, 3), np.uint8)
    shown[..., 0] = 255
    watch.Looks(folder, [])._show(SimpleNamespace(global_step=7, loggers=[]), "examples", shown)
    data = np.fromfile(folder / "looks" / "examples-0000007.png", np.uint8)
    np.testing.assert_array_equal(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1], shown)


def test_a_loss_that_is_no_number_ends_the_run_and_spares_the_checkpoint(photos, tmp_path, capsys):
    line = ["denoise", "--data", str(photos), "--out", str(tmp_path), "--steps", "8"]
    line += ["--side", "32", "--batch", "1", "--workers", "0", "--every", "2", "--clip", "0"]
    assert main([*line, "--lr", "1e30", "--ema", "0", "--schedule", "constant"]) == 1
    assert "the loss became" in capsys.readouterr().err
    if (tmp_path / "last.ckpt").exists():
        state = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
        assert all(torch.isfinite(v).all() for v in state.values())


def test_a_side_that_the_network_cannot_halve_is_refused(photos, tmp_path):
    settings = SMALL | {"side": 40}
    with pytest.raises(ValueError, match="side must be a multiple of 16 for this network, got 40"):
        fit(Run("denoise", (str(photos),), out=str(tmp_path), **settings))
    with pytest.raises(ValueError, match="side must be a multiple of 16 for this network, got 72"):
        fit(Run("denoise", (str(photos),), out=str(tmp_path), sides=(64, 72), **SMALL))


def test_a_run_stops_where_nothing_gets_better(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(DenoiseTask, "measure", lambda self, batch: {"score": torch.tensor(1.0)})
    settings = SMALL | {"steps": 50, "every": 1, "patience": 2}
    last = fit(Run("denoise", (str(photos),), out=str(tmp_path), **settings))
    assert torch.load(last, weights_only=True)["global_step"] == 3


def test_compiling_keeps_names_and_answers(photos, tmp_path):
    states = []
    for backend in ("", "eager"):
        out = tmp_path / (backend or "plain")
        more = {"compile": backend, "precision": "fp32", **SMALL}
        last = fit(Run("denoise", (str(photos),), out=str(out), **more))
        states.append(torch.load(last, weights_only=True)["state_dict"])
    assert set(states[0]) == set(states[1])
    assert all(torch.allclose(states[0][k], states[1][k], atol=1e-5) for k in states[0])


def test_large_holes_are_large_and_leave_half():
    shares = [float(draw_large_holes((64, 96), np.random.default_rng(k)).mean()) for k in range(40)]
    assert 0.02 < np.median(shares) < 0.4 and max(shares) <= 0.5


def test_an_old_photo_is_looked_at_in_its_middle():
    seen = watch._middle(np.zeros((700, 130, 3), np.uint8))
    assert seen.shape == (1, 3, 512, 128)
    assert watch._middle(np.zeros((20, 30, 3), np.uint8)).shape == (1, 3, 64, 64)
