"""Networks that learn from the one photo, and scans of any size."""

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unfade.metrics import psnr  # noqa: E402
from unfade.photo import Photo  # noqa: E402

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def beside(monkeypatch):
    """Import a script as it would be imported by the others beside it."""
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield lambda name: __import__(name)
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "x").parent == FOLDER:
            del sys.modules[name]


def test_hidden_pixels_are_every_pixel_once(beside):
    script = beside("one_photo")
    parts = [script.grid(torch.zeros(1, 3, 8, 12), phase) for phase in range(script.GRID**2)]
    assert torch.equal(sum(parts), torch.ones(1, 1, 8, 12))


def test_a_guess_does_not_know_the_pixel_it_is_about(beside):
    script = beside("one_photo")
    net = torch.nn.Conv2d(1, 1, 3, padding=1)
    picture = torch.rand(1, 1, 16, 16)
    hidden = script.grid(picture, 5)
    other = torch.where(hidden > 0, torch.rand_like(picture), picture)
    with torch.no_grad():
        told, again = (script.guessed(net, p, hidden) * hidden for p in (picture, other))
    assert torch.allclose(told, again)


def test_guessing_takes_noise_away(beside):
    script = beside("one_photo")
    torch.manual_seed(0)
    y, x = np.mgrid[:24, :32].astype(np.float32)
    clean = np.stack([0.5 + 0.3 * np.sin(x / 9 + k) * np.cos(y / 7) for k in range(3)], axis=2)
    noisy = clean + np.random.default_rng(0).normal(0, 0.1, clean.shape).astype(np.float32)
    restored = script.blind_spot(Photo(np.clip(noisy, 0, 1)), 40)
    assert restored.shape == clean.shape
    assert psnr(restored, clean) > psnr(np.clip(noisy, 0, 1), clean) + 2


def test_the_prior_draws_inside_the_marks_alone(beside, monkeypatch):
    script = beside("one_photo")
    torch.manual_seed(0)
    pixels = np.full((36, 50, 3), 0.25, np.float32)
    pixels[10:14] = 1
    marks = (pixels[:, :, 0] == 1).astype(np.float32)

    def found(photo, recipe, room):
        return Photo(photo.pixels, damage=marks)

    monkeypatch.setattr(script, "run", found)
    restored = script.prior(Photo(pixels), 25)
    assert np.array_equal(restored[marks == 0], pixels[marks == 0])
    assert abs(restored[marks > 0] - 0.25).mean() < 0.2


def test_a_scan_is_cut_or_repeated_to_the_size_asked(beside, tmp_path):
    pyvips = pytest.importorskip("pyvips")
    script = beside("scaling")
    source = tmp_path / "a.jpg"
    (pyvips.Image.black(600, 400, bands=3) + 80).cast("uchar").jpegsave(str(source))
    for megapixels in (0.06, 1.5):
        target = tmp_path / f"{megapixels}.jpg"
        size = script.resize(source, target, megapixels)
        made = pyvips.Image.new_from_file(str(target))
        assert size == made.width * made.height / 1e6 == pytest.approx(megapixels, rel=0.01)
        assert made.width / made.height == pytest.approx(1.5, rel=0.01)
        assert made.avg() == pytest.approx(80, abs=1)
