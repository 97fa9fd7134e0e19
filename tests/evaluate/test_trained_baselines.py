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
    errors = [paired.step(dim, clean) for _ in range(40)]
    assert errors[-1] < 0.9 * errors[0]
    unpaired = translation.CycleGan(60)
    errors = [unpaired.step(dim, clean) for _ in range(8)]
    assert errors[-1] < 0.9 * errors[0]
    net = operation_attention.OperationAttention(1, 8)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    errors = []
    for _ in range(30):
        error = (dim + net(dim) - clean).abs().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(float(error.detach()))
    assert errors[-1] < 0.9 * errors[0]


def test_a_generator_answers_with_the_change_to_the_picture(scripts):
    _, translation = scripts

    class White(torch.nn.Module):
        def forward(self, x):
            return torch.ones_like(x)

    change = translation.Change(White(), 4)(torch.full((1, 3, 8, 8), 0.25))
    assert torch.allclose(change, torch.tensor(0.75))
