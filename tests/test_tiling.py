"""Tiles cover every pixel once, keep to the grid and read no further than the picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfade.tiling import round_up, tiles

SIDES = st.integers(1, 70)


@given(size=st.tuples(SIDES, SIDES), tile=SIDES, halo=st.integers(0, 30), grid=st.integers(1, 16))
def test_cores_cover_every_pixel_exactly_once(size, tile, halo, grid):
    seen = np.zeros(size, int)
    for piece in tiles(size, tile, halo, grid):
        seen[piece.core] += 1
    assert (seen == 1).all()


@given(size=st.tuples(SIDES, SIDES), tile=SIDES, halo=st.integers(0, 30), grid=st.integers(1, 16))
def test_inner_of_the_read_area_is_the_core(size, tile, halo, grid):
    picture = np.arange(size[0] * size[1]).reshape(size)
    for piece in tiles(size, tile, halo, grid):
        assert np.array_equal(picture[piece.read][piece.inner], picture[piece.core])


@given(size=st.tuples(SIDES, SIDES), tile=SIDES, halo=st.integers(0, 30), grid=st.integers(1, 16))
def test_reads_have_the_whole_halo_and_begin_and_end_on_the_grid(size, tile, halo, grid):
    for piece in tiles(size, tile, halo, grid):
        for core, read, side in zip(piece.core, piece.read, size, strict=True):
            assert read.start % grid == 0
            assert read.stop % grid == 0 or read.stop == side
            assert read.start <= max(0, core.start - halo)
            assert read.stop >= min(side, core.stop + halo)
            assert 0 <= read.start < read.stop <= side


@pytest.mark.parametrize(
    ("size", "tile", "halo", "grid"),
    [((0, 5), 8, 0, 1), ((5, 5), 0, 0, 1), ((5, 5), 8, -1, 1), ((5, 5), 8, 0, 0)],
)
def test_sizes_that_make_no_sense_are_refused(size, tile, halo, grid):
    with pytest.raises(ValueError, match="cannot tile"):
        list(tiles(size, tile, halo, grid))


def test_rounding_up_keeps_multiples():
    assert [round_up(value, 8) for value in (0, 1, 8, 9)] == [0, 8, 8, 16]
