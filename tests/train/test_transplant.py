"""Damage of one photo laid over another."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.train.real import CLEAN, DAMAGED, NEITHER, laid_over
from unfade.train.transplant import grown, transplanted

SPECK = np.zeros((32, 32), bool)
SPECK[10:14, 20:24] = True


def even(value):
    return np.full((32, 32, 3), value, np.float32)


def marked(ground, value):
    return np.where(SPECK[:, :, None], np.float32(value), even(ground))


@pytest.mark.parametrize(
    ("ground", "speck", "other", "expected"),
    [
        (0.2, 1.0, 0.6, 1.0),  # White dust hides everything elsewhere, too.
        (0.8, 0.0, 0.4, 0.0),
        (0.2, 0.6, 0.6, 0.8),  # Half of what is missing to white.
        (0.8, 0.4, 0.4, 0.2),  # Half of the light.
    ],
)
def test_a_mark_is_as_opaque_on_another_photo(ground, speck, other, expected):
    laid = transplanted(marked(ground, speck), SPECK, even(other))
    assert laid[SPECK] == pytest.approx(expected, abs=0.01)
    assert laid[~SPECK] == pytest.approx(other, abs=1 / 255)  # What is filled is of 8 bits.
    assert (laid[~grown(SPECK)] == np.float32(other)).all()


def test_what_is_next_to_the_mark_and_belongs_to_it_comes_too():
    soft = marked(0.2, 1.0)
    soft[9, 20:24] = 0.6
    laid = transplanted(soft, SPECK, even(0.6))
    assert laid[9, 20:24] == pytest.approx(0.8, abs=0.01)
    assert laid[8, 20:24] == pytest.approx(0.6)


def test_no_damage_changes_nothing():
    assert np.array_equal(transplanted(even(0.3), SPECK & False, even(0.6)), even(0.6))


def crop(colors, visible):
    return np.dstack([colors, np.full((32, 32), visible, np.float32)])


def test_only_what_is_seen_on_the_other_photo_is_damage_there():
    white = np.dstack([marked(0.2, 1.0), np.where(SPECK, np.float32(DAMAGED), np.float32(CLEAN))])
    laid = laid_over(white, crop(even(0.5), CLEAN))
    assert (laid[SPECK, 3] == DAMAGED).all()
    assert laid[9, 20, 3] == NEITHER and laid[0, 0, 3] == CLEAN
    on_white = laid_over(white, crop(even(0.99), CLEAN))
    assert (on_white[SPECK, 3] == NEITHER).all()


def test_what_was_known_of_the_other_photo_stays():
    nothing = crop(even(0.5), CLEAN)
    assert np.array_equal(laid_over(nothing, crop(even(0.7), DAMAGED)), crop(even(0.7), DAMAGED))
