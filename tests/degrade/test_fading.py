"""Tests of fading as an aging stage."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.degrade.fading import MEDIA, FadeDyes, ToGrey, draw_fade, draw_grey
from unfade.film.density import to_density, unfade
from unfade.photo import Photo
from unfade.pipeline import run
from unfade.recipe import Recipe, Stage


def photo(channels: int = 3) -> Photo:
    rng = np.random.default_rng(3)
    return Photo(rng.uniform(0, 0.9, (40, 56, channels)).astype(np.float32))


@pytest.mark.parametrize("stage", [FadeDyes(), ToGrey()])
def test_aging_stages_keep_the_contract(stage: Stage) -> None:
    assert isinstance(stage, Stage)
    assert stage.look(photo(), Darkroom()).needed


@pytest.mark.parametrize("medium", ["", *MEDIA])
def test_fading_replays_from_its_history(medium: str) -> None:
    stage = draw_fade(np.random.default_rng(5), 0.8, medium)
    known = {"fade": FadeDyes}
    once = run(photo(), Recipe("aging", (stage,)), Darkroom())
    again = Recipe.from_toml(Recipe("aging", (stage,)).to_toml(), known)
    assert again.stages == (FadeDyes(**once.history[0].settings),) == (stage,)
    assert np.array_equal(run(photo(), again, Darkroom()).pixels, once.pixels)


def test_the_same_seed_draws_the_same_fade() -> None:
    first, second = (draw_fade(np.random.default_rng(9), 0.6) for _ in range(2))
    assert first == second != draw_fade(np.random.default_rng(10), 0.6)


@pytest.mark.parametrize("medium", MEDIA)
def test_worse_fading_changes_more(medium: str) -> None:
    def change(severity: float) -> float:
        clean = photo()
        stages = [draw_fade(np.random.default_rng(s), severity, medium) for s in range(30)]
        edits = [stage(clean, Darkroom()) for stage in stages]
        return float(np.mean([abs(e.pixels - clean.pixels).mean() for e in edits]))

    assert change(0) < 1e-6
    assert change(0.2) < change(0.6) < change(1.0)
    assert 0.05 < change(0.6) < 0.3


def test_a_drawn_fade_can_be_undone() -> None:
    rng = np.random.default_rng(2)
    clean = photo().pixels
    for _ in range(50):
        stage = draw_fade(rng, 1.0)
        faded = stage(Photo(clean), Darkroom()).pixels
        inside = ((faded > 0) & (faded < 1)).all(axis=2)
        assert abs(unfade(faded, stage.fade) - clean)[inside].max() < 2e-3


def test_silver_prints_lose_density_evenly_and_yellow() -> None:
    stages = [draw_fade(np.random.default_rng(s), 1.0, "silver") for s in range(200)]
    assert np.median([np.ptp(stage.dye) for stage in stages]) < 0.1
    assert np.mean([stage.base[2] > stage.base[0] for stage in stages]) > 0.95


def test_slides_keep_magenta_most_often() -> None:
    stages = [draw_fade(np.random.default_rng(s), 1.0, "slide") for s in range(200)]
    assert np.mean([np.argmax(stage.dye) == 1 for stage in stages]) > 0.7


def test_grey_is_neutral_and_a_tone_keeps_white_white() -> None:
    white = Photo(np.ones((4, 4, 3), np.float32))
    sepia = ToGrey(tone=(0.8, 1.0, 1.4))
    grey = ToGrey()(photo(), Darkroom()).pixels
    assert np.ptp(grey, axis=2).max() == 0
    assert np.allclose(sepia(white, Darkroom()).pixels, 1, atol=1e-6)
    toned = sepia(photo(), Darkroom()).pixels
    inside = toned.min(axis=2) > 0
    ratio = to_density(toned)[inside] / to_density(grey)[inside]
    assert inside.mean() > 0.9 and np.allclose(ratio, [0.8, 1.0, 1.4], atol=1e-2)


def test_grey_photos_stay_as_they_are() -> None:
    grey = photo(1)
    assert ToGrey(tone=(0.8, 1, 1.4))(grey, Darkroom()).pixels is grey.pixels


def test_some_grey_prints_are_toned() -> None:
    stages = [draw_grey(np.random.default_rng(s)) for s in range(100)]
    assert 0.3 < np.mean([stage.tone == (1.0, 1.0, 1.0) for stage in stages]) < 0.7


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (FadeDyes, {"dye": (0.0, 1.0, 1.0)}),
        (FadeDyes, {"field": (0.1, 0.2)}),
        (ToGrey, {"weights": (0.0, 0.0, 0.0)}),
        (ToGrey, {"tone": (1.0, 9.0, 1.0)}),
    ],
)
def test_impossible_settings_are_refused(kind: type, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        dataclasses.replace(kind(), **wrong)
    with pytest.raises(ValueError):
        draw_fade(np.random.default_rng(0), 1.5)
    with pytest.raises(ValueError):
        draw_fade(np.random.default_rng(0), 0.5, "daguerreotype")
