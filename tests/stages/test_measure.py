import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.photo import Photo
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.stages.measure import MeasureGrain


def noisy(sigma, side=160):
    noise = np.random.default_rng(0).normal(0.5, sigma / 255, (side, side, 3))
    return Photo(noise.astype(np.float32))


def test_grain_is_measured_and_no_pixel_changed():
    photo = noisy(8)
    done = run(photo, Recipe("r", (MeasureGrain(),)), Darkroom())
    assert done.pixels is photo.pixels
    assert done.origin is None
    assert done.grain.level * 255 == pytest.approx(8, rel=0.1)


def test_evidence_says_how_much_and_how_coarse():
    edit = MeasureGrain()(noisy(8), Darkroom())
    assert edit.notes["evidence"].startswith(("grain 7.", "grain 8."))
    assert edit.notes["evidence"].endswith("/255, radius 0.0 px")


def test_grain_that_is_known_is_kept():
    done = run(noisy(8), Recipe("r", (MeasureGrain(), MeasureGrain())), Darkroom())
    assert done.history[1].notes["evidence"].endswith("known")
    assert done.history[0].notes["level"] == done.grain.level
