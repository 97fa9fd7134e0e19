"""The shapes that are timed are the published ones: parameters count as published."""

import importlib.util
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "published.py"


@pytest.fixture(scope="module")
def published():
    spec = importlib.util.spec_from_file_location("published", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def count(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("ScratchDetector", 37_626_177),
        ("Encoder", 436_096),
        ("Decoder", 436_035),
        ("Mapping", 51_344_704),
        ("FaceGenerator", 92_059_587),
    ],
)
def test_parameters_count_as_published(published, name, parameters):
    with torch.device("meta"):
        assert count(getattr(published, name)()) == parameters


def test_sizes_come_out_as_they_went_in(published):
    with torch.no_grad():
        latent = published.Encoder()(torch.rand(1, 3, 32, 48))
        assert latent.shape == (1, 64, 8, 12)
        assert published.Decoder()(latent).shape == (1, 3, 32, 48)
        detector = published.ScratchDetector((4, 8, 16, 32, 64))
        assert detector(torch.rand(1, 1, 32, 48)).shape == (1, 1, 32, 48)
        mapping = published.Mapping((64, 8, 8, 8, 8))
        mask = torch.zeros(1, 1, 32, 48)
        mask[..., 4:8, 4:8] = 1
        assert mapping(latent, mask).shape == latent.shape


def test_pixels_outside_the_holes_keep_what_they_were_and_holes_do_not_count(published):
    torch.manual_seed(0)
    attention = published.PartialNonLocal(8)
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 8:16, 8:16] = 1
    x = torch.rand(1, 8, 8, 8)
    with torch.no_grad():
        answer = attention(x, mask)
        changed = (answer != x).any(1)[0]
        inside = torch.nn.functional.interpolate(mask, (8, 8), mode="bilinear")[0, 0] > 0
        assert torch.equal(changed, inside)
