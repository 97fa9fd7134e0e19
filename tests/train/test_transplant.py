"""Damage of one photo laid over another."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.train.aging import CLEAN, DAMAGED, NEITHER
from unfade.train.real import laid_over
from unfade.train.transplant import Films, grown, lifted

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
    laid = lifted(marked(ground, speck), SPECK).over(even(other))
    assert laid[SPECK] == pytest.approx(expected, abs=0.01)
    assert laid[~SPECK] == pytest.approx(other, abs=1 / 255)  # What is filled is of 8 bits.
    assert (laid[~grown(SPECK)] == np.float32(other)).all()


def test_what_is_next_to_the_mark_and_belongs_to_it_comes_too():
    soft = marked(0.2, 1.0)
    soft[9, 20:24] = 0.6
    laid = lifted(soft, SPECK).over(even(0.6))
    assert laid[9, 20:24] == pytest.approx(0.8, abs=0.01)
    assert laid[8, 20:24] == pytest.approx(0.6)


def test_no_damage_changes_nothing():
    assert np.array_equal(lifted(even(0.3), SPECK & False).over(even(0.6)), even(0.6))


def crop(colors, visible):
    return np.dstack([colors, np.full((32, 32), visible, np.float32)])


def test_only_what_is_seen_on_the_other_photo_is_damage_there():
    white = lifted(marked(0.2, 1.0), SPECK)
    laid = laid_over(white, crop(even(0.5), CLEAN))
    assert (laid[SPECK, 3] == DAMAGED).all()
    assert laid[9, 20, 3] == NEITHER and laid[0, 0, 3] == CLEAN
    on_white = laid_over(white, crop(even(0.99), CLEAN))
    assert (on_white[SPECK, 3] == NEITHER).all()


def test_what_was_known_of_the_other_photo_stays():
    nothing = lifted(even(0.5), SPECK & False)
    assert np.array_equal(laid_over(nothing, crop(even(0.7), DAMAGED)), crop(even(0.7), DAMAGED))


def test_turned_by_a_quarter_a_mark_lies_where_it_was_turned_to():
    lying = lifted(marked(0.2, 1.0), SPECK)
    upright = lying.moved(np.array([[0.0, 1, 0], [-1, 0, 31]]))  # As numpy turns.
    assert np.array_equal(upright.spots, np.rot90(SPECK))
    assert np.allclose(upright.lighter, np.rot90(lying.lighter), atol=1e-6)
    assert not upright.darker.any()


def test_twice_as_large_a_mark_covers_four_times_as_much_and_nothing_comes_in_at_the_edge():
    small = np.zeros((32, 32), bool)
    small[14:18, 14:18] = True
    films = Films(*(np.dstack([small] * 3).astype(np.float32) for _ in range(2)), small)
    large = films.moved(np.array([[2.0, 0, -16], [0, 2, -16]]))
    assert large.spots.sum() == pytest.approx(64, abs=20)
    away = films.moved(np.array([[1.0, 0, 100], [0, 1, 0]]))
    assert not away.spots.any() and not away.lighter.any()
