"""A run that begins with weights begins with what they know, and goes on as exactly."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("onnx")

from unfade.models.card import ModelCard  # noqa: E402
from unfade.train import export, watch  # noqa: E402
from unfade.train.fit import begin, fit  # noqa: E402
from unfade.train.loaders import first_examples, read_material  # noqa: E402
from unfade.train.run import Run  # noqa: E402
from unfade.train.seen import seen_by  # noqa: E402
from unfade.train.tasks import channels, make_network, make_task  # noqa: E402

SMALL = {"steps": 4, "batch": 2, "side": 64, "every": 2, "workers": 0, "threads": 1}


def a_run(photos, out="", task="damage", **more):
    return Run(task, (str(photos),), out=str(out), **{**SMALL, "precision": "fp32", **more})


@pytest.fixture(scope="module")
def shipped(photos, tmp_path_factory):
    """A damage network as it ships, that has seen something, with its card."""
    folder = tmp_path_factory.mktemp("shipped")
    run = a_run(photos)
    net = make_network(run)
    for _ in range(3):
        net.train()(0.6 + 0.2 * torch.rand(2, 3, 64, 64))
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.mul_(0.3)
                module.running_var.mul_(4)
    whole = export.Probability(net).eval()
    card = ModelCard("damage", "damage", "", preset=run.preset, channels_out=channels(run)[1])
    return export.export(whole, card, folder)


@pytest.mark.parametrize("more", [{}, {"kinds": False}], ids=["the same", "kin"])
def test_what_was_learned_survives_training_mode(more, photos, shipped):
    run = a_run(photos, init=str(shipped), **more)
    material, task = read_material(run), make_task(run)
    begin(run, task, material)
    assert all(module.training for module in task.modules())
    batch = first_examples(run, material)
    with torch.no_grad():
        trained, evaluated = float(task.loss(batch)), float(task.eval().loss(batch))
    assert trained == pytest.approx(evaluated, rel=0.02)


@pytest.mark.parametrize(
    ("task", "more"), [("damage", {"kinds": False}), ("veils", {})], ids=["no kinds", "veils"]
)
def test_a_killed_run_that_began_with_kin_ends_like_an_uninterrupted_one(
    task, more, photos, shipped, tmp_path, monkeypatch
):
    class Killed(Exception):
        pass

    def die(self, trainer, *rest):
        if trainer.global_step == 3:
            raise Killed

    more = {"init": str(shipped), **more}
    fit(a_run(photos, tmp_path / "whole", task, **more))
    with monkeypatch.context() as patch:
        patch.setattr(watch.StopOnNan, "on_train_batch_end", die)
        with pytest.raises(Killed):
            fit(a_run(photos, tmp_path / "killed", task, **more))
    fit(a_run(photos, tmp_path / "killed", task, **more))
    states = [
        torch.load(tmp_path / name / "last.ckpt", weights_only=True) for name in ("whole", "killed")
    ]
    for key in ("state_dict", "current_model_state"):
        ours, theirs = (state[key] for state in states)
        assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []


@pytest.mark.parametrize(
    ("task", "more", "shape"),
    [
        ("restore", {"mode": "grey"}, (16, 1, 64, 64)),
        ("inpaint", {}, (16, 4, 64, 64)),
        ("verify", {}, None),
        ("fading", {}, (16, 3, 128, 128)),
    ],
)
def test_a_task_says_what_its_network_sees(task, more, shape, photos):
    run = a_run(photos, task=task, **more)
    material, made = read_material(run), make_task(run)
    seen = seen_by(made, first_examples(run, material))
    assert seen.dtype == torch.float32
    assert tuple(seen.shape) == (shape or (16 * 12, 9, 64, 64)) or seen.shape[1] == channels(run)[0]
    assert not made.net._forward_pre_hooks


def test_kept_norms_learn_all_but_their_statistics(photos, shipped, tmp_path):
    run = a_run(photos, tmp_path / "run", init=str(shipped), norms="kept", ema=0.0)
    task = make_task(run)
    begin(run, task, read_material(run))
    before = {name: value.clone() for name, value in task.net.state_dict().items()}
    after = torch.load(fit(run), weights_only=True)["state_dict"]
    changed = {n for n, value in before.items() if not torch.equal(value, after[f"net.{n}"])}
    assert not any("running" in name or "tracked" in name for name in changed)
    assert {n for n in before if n.endswith("weight")} <= changed


def test_units_that_never_fire_begin_anew_if_asked_for(photos, shipped, tmp_path):
    run = a_run(photos, init=str(shipped))
    material, silent = read_material(run), make_task(run)
    begin(run, silent, material)
    with torch.no_grad():
        norm = silent.net.down[1][0][1]
        norm.weight[:5], norm.bias[:5] = 0, -3
    torch.save(silent.net.state_dict(), tmp_path / "silent.pth")
    told, losses, weights = {}, {}, {}
    for asked in (False, True):
        run = a_run(photos, init=str(tmp_path / "silent.pth"), revive=asked)
        task = make_task(run)
        told[asked] = begin(run, task, material)
        weights[asked] = task.net.down[1][0][1].bias[:5]
        with torch.no_grad():
            losses[asked] = float(task.eval().loss(first_examples(run, material)))
    assert told[True].startswith(told[False])
    assert told[True].endswith(" units that never fire begin anew")
    assert losses[True] == pytest.approx(losses[False], abs=1e-3)
    assert (weights[False] != weights[True]).all()


def test_only_weights_to_begin_with_can_be_revived(photos):
    with pytest.raises(ValueError, match="--revive is for weights to begin with; give --init"):
        a_run(photos, revive=True)


@pytest.mark.parametrize(("lr", "worse"), [(1e-12, False), (0.05, True)])
def test_a_run_says_how_good_its_beginning_is_and_whether_it_fell_behind(
    lr, worse, photos, tmp_path
):
    run = a_run(photos, tmp_path / "run", "denoise", init="denoise", lr=lr, ema=0.0)
    told: list[str] = []
    fit(run, told.append)
    (beginning,) = (line for line in told if line.startswith("the beginning has a score of"))
    checked = [line.partition("score ")[2].partition(",")[0] for line in told if "step " in line]
    scores = [float(score) for score in checked if score]
    begun = float(beginning.rpartition(" ")[2])
    assert len(scores) == 2
    assert (max(scores) == pytest.approx(begun, rel=1e-3)) != worse
    assert any("no check is as good" in line for line in told) == worse
