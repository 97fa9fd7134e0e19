"""Long marks on crops to learn from."""

import cv2
import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.photo import Photo
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.train.long import KINDS, MOST, draw_long

SIDE = 192


def drawn(seed):
    return draw_long(np.random.default_rng(seed), (SIDE, SIDE))


def longest(seed):
    """Of the marks that a draw leaves on a plain crop, the longer side of the largest, in px."""
    crop = Photo(np.full((SIDE, SIDE, 3), 0.5, np.float32))
    damage = run(crop, Recipe("long", tuple(drawn(seed))), Darkroom()).damage
    _, _, stats, _ = cv2.connectedComponentsWithStats((damage >= 0.5).astype(np.uint8))
    return int(stats[1:, cv2.CC_STAT_WIDTH : cv2.CC_STAT_HEIGHT + 1].max(initial=0))


def test_one_to_a_few_kinds_and_none_is_forgotten():
    draws = [[stage.name for stage in drawn(seed)] for seed in range(150)]
    assert {len(names) for names in draws} == set(range(1, MOST + 1))
    assert {name for names in draws for name in names} == set(KINDS)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_chance_draws_the_same(seed):
    assert drawn(seed) == drawn(seed)
    assert drawn(seed) != drawn(seed + 100)


def test_most_are_long():
    reach = np.array([longest(seed) for seed in range(60)])
    assert (reach >= 24).mean() > 0.75
    assert np.median(reach) > 48
