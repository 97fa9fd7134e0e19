"""Tests of what the network that sees the whole photo learns from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.degrade.veils import draw_veil  # noqa: E402
from unfade.recipe import Recipe  # noqa: E402
from unfade.train import overview as module  # noqa: E402
from unfade.train.aging import LARGE, draw_any_aging, often_large  # noqa: E402
from unfade.train.crops import Draw  # noqa: E402
from unfade.train.judged import JudgedPhoto, Verdicts  # noqa: E402
from unfade.train.overview import (  # noqa: E402
    CACHE_SIDE,
    OverviewData,
    RealOverview,
    make_example,
    only_large,
    shrink,
)


def photo(seed: int, height: int = 150, width: int = 200) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(60, 200, (5, 6, 3)).astype(np.float32)
    rows, cols = np.arange(height) * 5 // height, np.arange(width) * 6 // width
    return coarse[rows][:, cols].astype(np.uint8)


PHOTOS = [photo(k) for k in range(4)]
DATA = OverviewData(PHOTOS)


def test_the_nth_example_is_always_the_same() -> None:
    for ours, theirs in zip(DATA[Draw(7, 64)], OverviewData(PHOTOS)[Draw(7, 64)], strict=True):
        assert torch.equal(ours, theirs)
    assert not torch.equal(DATA[Draw(7, 64)][0], DATA[Draw(8, 64)][0])


def test_examples_are_small_whole_photos_and_what_is_damaged_of_them() -> None:
    for number in range(20):
        picture, visible, kinds = DATA[Draw(number, 64)]
        assert picture.shape == (3, 64, 64) and visible.shape == kinds.shape == (1, 64, 64)
        assert picture.min() >= 0 and picture.max() <= 1
        assert visible.min() >= 0 and visible.max() <= 1


def test_most_lives_leave_something_large() -> None:
    rng = np.random.default_rng(0)

    def life() -> Recipe:
        return draw_any_aging(rng, (150, 150))

    seen = [
        sum(any(s.name in LARGE for s in often_large(share, life, rng)) for _ in range(60))
        for share in (0.0, 0.7)
    ]
    assert seen[0] < 30 < 36 < seen[1]


def test_what_lies_over_a_photo_is_no_damage() -> None:
    rng = np.random.default_rng(1)
    crop = np.full((96, 96, 3), 0.7, np.float32)
    veil = draw_veil(rng, "tape", (96, 96), 1.0, 20.0)
    picture, visible, _ = make_example(crop, Recipe("veil", (veil,)), 96, rng)
    assert np.abs(picture - 0.7).max() > 0.05 and not visible.any()


def test_small_marks_count_neither_way() -> None:
    visible = np.zeros((100, 100), np.float32)
    visible[10:14, 10:14] = 1
    visible[50:70, 40:80] = 1
    told = only_large(visible)
    assert (told[10:14, 10:14] == 0.5).all() and (told[50:70, 40:80] == 1).all()
    assert np.count_nonzero(told) == 16 + 800


class Nobody:
    """A detector that suspects nothing."""

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        return np.zeros(picture.shape[:2], np.float32)


def judged(boxes: Sequence[Sequence[int]]) -> JudgedPhoto:
    verdicts = Verdicts(np.array(boxes), np.ones(len(boxes), np.float32), 0.0)
    return JudgedPhoto(photo(3, 120, 160), verdicts)


def test_of_a_real_photo_the_damage_that_a_person_found_is_shown() -> None:
    found = judged([[40, 30, 120, 90]])
    everywhere = dataclasses.replace(found)

    class All(Nobody):
        def __call__(self, picture: np.ndarray) -> np.ndarray:
            seen = super().__call__(picture)
            seen[30:90, 40:120] = 0.9
            return seen

    data = RealOverview([everywhere], All())  # type: ignore[arg-type]
    _, visible, kinds = data[Draw(0, 64)]
    assert (visible == 1).float().mean() > 0.1 and not kinds.any()


def test_what_is_kept_of_a_photo_is_small_and_keeps_its_shape() -> None:
    assert shrink(np.zeros((1200, 1600, 3), np.uint8)).shape == (CACHE_SIDE * 3 // 4, CACHE_SIDE, 3)
    tiny = np.zeros((30, 40, 3), np.uint8)
    assert shrink(tiny) is tiny and module.CACHE_SIDE >= 256
