"""The sRGB curve, luma and Lab against their definitions and published colors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfade.color import decode_srgb, encode_srgb, luma, to_lab

EVERY_16_BIT_VALUE = (np.arange(65536) / 65535).astype(np.float32)


def test_the_curve_is_that_of_the_standard():
    """Values of IEC 61966-2-1 computed by hand in double precision."""
    encoded = np.array([0, 0.02, 0.04045, 0.2, 0.5, 1], np.float32)
    linear = [0, 0.02 / 12.92, 0.04045 / 12.92, 0.033104767, 0.214041140, 1]
    assert decode_srgb(encoded) == pytest.approx(linear, abs=1e-7)
    assert encode_srgb(np.array([0.18], np.float32)) == pytest.approx([0.461356], abs=1e-6)


def test_every_16_bit_value_survives_the_curve_and_back():
    again = encode_srgb(decode_srgb(EVERY_16_BIT_VALUE))
    assert again.dtype == np.float32
    assert np.array_equal(np.rint(again * 65535), np.arange(65536))


def test_the_curve_rises_everywhere():
    assert (np.diff(decode_srgb(EVERY_16_BIT_VALUE)) > 0).all()


@given(st.floats(-0.5, 2, width=32))
def test_values_outside_the_range_survive_too(value):
    array = np.array([value], np.float32)
    assert encode_srgb(decode_srgb(array)) == pytest.approx(array, abs=2e-6)


def test_luma_weighs_green_most_and_white_as_one():
    basis = np.eye(3, dtype=np.float32)[None]
    assert luma(basis)[0] == pytest.approx([0.2126, 0.7152, 0.0722])
    assert luma(np.ones((2, 3, 3), np.float32)) == pytest.approx(np.ones((2, 3)))


def test_luma_of_grey_is_the_grey():
    grey = np.random.default_rng(0).random((4, 5, 1), dtype=np.float32)
    assert np.array_equal(luma(grey), grey[:, :, 0])


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((1, 1, 1), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((1, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 1, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 1), (32.30, 79.19, -107.86)),
    ],
)
def test_lab_of_the_primaries_is_as_published(rgb, lab):
    """Lindbloom, brucelindbloom.com, companding calculator, sRGB and D65."""
    assert to_lab(np.array([[rgb]], np.float32))[0, 0] == pytest.approx(lab, abs=0.03)


def test_grey_has_no_color_in_lab():
    grey = EVERY_16_BIT_VALUE.reshape(256, 256, 1)
    lab = to_lab(grey)
    assert lab.shape == (256, 256, 3)
    assert lab.dtype == np.float32
    assert np.abs(lab[:, :, 1:]).max() < 1e-3
    assert (np.diff(lab[:, :, 0].ravel()) >= 0).all()
