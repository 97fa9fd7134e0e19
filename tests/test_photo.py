"""The value that flows: made of arrays, given back exactly, never changed in place."""

import dataclasses

import numpy as np
import pytest

from unfade.photo import Edit, Grain, Metadata, Photo, Step


def every_value(dtype):
    top = np.iinfo(dtype).max
    return np.arange(top + 1, dtype=dtype).reshape(-1, 256)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_integer_survives_the_round_trip(dtype):
    array = every_value(dtype)
    again = Photo.from_array(array).to_array()
    assert again.dtype == dtype
    assert np.array_equal(again[:, :, 0], array)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_arrays_come_back_with_their_channels(channels, dtype):
    rng = np.random.default_rng(0)
    array = rng.random((5, 7, channels))
    if dtype is not np.float32:
        array *= np.iinfo(dtype).max
    array = array.astype(dtype)
    photo = Photo.from_array(array)
    assert photo.pixels.shape == (5, 7, 1 if channels < 3 else 3)
    assert (photo.alpha is not None) == (channels in (2, 4))
    assert photo.to_array().dtype == dtype
    assert np.array_equal(photo.to_array(), array)


def test_a_photo_does_not_share_memory_with_the_array_it_came_from():
    array = np.full((4, 4, 3), 0.5, np.float32)
    photo = Photo.from_array(array)
    array[:] = 0
    assert (photo.pixels == 0.5).all()
    given = photo.to_array()
    given[:] = 1
    assert (photo.pixels == 0.5).all()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(5, np.uint8),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.int32),
        np.zeros((4, 4, 3), bool),
        np.full((4, 4, 3), 1.5),
        np.full((4, 4, 3), -0.5),
        np.full((4, 4, 3), np.nan),
    ],
)
def test_other_arrays_are_refused(array):
    with pytest.raises(ValueError, match=r"photo|pixels"):
        Photo.from_array(array)


def test_pixels_of_another_type_are_refused():
    with pytest.raises(ValueError, match="float32"):
        Photo(np.zeros((4, 4, 3)))


@pytest.mark.parametrize("plane", ["damage", "infrared", "alpha", "origin"])
def test_planes_of_another_size_are_refused_by_name(plane):
    with pytest.raises(ValueError, match=f"^{plane} must be"):
        Photo(np.zeros((4, 4, 3), np.float32), **{plane: np.zeros((4, 5), np.float32)})


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(600, 900), (900, 600), (3, 2000)])
def test_a_proxy_keeps_shape_mean_and_channels(size, channels):
    pixels = np.random.default_rng(0).random((*size, channels), dtype=np.float32)
    small = Photo(pixels).proxy(300)
    assert max(small.shape[:2]) == 300
    assert small.shape[2] == channels
    assert small.dtype == np.float32
    assert np.allclose(small.mean((0, 1)), pixels.mean((0, 1)), atol=0.02)


def test_a_small_photo_is_its_own_proxy():
    photo = Photo.from_array(np.zeros((20, 30, 3), np.uint8))
    assert photo.proxy(30) is photo.pixels


def test_applying_an_edit_leaves_the_photo_before_it_alone():
    before = Photo.from_array(np.zeros((4, 4, 3), np.uint8))
    grain = Grain((0.5,), ((0.01,),))
    edit = Edit(pixels=np.ones((4, 4, 3), np.float32), grain=grain)
    after = before.apply(edit, Step("lighten"), None)
    assert (before.pixels == 0).all() and before.history == ()
    assert (after.pixels == 1).all() and after.grain is grain
    assert [step.stage for step in after.history] == ["lighten"]
    assert after.metadata is before.metadata
    assert after.damage is None


def test_values_beyond_the_range_are_clipped_on_the_way_out():
    photo = dataclasses.replace(
        Photo(np.array([[[-0.5], [1.5]]], np.float32)), metadata=Metadata(bits=8)
    )
    assert photo.to_array().ravel().tolist() == [0, 255]


def test_the_level_of_grain_is_the_mean_of_its_amplitudes():
    assert Grain((0.2, 0.8), ((0.01,), (0.03,))).level == pytest.approx(0.02)


def test_the_proxy_of_a_scan_is_that_of_the_whole_and_leaves_nothing_in_memory(monkeypatch):
    from unfade import photo as module
    from unfade.darkroom import Darkroom

    room = Darkroom(memory=64 * 2**20)
    pixels = room.empty((1600, 1800, 3))
    assert isinstance(pixels, np.memmap)
    y, x = np.mgrid[0:1600, 0:1800].astype(np.float32)
    pixels[:] = (0.5 + 0.4 * np.sin(x / 90) * np.cos(y / 70))[:, :, None]
    photo = Photo(pixels)
    whole = photo.proxy(200)
    monkeypatch.setattr(module, "PROXY_AT_ONCE", 1)
    banded = photo.proxy(200)
    assert banded.shape == whole.shape == (178, 200, 3)
    assert np.abs(banded - whole).max() < 0.02


@pytest.mark.parametrize("size", [(300, 12_000), (9_000, 250)])
def test_the_proxy_of_a_strip_of_film_shows_all_of_it(size, monkeypatch):
    from unfade import photo as module

    monkeypatch.setattr(module, "PROXY_AT_ONCE", 1)
    pixels = np.zeros((*size, 1), np.float32)
    pixels[-size[0] // 3 :] += 0.3
    pixels[:, -size[1] // 3 :] += 0.3
    proxy = Photo(pixels).proxy(20)
    assert max(proxy.shape) == 20
    assert proxy.mean() == pytest.approx(pixels.mean(), abs=0.03)


def test_an_array_without_pixels_is_refused_in_words():
    with pytest.raises(ValueError, match="a photo must have pixels, got"):
        Photo.from_array(np.zeros((0, 5, 3), np.float32))
