"""What counts as damaged when a photo is aged for measuring."""

import dataclasses

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.degrade import draw_aging
from unfade.evaluate import age_pair
from unfade.pairs import scanned
from unfade.photo import Photo
from unfade.pipeline import run
from unfade.recipe import Recipe

VISIBLE = 10 / 255


@pytest.fixture
def photo():
    coarse = np.random.default_rng(0).random((8, 8, 3)).astype(np.float32)
    return Photo(np.repeat(np.repeat(coarse, 16, axis=0), 16, axis=1))


def aging_with(*names):
    """A film's life with a JPEG in it, cut down to some of its stages."""
    seeds = (np.random.default_rng(seed) for seed in range(200))
    lives = (draw_aging(rng, "film-35mm", 0.9, size=(128, 128)) for rng in seeds)
    life = next(a for a in lives if set(names) <= {stage.name for stage in a})
    kept = tuple(stage for stage in life if stage.name in names)
    return dataclasses.replace(life, stages=kept)


def test_the_noise_of_a_jpeg_is_no_artefact(photo):
    aging = aging_with("particles", "jpeg")
    pair = age_pair(photo, aging, Darkroom())
    dry = Recipe("dry", tuple(stage for stage in aging if stage.name != "jpeg"))
    assert (pair.artifacts > 0).any()
    assert np.array_equal(pair.artifacts, age_pair(photo, dry, Darkroom()).artifacts)
    assert not np.array_equal(pair.aged.pixels, age_pair(photo, dry, Darkroom()).aged.pixels)


@pytest.mark.parametrize("turn", [1, -1])
def test_it_is_aged_as_the_aging_says_wherever_jpeg_comes(photo, turn):
    aging = aging_with("particles", "jpeg")
    aging = dataclasses.replace(aging, stages=aging.stages[::turn])
    whole = scanned(run(photo, aging, Darkroom()))
    assert np.array_equal(age_pair(photo, aging, Darkroom()).aged.pixels, whole.pixels)


def test_every_damaged_pixel_is_of_a_kind(photo):
    pair = age_pair(photo, aging_with("particles", "jpeg"), Darkroom())
    assert (pair.kinds[pair.artifacts >= VISIBLE] > 0).all()


def test_what_lies_beyond_white_is_not_seen(photo):
    white = Photo(np.ones((128, 128, 3), np.float32))
    pair = age_pair(white, aging_with("leaks"), Darkroom())
    shown = np.abs(pair.aged.pixels - 1).max(axis=2)
    assert np.array_equal(pair.artifacts, shown)


def test_an_aging_without_artefacts_leaves_none(photo):
    pair = age_pair(photo, aging_with("grain", "jpeg"), Darkroom())
    assert not pair.artifacts.any()
