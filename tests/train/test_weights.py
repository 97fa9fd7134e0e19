"""Weights to begin with: what fits is taken, what does not is said."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("onnx")

from unfade.errors import ModelError  # noqa: E402
from unfade.models.card import ModelCard  # noqa: E402
from unfade.models.zoo import SHIPPED  # noqa: E402
from unfade.train import export  # noqa: E402
from unfade.train.fading import FadingNet  # noqa: E402
from unfade.train.fit import fit, main  # noqa: E402
from unfade.train.nets import ResidualNet, Restormer, SegmentationNet, UNet  # noqa: E402
from unfade.train.nets.restormer import Shape  # noqa: E402
from unfade.train.run import Run  # noqa: E402
from unfade.train.tasks import channels, make_network, sample_input  # noqa: E402
from unfade.train.weights import (  # noqa: E402
    begin_with,
    card_beside,
    find_weights,
    hold,
    read_state,
    settle,
)

TINY = (4, 6, 8)
SAMPLE = torch.rand(1, 3, 32, 32)
PICTURE = np.zeros((8, 8, 3), np.uint8)


def write_picture(place):
    place.write_bytes(cv2.imencode(".webp", PICTURE)[1].tobytes())


def unlike(net):
    """Give a network numbers as if it had been trained."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if value.is_floating_point():
                noise = torch.rand(value.shape, generator=generator)
                value.copy_(noise + 0.5 if "var" in name else (noise - 0.5) * 0.6)
    return net


def test_a_run_folder_gives_its_best_weights(photos, tmp_path):
    settings = {"steps": 1, "every": 1, "side": 32, "batch": 1, "workers": 0, "threads": 1}
    fit(Run("denoise", (str(photos),), out=str(tmp_path), **settings))
    best = torch.load(tmp_path / "best.ckpt", weights_only=True)["state_dict"]
    state = read_state(tmp_path)
    assert {f"net.{k}" for k in state} == set(best)
    net = ResidualNet((32, 48, 64, 96), blocks=1)
    taken = begin_with(net, tmp_path, SAMPLE)
    assert (len(taken.taken), taken.fresh, taken.unused) == (len(state), (), ())
    assert str(taken) == f"{len(state)} of {len(state)} tensors taken"
    told = []
    other = tmp_path / "other"
    run = Run("restore", (str(photos),), init=str(tmp_path), out=str(other), **settings)
    fit(run, told.append)
    assert "tensors taken" in told[0] and "begin fresh" in told[0]


def test_what_fits_of_another_task_is_taken_and_the_rest_is_named(tmp_path):
    denoise = unlike(ResidualNet(TINY, 3, 3, 1))
    torch.save(
        {"state_dict": {f"net.{k}": v for k, v in denoise.state_dict().items()}},
        tmp_path / "denoise.ckpt",
    )
    inpaint = ResidualNet((*TINY, 10), 4, 3, 1)
    taken = begin_with(inpaint, tmp_path / "denoise.ckpt", SAMPLE)
    assert torch.equal(inpaint.encode[1][0].first.weight, denoise.encode[1][0].first.weight)
    assert "first.weight" in taken.fresh and "first.weight" in taken.unused
    assert "encode.3.0.first.weight" in taken.fresh
    assert "begin fresh: first.weight, " in str(taken)


def test_a_wider_network_begins_with_the_answers_of_a_narrow_one(tmp_path):
    narrow, wide = SegmentationNet((4, 6, 8), 3, 2), SegmentationNet((4, 8, 12), 3, 2)
    sample = torch.rand(2, 3, 32, 32)
    for _ in range(3):
        narrow(sample)  # Its normalization has seen something.
    torch.save(narrow.state_dict(), tmp_path / "narrow.pth")
    taken = begin_with(wide, tmp_path / "narrow.pth", sample[:1])
    assert not taken.fresh
    for mode in ("eval", "train"):
        answers = [getattr(net, mode)()(sample) for net in (narrow, wide)]
        assert torch.allclose(*answers, atol=1e-5)
    wide(sample).square().mean().backward()
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0 for p in wide.parameters() if p.ndim > 1
    )


def test_official_files_of_restormer_are_begun_with(tmp_path):
    shape = Shape(width=8, blocks=(1,) * 4, back=(1,) * 4)
    official = unlike(Restormer(shape))
    torch.save({"params": official.state_dict()}, tmp_path / "deraining.pth")
    net = Restormer(shape)
    assert begin_with(net, tmp_path / "deraining.pth", SAMPLE).fresh == ()
    assert torch.equal(net(SAMPLE), official(SAMPLE))


def test_popular_u_net_files_are_begun_with(tmp_path):
    widths = (4, 6, 8, 8, 8)
    net = UNet(widths)
    theirs = {}
    for level in range(1, 6):
        for key, value in net.encode[level - 1].state_dict().items():
            theirs[f"Conv{level}.conv.{key}"] = value
    for level in range(2, 6):
        for key, value in net.decode[level - 2].state_dict().items():
            theirs[f"Up_conv{level}.conv.{key}"] = value
        for key, value in net.grow[level - 2].state_dict().items():
            theirs[f"Up{level}.up.{key}"] = value
    theirs |= {f"Conv_1x1.{k}": v for k, v in net.head.state_dict().items()}
    torch.save({f"module.{k}": v for k, v in theirs.items()}, tmp_path / "unet.pth")
    fresh = UNet(widths)
    assert begin_with(fresh, tmp_path / "unet.pth", SAMPLE).fresh == ()
    assert torch.equal(fresh.eval()(SAMPLE), net.eval()(SAMPLE))


@pytest.mark.parametrize("outputs", [1, 4])
def test_a_shipped_network_is_read_back_from_its_onnx_file(outputs, tmp_path):
    net = unlike(SegmentationNet(TINY, 3, outputs)).eval()
    card = ModelCard("damage", "damage", "", channels_out=outputs)
    path = export.export(export.Probability(net).eval(), card, tmp_path)
    fresh = SegmentationNet(TINY, 3, outputs)
    begin_with(fresh, path, SAMPLE)
    assert fresh.training
    with torch.no_grad():
        assert torch.allclose(fresh.eval()(SAMPLE), net(SAMPLE), atol=0.02, rtol=0.01)


def test_weights_read_back_survive_the_first_step_of_training(tmp_path):
    net = unlike(SegmentationNet(TINY, 3, 1)).eval()
    path = export.export(
        export.Probability(net).eval(), ModelCard("damage", "damage", ""), tmp_path
    )
    fresh, inputs = SegmentationNet(TINY, 3, 1), torch.rand(16, 3, 32, 32)
    begin_with(fresh, path, SAMPLE)
    with torch.no_grad():
        before, lost = fresh.eval()(inputs), fresh.train()(inputs)
        begin_with(fresh, path, SAMPLE)
        settle(fresh, inputs)
        assert fresh.training
        kept = fresh(inputs)
        assert torch.allclose(fresh.eval()(inputs), before, atol=1e-4)
    assert (lost - before).abs().mean() > 0.1
    assert (kept - before).abs().mean() < 0.001


@pytest.mark.parametrize(
    "net",
    [
        pytest.param(lambda: UNet(TINY, recurrent=True), id="recurrent"),
        pytest.param(FadingNet, id="fading"),
    ],
)
def test_every_kind_of_normalization_can_keep_its_statistics(net):
    held = net().train()
    hold(held)
    before = {name: value.clone() for name, value in held.named_buffers() if "running" in name}
    held(torch.rand(2, 3, 128, 128))
    assert before and all(torch.equal(held.get_buffer(name), old) for name, old in before.items())
    assert any(module.training for module in held.modules())


def test_a_network_of_another_shape_leaves_training_on(tmp_path):
    net = unlike(SegmentationNet(TINY, 3, 1)).eval()
    path = export.export(
        export.Probability(net).eval(), ModelCard("damage", "damage", ""), tmp_path
    )
    other = SegmentationNet((5, 6, 8), 3, 1)
    with pytest.raises(ModelError):
        begin_with(other, path, SAMPLE)
    assert all(module.training for module in other.modules())


def test_a_network_without_normalization_is_read_back_too(tmp_path):
    net = unlike(ResidualNet(TINY, 3, 3, 1)).eval()
    path = export.export(net, ModelCard("denoise", "denoise", ""), tmp_path)
    fresh = ResidualNet(TINY, 3, 3, 1)
    begin_with(fresh, path, SAMPLE)
    assert torch.allclose(fresh(SAMPLE), net(SAMPLE), atol=0.01)
    with pytest.raises(ModelError, match=r"that are not the .* of this network; give the --net"):
        begin_with(ResidualNet((4, 6, 8, 8), 3, 3, 1), path, SAMPLE)


def test_weights_may_be_named_as_the_models_are(tmp_path):
    assert find_weights(str(tmp_path)) == tmp_path
    assert find_weights("missing.ckpt") == Path("missing.ckpt")
    assert find_weights("inpaint") == SHIPPED / "inpaint.onnx"
    with pytest.raises(ModelError, match="no model 'nothing'; known: "):
        find_weights("nothing")


@pytest.mark.parametrize(
    ("write", "complaint"),
    [
        (lambda p: None, "no such file"),
        (write_picture, "cannot be read as weights"),
        (lambda p: p.write_bytes(b"nothing"), "cannot be read as weights"),
        (lambda p: p.mkdir(), "holds neither best.ckpt nor last.ckpt"),
        (lambda p: torch.save([1, 2], p), "holds a list, expected a state dict"),
        (lambda p: torch.save({"epoch": 3}, p), "holds no weights; its keys are epoch"),
        (lambda p: torch.save({"head.weight": torch.zeros(9)}, p), "nothing in .* fits"),
    ],
)
def test_what_is_no_weights_is_said(write, complaint, tmp_path):
    place = tmp_path / "weights.pth"
    write(place)
    with pytest.raises(ModelError, match=complaint):
        begin_with(UNet((4, 6, 8)), place, SAMPLE)


def test_code_in_a_file_of_weights_is_never_run(tmp_path):
    place = tmp_path / "evil.pth"

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"params": Evil()}, place)
    with pytest.raises(ModelError, match="cannot be read as weights"):
        begin_with(UNet((4, 6, 8)), place, SAMPLE)
    assert not (tmp_path / "ran").exists()


def test_the_command_says_what_is_wrong_in_one_line(photos, tmp_path, capsys):
    line = ["denoise", "--data", str(photos), "--init", str(tmp_path / "none.ckpt")]
    assert main([*line, "--out", str(tmp_path / "run"), "--workers", "0"]) == 1
    assert "none.ckpt: no such file" in "".join(capsys.readouterr())


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_the_average_of_two_networks_lies_between_them(share):
    net, other = unlike(SegmentationNet(TINY)), SegmentationNet(TINY)
    other.train()(torch.rand(2, 3, 32, 32))
    ours = {k: v.clone() for k, v in net.state_dict().items()}
    mixed = export.averaged(net, other, share).state_dict()
    for name, theirs in other.state_dict().items():
        if theirs.is_floating_point():
            torch.testing.assert_close(mixed[name], ours[name] * (1 - share) + theirs * share)
        else:
            assert torch.equal(mixed[name], ours[name])


def test_networks_that_are_not_alike_are_not_averaged():
    with pytest.raises(ModelError, match="same task, kind and preset"):
        export.averaged(SegmentationNet(TINY), SegmentationNet((4, 6, 10)), 0.5)


def test_a_share_beyond_the_whole_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(export, "open_run", lambda *_: (None, None))
    with pytest.raises(SystemExit):
        export.main([str(tmp_path), "--average", "x", "--share", "1.5", "-o", str(tmp_path)])
    assert "--share must be within 0 to 1, got 1.5" in capsys.readouterr().err


def test_export_averages_two_runs(photos, tmp_path):
    settings = {"steps": 2, "every": 2, "side": 32, "batch": 1, "workers": 0, "threads": 1}
    runs = [tmp_path / "a", tmp_path / "b"]
    for number, out in enumerate(runs):
        fit(Run("denoise", (str(photos),), out=str(out), seed=number, lr=0.05, **settings))
    words = [str(runs[0]), "--average", str(runs[1]), "--share", "0.25"]
    assert export.main([*words, "-o", str(tmp_path / "mixed")]) == 0
    card = ModelCard.from_toml((tmp_path / "mixed" / "denoise.toml").read_text("utf-8"))
    first, _, second = card.command.partition("; averaged with 0.25 of ")
    assert first.startswith("unfade train denoise") and "--seed" not in first
    assert second.startswith("unfade train denoise") and "--seed 1" in second
    kept = [read_state(run / "last.ckpt")["last.weight"] for run in runs]
    found = ResidualNet((32, 48, 64, 96), blocks=1)
    begin_with(found, tmp_path / "mixed" / "denoise.onnx", SAMPLE)
    torch.testing.assert_close(
        found.last.weight, 0.75 * kept[0] + 0.25 * kept[1], atol=1e-3, rtol=1e-2
    )
    assert not torch.allclose(found.last.weight, kept[0], atol=1e-4)


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_a_run_is_averaged_with_the_network_that_ships(photos, tmp_path, share):
    """A network with normalization: what ships has none left, and the run still has."""
    out, mixed = tmp_path / "run", tmp_path / "mixed"
    settings = {"steps": 2, "every": 2, "side": 64, "batch": 2, "workers": 0, "threads": 1}
    fit(Run("damage", (str(photos),), out=str(out), init="damage", lr=0.001, **settings))
    words = ["--average", "damage", "--share", str(share), "-o", str(mixed)]
    assert export.main([str(out), *words]) == 0
    assert export.main([str(out), "-o", str(tmp_path / "alone")]) == 0
    places = tmp_path / "alone" / "damage.onnx", mixed / "damage.onnx", find_weights("damage")
    ours, found, theirs = (opened(path).state_dict() for path in places)
    told = card_beside(places[1]).command
    assert told.endswith(
        f"; averaged with {share:g} of damage {card_beside(places[2]).sha256[:12]}"
    )
    for name in (name for name in ours if name.endswith("0.weight")):
        expected = torch.lerp(ours[name], theirs[name], share)
        torch.testing.assert_close(found[name], expected, atol=2e-3, rtol=2e-2)
    assert not torch.allclose(ours["head.weight"], theirs["head.weight"])


def opened(path):
    """A damage network from its ONNX file."""
    net = make_network(Run("damage", ("photos",))).eval()
    begin_with(net, path, SAMPLE)
    return net


def test_averaging_takes_a_network_of_whatever_kind():
    """What tells fading is not among the networks that are made by name."""
    path = find_weights("fading")
    card = card_beside(path)
    sample = sample_input("fading", 3)
    expected = FadingNet(card.preset).eval()
    begin_with(expected, path, sample)
    mixed = export.averaged_with(FadingNet(card.preset).eval(), card, path, 1.0)
    with torch.no_grad():
        torch.testing.assert_close(mixed(sample), expected(sample), atol=1e-3, rtol=1e-3)


def test_weights_without_their_card_are_not_opened(tmp_path):
    path = tmp_path / "damage.onnx"
    path.write_bytes(find_weights("damage").read_bytes())
    with pytest.raises(ModelError, match=r"damage\.toml is missing"):
        card_beside(path)


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.onnx")))
def test_training_can_begin_with_what_ships(name):
    """Loading compares the answers of both, so what was left out would be noticed."""
    path = find_weights(name)
    card = ModelCard.from_toml(path.with_suffix(".toml").read_text("utf-8"))
    run = Run(card.task, ("photos",), preset=card.preset)
    taken = begin_with(make_network(run), path, sample_input(run.task, channels(run)[0]))
    assert not taken.fresh


def test_training_can_begin_with_what_ships_for_another_task():
    run = Run("veils", ("photos",))
    net = make_network(run)
    taken = begin_with(net, find_weights("damage"), sample_input(run.task, 3))
    assert taken.fresh == taken.unused == ("head.weight", "head.bias")
    kept = net.state_dict()["down.0.0.0.weight"]
    damage = make_network(Run("damage", ("photos",)))
    begin_with(damage, find_weights("damage"), SAMPLE)
    assert torch.equal(kept, damage.state_dict()["down.0.0.0.weight"])
