"""A network called like a function on pictures; padding and axes stay inside."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfade.errors import ModelError
from unfade.models.card import ModelCard
from unfade.models.model import Model, to_planes


def model(network, **facts):
    return Model(network, ModelCard("test", "denoise", "", **facts))


def picture(height, width, channels=3):
    return np.random.default_rng(0).random((height, width, channels), dtype=np.float32)


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.integers(1, 4),
    grid=st.integers(1, 16),
)
def test_padding_comes_off_again(height, width, channels, grid):
    pixels = picture(height, width, channels)
    planes = to_planes(pixels, grid)
    assert planes.shape[:2] == (1, channels)
    assert planes.shape[2] % grid == planes.shape[3] % grid == 0
    assert planes.flags.c_contiguous
    assert np.array_equal(planes[0, :, :height, :width].transpose(1, 2, 0), pixels)


def test_the_edge_is_repeated_right_and_below():
    planes = to_planes(np.array([[1, 2], [3, 4]], np.float32), 4)
    assert planes[0, 0].tolist() == [[1, 2, 2, 2], [3, 4, 4, 4], [3, 4, 4, 4], [3, 4, 4, 4]]


@given(height=st.integers(1, 30), width=st.integers(1, 30))
def test_a_network_sees_its_grid_and_the_caller_his_size(height, width):
    seen = []

    def network(planes):
        seen.append(planes.shape)
        return planes

    pixels = picture(height, width)
    answer = model(network, multiple_of=8)(pixels)
    assert seen[0][2] % 8 == seen[0][3] % 8 == 0
    assert np.array_equal(answer, pixels)
    assert answer.flags.c_contiguous
    planes = model(network, multiple_of=8).planes(pixels)
    assert np.array_equal(planes, pixels.transpose(2, 0, 1))


def test_an_upscaled_answer_loses_its_padding_too():
    answer = model(lambda x: x.repeat(2, 2).repeat(2, 3), multiple_of=4, scale=2)(picture(5, 7))
    assert np.array_equal(answer, picture(5, 7).repeat(2, 0).repeat(2, 1))


def test_numbers_instead_of_a_picture_come_without_the_batch_axis():
    assert model(lambda x: x.mean((2, 3)))(picture(5, 7)).shape == (3,)


def test_a_plane_may_stand_for_one_channel():
    both = model(lambda x, mask: x * mask, inputs=(3, 1))
    mask = picture(6, 6, 1)
    assert np.array_equal(both(picture(6, 6), mask), both(picture(6, 6), mask[:, :, 0]))


@pytest.mark.parametrize("arrays", [(), (1,), (3, 1), (3, 3)])
def test_inputs_that_do_not_fit_the_card_are_refused(arrays):
    with pytest.raises(ModelError, match=r"test takes inputs of \(3,\) channels, got"):
        model(lambda x: x)(*(picture(4, 4, channels) for channels in arrays))


def test_many_pictures_are_answered_one_by_one():
    one = picture(6, 6).transpose(2, 0, 1)
    pictures = np.stack([one * share for share in (0.0, 0.5, 1.0)])
    answers = model(lambda x: x.mean((2, 3))).each(pictures)
    np.testing.assert_allclose(answers, pictures.mean(axis=(2, 3)), rtol=1e-5)
    with pytest.raises(ModelError, match=r"test takes inputs of \(3,\) channels, got \(1,\)"):
        model(lambda x: x).each(pictures[:, :1])
