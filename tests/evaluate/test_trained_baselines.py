"""Networks that only exist to be compared with: as published at full size, and they learn."""

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def scripts(monkeypatch):
    """The modules beside the benchmarks, found as the scripts themselves find them."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import operation_attention
    import translation

    yield operation_attention, translation
    for name in ("operation_attention", "translation"):
        sys.modules.pop(name)


def count(net):
    return sum(p.numel() for p in net.parameters())


def test_generators_and_discriminator_count_as_published(scripts):
    _, translation = scripts
    full = (64, 128, 256, 512, 512, 512, 512, 512)
    with torch.device("meta"):
        assert count(translation.SkipGenerator(full)) == 54_413_955
        assert count(translation.ResidualGenerator(64, 9)) == 11_378_179
        assert count(translation.Patches(3, 64)) == 2_764_737


def test_every_one_of_them_comes_nearer_to_what_it_is_shown(scripts):
    operation_attention, translation = scripts
    torch.manual_seed(0)
    clean = torch.rand(2, 3, 64, 64).round()
    dim = 0.25 + 0.5 * clean
    paired = translation.Pix2Pix(60)
    errors = [paired.step(dim, clean) for _ in range(16)]
    assert errors[-1] < 0.95 * errors[0]
    unpaired = translation.CycleGan(60)
    errors = [unpaired.step(dim, clean) for _ in range(5)]
    assert errors[-1] < 0.95 * errors[0]
    net = operation_attention.OperationAttention(1, 8)
    optimizer = torch.optim.Adam(net.parameters(), 3e-2)
    errors, (dim, clean) = [], (picture[..., :32, :32] for picture in (dim, clean))
    for _ in range(15):
        error = (dim + net(dim) - clean).abs().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(float(error.detach()))
    assert errors[-1] < 0.95 * errors[0]


def test_a_generator_answers_with_the_change_to_the_picture(scripts):
    _, translation = scripts

    class White(torch.nn.Module):
        def forward(self, x):
            return torch.ones_like(x)

    change = translation.Change(White(), 4)(torch.full((1, 3, 8, 8), 0.25))
    assert torch.allclose(change, torch.tensor(0.75))


def test_what_is_exported_is_asked_as_a_method_and_answers_alike(scripts, tmp_path):
    import dataclasses
    from argparse import Namespace

    import numpy as np

    import baselines
    from unfade.darkroom import Darkroom
    from unfade.evaluate.cases import open_case, real_cases
    from unfade.evaluate.networks import RunNetwork
    from unfade.io.write import write
    from unfade.photo import Photo
    from unfade.train.export import export

    _, translation = scripts
    torch.manual_seed(0)
    generator = translation.SkipGenerator((4, 4, 8, 8))
    translation.scatter(generator)
    budget = Namespace(steps=1, batch=1, side=64)
    net, card = baselines.finished(translation.Change(generator, 16), "x", 16, budget)
    card = dataclasses.replace(card, name="small")
    path = export(net, card, tmp_path, torch.rand(1, 3, 32, 48))
    (tmp_path / "photos").mkdir()
    pixels = np.linspace(0, 1, 48 * 64 * 3).reshape(48, 64, 3).astype(np.float32)
    write(Photo(pixels), tmp_path / "photos" / "a.png")
    room = Darkroom("openvino-fp32", threads=1)
    asked = open_case(real_cases(tmp_path / "photos")[0], room)
    answer = RunNetwork(path)(asked, room).pixels
    given = torch.from_numpy(asked.given.pixels.transpose(2, 0, 1))[None]
    with torch.no_grad():
        expected = (given + net(given)).clamp(0, 1)[0].permute(1, 2, 0).numpy()
    assert abs(answer - expected).max() < 5e-3
    sys.modules.pop("baselines")


def test_an_error_that_is_not_a_number_ends_the_training(scripts):
    import baselines

    with pytest.raises(SystemExit, match="not a number at step 2"):
        steps = iter([0.5, float("nan"), 0.5])
        baselines.learn("x", lambda a, b: next(steps), iter([(None, None)] * 3), 3)
    sys.modules.pop("baselines")


def test_what_a_run_took_is_told_only_if_it_was_not_stopped(scripts, tmp_path):
    import json
    from argparse import Namespace

    import baselines

    args = Namespace(out=tmp_path, steps=8, batch=2, side=64)
    assert not baselines.goes_on("unet", args) and not baselines.goes_on("pix2pix", args)
    (tmp_path / "runs" / "damage-unet").mkdir(parents=True)
    (tmp_path / "runs" / "damage-unet" / "last.ckpt").touch()
    assert baselines.goes_on("unet", args) and not baselines.goes_on("attention-unet", args)
    net = torch.nn.Linear(2, 2, bias=False)
    baselines.note(args, "unet", net, None)
    baselines.note(args, "pix2pix", net, 1.5)
    told = json.loads((tmp_path / "baselines.json").read_text("utf-8"))
    common = {"steps": 8, "batch": 2, "side": 64, "parameters": 4}
    assert told == {"unet": common, "pix2pix": common | {"processor_seconds": 1.5}}
    sys.modules.pop("baselines")
