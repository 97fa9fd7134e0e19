"""A scratch that hardly shows in places goes on there, along its ridge."""

import numpy as np
import pytest

from unfade.train.ridge import bridged, ridge

SIZE = (60, 100)


def waved(gaps=()):
    """How far things stand out along a wavy line 1 px thick, less in gaps; and where it runs."""
    far, true = np.zeros(SIZE, np.float32), np.zeros(SIZE, bool)
    for x in range(10, 90):
        y = round(30 + 3 * np.sin(x / 9))
        faint = any(start <= x < stop for start, stop in gaps)
        far[y, x] = 0.05 if faint else 0.5
        true[y, x] = True
    return far, true


def test_the_ridge_is_found_beside_what_a_hand_drew():
    far, true = waved()
    way = np.rint(ridge(far, [(10, 32), (50, 28), (89, 31)], 6)).astype(int)
    on = [true[max(0, y - 1) : y + 2, x].any() for x, y in way]
    assert np.mean(on) > 0.97


def test_a_ridge_steps_a_pixel_to_the_side_at_most():
    far, _ = waved()
    way = ridge(far, [(10, 30), (89, 30)], 6)
    assert np.abs(np.diff(way[:, 1])).max() <= 1
    assert way[:, 0].tolist() == list(range(10, 89))


def test_where_nothing_stands_out_it_is_what_a_hand_drew():
    way = ridge(np.zeros(SIZE, np.float32), [(5, 20), (45, 20)], 4)
    assert (way[:, 1] == 20).all()


def test_gaps_between_pieces_are_filled_along_the_ridge():
    far, true = waved(gaps=((30, 45), (60, 63)))
    seen = far > 0.2
    whole = bridged(far, seen, [(10, 32), (89, 29)], 6)
    assert (whole >= seen).all() and (seen[:, 30:45]).sum() == 0
    assert whole[true].mean() > 0.95 and not (whole & ~true).any()


def test_it_ends_where_the_last_piece_does():
    far, _ = waved(gaps=((10, 25), (70, 90)))
    whole = bridged(far, far > 0.2, [(10, 32), (89, 29)], 6)
    columns = np.flatnonzero(whole.any(axis=0))
    assert columns[0] >= 24 and columns[-1] <= 70


@pytest.mark.parametrize("points", [[(10, 30)], [(10, 30), (10, 30)]])
def test_a_line_without_length_joins_nothing(points):
    far, _ = waved()
    seen = far > 0.2
    assert np.array_equal(bridged(far, seen, points, 3), seen)


def test_where_nothing_is_seen_nothing_is_joined():
    far, _ = waved()
    assert not bridged(far, np.zeros(SIZE, bool), [(10, 32), (89, 29)], 6).any()


def test_a_line_beyond_the_picture_is_left_out():
    far, _ = waved()
    seen = far > 0.2
    assert (bridged(far, seen, [(-40, 31), (140, 31)], 6) >= seen).all()
