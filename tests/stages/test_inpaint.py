import dataclasses

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.models.card import ModelCard
from unfade.models.model import Model
from unfade.photo import Grain, Origin, Photo, Step
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.stages.inpaint import Inpaint, feather


class Room(Darkroom):
    """A darkroom whose network adds a constant everywhere, also where it has no business."""

    change = 0.1
    side = None

    def model(self, name):
        def network(planes):
            assert planes.shape[1] == 4
            return np.full((1, 3, *planes.shape[2:]), self.change, np.float32)

        card = ModelCard(name, name, "0" * 64, inputs=(4,), channels_out=3, multiple_of=32, halo=32)
        return Model(network, card)

    def tile_for(self, model, size):
        return self.side or super().tile_for(model, size)


def damaged(channels=3, grain=None):
    rng = np.random.default_rng(0)
    pixels = np.full((150, 200, channels), 0.4, np.float32)
    pixels += 0.01 * rng.standard_normal(pixels.shape).astype(np.float32)
    mask = np.zeros((150, 200), np.float32)
    mask[30:44, 50:64] = 1
    mask[100, 20:180] = 1
    pixels[mask > 0] = 1
    return Photo(pixels, damage=mask, grain=grain)


def fill(photo, room=None, **settings):
    return run(photo, Recipe("fill", (Inpaint(**settings),)), room or Room())


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_outside_the_mask_stay_bit_identical(channels):
    photo = damaged(channels)
    filled = fill(photo)
    outside = photo.damage == 0
    np.testing.assert_array_equal(filled.pixels[outside], photo.pixels[outside])
    np.testing.assert_array_equal(filled.origin == Origin.FILLED, ~outside)


def test_inside_the_mask_stands_the_smooth_fill_plus_what_the_network_adds():
    filled = fill(damaged(), feather_px=0)
    assert filled.pixels[36, 56] == pytest.approx(0.5, abs=0.02)


def test_half_the_strength_goes_half_the_way():
    photo = damaged()
    full, half = (fill(photo, strength=s).pixels - photo.pixels for s in (1.0, 0.5))
    np.testing.assert_allclose(half, full / 2, atol=1e-6)


def test_nothing_marked_means_nothing_done():
    photo = Photo(damaged().pixels, damage=np.zeros((150, 200), np.float32))
    filled = fill(photo)
    assert filled.pixels is photo.pixels
    assert "skipped" in filled.history[0].notes["evidence"]


def test_tile_size_does_not_change_the_fill():
    grain = Grain(tones=(0.2, 0.8), amplitude=((0.02,) * 3, (0.03,) * 3), radius_px=0.8)
    room = Room()
    results = []
    for side in (32, 64, 512):
        room.side = side
        results.append(fill(damaged(grain=grain), room).pixels)
    np.testing.assert_allclose(results[0], results[2], atol=1e-5)
    np.testing.assert_allclose(results[1], results[2], atol=1e-5)


def test_measured_grain_is_laid_over_the_fill():
    grain = Grain(tones=(0.2, 0.8), amplitude=((0.05,) * 3, (0.05,) * 3))
    grainy, smooth = (
        fill(damaged(grain=grain), feather_px=0, grain=g).pixels[30:44, 50:64] for g in (1.0, 0.0)
    )
    assert grainy.std() == pytest.approx(0.05, rel=0.25)
    assert smooth.std() < 0.01


def test_the_rim_is_soft_inside_and_nothing_outside():
    mask = np.zeros((20, 20), np.float32)
    mask[5:15, 5:15] = 1
    rim = feather(mask, 2.0)
    assert not rim[mask == 0].any()
    assert 0 < rim[5, 10] < rim[6, 10] < rim[7, 10] == 1


def test_the_rim_is_soft_where_the_photo_agrees_and_nothing_of_a_scratch_stays():
    photo = damaged()
    assert fill(photo, grain=0).pixels[100, 100] == pytest.approx(0.5, abs=0.02)
    photo.pixels[100, 20:180] = 0.4
    assert fill(photo, grain=0).pixels[100, 100] == pytest.approx(0.43, abs=0.03)


def test_a_fill_is_as_grainy_as_its_surroundings_are_now():
    photo = damaged(grain=Grain(tones=(0.2, 0.8), amplitude=((0.05,) * 3, (0.05,) * 3)))
    denoised = dataclasses.replace(photo, history=(Step("denoise", changed_pixels=9),))
    where = np.s_[30:44, 50:64]
    assert fill(photo).pixels[where].std() == pytest.approx(0.05, rel=0.25)
    assert fill(denoised).pixels[where].std() == pytest.approx(0.01, rel=0.4)
