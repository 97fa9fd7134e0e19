"""What stands out on a photo, and what is plain."""

import numpy as np
import pytest

from unfade.train.plain import WIDTH_PX, stands_out


def plain(level=0.4, size=(120, 160)):
    return np.full((*size, 3), level, np.float32)


def test_where_nothing_is_nothing_stands_out():
    assert not stands_out(plain()).any()


@pytest.mark.parametrize("change", [-0.1, 0.1])
def test_a_scratch_stands_out_and_what_lies_beside_it_does_not(change):
    photo = plain()
    photo[20:100, 80:82] += change
    found = stands_out(photo)
    assert found.shape == (120, 160) and found.dtype == bool
    assert found[22:98, 80:82].all()
    assert not found[:, :74].any() and not found[:, 88:].any()


def test_what_is_wide_or_hardly_differs_does_not_stand_out():
    wide = plain()
    wide[20:100, 60 : 60 + 4 * WIDTH_PX] += 0.3
    assert not stands_out(wide)[40:80, 50:110].any()
    faint = plain()
    faint[20:100, 80:82] += 0.01
    assert not stands_out(faint).any()


def test_leaves_do_not_stand_out_and_a_scratch_over_them_must_be_stronger():
    rng = np.random.default_rng(0)
    leaves = plain() + 0.1 * rng.standard_normal((120, 160, 1)).astype(np.float32)
    assert stands_out(leaves).mean() < 0.35
    for change, seen in ((0.06, False), (0.6, True)):
        scratched = leaves.copy()
        scratched[20:100, 80:82] += np.float32(change)
        assert (stands_out(scratched)[22:98, 80:82].mean() > 0.8) == seen
