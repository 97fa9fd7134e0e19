import cv2
import numpy as np
import pytest

from unfade.film.grain import (
    amplitude_at,
    grain_at,
    grain_field,
    grain_texture,
    grain_tile,
    measure_grain,
    noise_level,
)
from unfade.film.noise import block_spectra, jpeg_blockiness
from unfade.photo import Grain


def scene(side=320, channels=3, seed=0):
    """A made-up photo: soft shading, hard edges, and a third of it covered with texture."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    shade = 0.25 + 0.4 * x + 0.1 * np.sin(5 * y)
    shade[side // 4 : side // 2, side // 4 : side // 2] -= 0.15
    clouds = sum(
        cv2.GaussianBlur(rng.standard_normal((side, side)), (0, 0), s) * s for s in (1, 2, 4, 8)
    )
    shade[2 * side // 3 :] += 0.05 * clouds[2 * side // 3 :]
    tint = (1.0, 0.9, 0.8)[:channels]
    return np.clip(shade[:, :, None] * np.array(tint), 0.05, 0.95).astype(np.float32)


def with_noise(pixels, sigma, radius=0.0, correlation=0.5, seed=1):
    rng = np.random.default_rng(seed)
    noise = grain_field(rng, pixels.shape[:2], pixels.shape[2], radius, correlation)
    noisy = np.clip(pixels + sigma / 255 * noise, 0, 1)
    return (np.rint(noisy * 255) / 255).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("radius", [0.0, 0.8, 1.4])
@pytest.mark.parametrize("sigma", [3, 8, 20])
def test_measured_noise_is_near_the_noise_that_was_added(sigma, radius, channels):
    grain = measure_grain(with_noise(scene(channels=channels), sigma, radius))
    assert grain.level * 255 == pytest.approx(sigma, rel=0.2)
    assert grain.radius_px == pytest.approx(radius, abs=0.4 if radius == 0 else 0.2)
    assert len(grain.amplitude[0]) == channels


@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
def test_channel_correlation_is_measured(correlation):
    grain = measure_grain(with_noise(scene(), 8, 0.8, correlation))
    assert grain.channel_correlation == pytest.approx(correlation, abs=0.12)


def test_stronger_grain_in_one_channel_is_seen():
    noise = 8 / 255 * grain_field(np.random.default_rng(0), (320, 320), 3, 0.5, 0.0)
    grain = measure_grain(scene() + noise * np.array((1, 1, 2), np.float32))
    red, green, blue = np.mean(grain.amplitude, axis=0)
    assert green / red == pytest.approx(1, abs=0.15)
    assert blue / red == pytest.approx(2, abs=0.3)


def test_grain_is_measured_by_tone():
    pixels = np.repeat(np.linspace(0.1, 0.9, 512, dtype=np.float32)[None, :, None], 256, axis=0)
    noise = grain_field(np.random.default_rng(0), (256, 512), 1)
    grain = measure_grain(pixels + 0.04 * pixels * noise)
    np.testing.assert_allclose(np.ravel(grain.amplitude), 0.04 * np.array(grain.tones), rtol=0.15)


def test_a_clean_photo_has_hardly_any_noise():
    assert noise_level(np.rint(scene() * 255).astype(np.float32) / 255) * 255 < 0.6


def test_a_graphic_has_no_noise():
    graphic = np.full((200, 200, 3), 0.8, np.float32)
    graphic[50:90, 20:150] = 0.2
    assert noise_level(graphic) == pytest.approx(0, abs=1e-5)


def test_a_painted_mat_does_not_hide_the_grain():
    page = np.full((320, 320, 3), 0.9, np.float32)
    page[40:280, 40:280] = with_noise(scene(240), 8)
    assert noise_level(page) * 255 == pytest.approx(8, rel=0.2)


def test_damage_and_clipping_are_not_measured():
    pixels = with_noise(scene(), 6)
    damage = np.zeros((320, 320), np.float32)
    pixels[:150] = np.random.default_rng(0).random((150, 320, 3))
    damage[:150] = 1
    pixels[250:] = 1
    assert measure_grain(pixels, damage).level * 255 == pytest.approx(6, rel=0.2)


@pytest.mark.parametrize("size", [(1, 1), (8, 300), (16, 16), (40, 24)])
def test_a_photo_too_small_to_tell_has_no_grain(size):
    grain = measure_grain(np.random.default_rng(0).random((*size, 3), dtype=np.float32))
    assert grain.level == 0


def test_large_photos_are_sampled():
    assert len(block_spectra(np.broadcast_to(scene(64)[:1, :1], (4000, 6000, 3)))) < 2500


def test_synthesized_grain_measures_as_the_grain_it_follows():
    wanted = measure_grain(with_noise(scene(), 10, 0.8, 0.5))
    clean = scene(seed=3)
    texture = grain_texture(wanted, seed=5)
    noise = grain_tile(texture, wanted, clean, slice(0, 320), slice(0, 320))
    again = measure_grain(clean + noise)
    assert again.level == pytest.approx(wanted.level, rel=0.15)
    assert again.radius_px == pytest.approx(wanted.radius_px, abs=0.15)
    assert again.channel_correlation == pytest.approx(wanted.channel_correlation, abs=0.1)


def test_grain_depends_on_the_place_and_not_on_the_tile():
    grain = Grain((0.2, 0.8), ((0.02, 0.03, 0.04), (0.01, 0.01, 0.01)), 0.8, 0.3)
    texture = grain_texture(grain)
    rows, cols = slice(1000, 1100), slice(2000, 2120)
    pixels = scene(120)[:100]
    whole = grain_tile(texture, grain, pixels, rows, cols)
    part = grain_tile(texture, grain, pixels[30:, 40:], slice(1030, 1100), slice(2040, 2120))
    np.testing.assert_array_equal(whole[30:, 40:], part)


@pytest.mark.parametrize("channels", [1, 3])
def test_grain_of_single_pixels_is_that_of_their_tile(channels):
    grain = Grain((0.2, 0.8), ((0.02, 0.03, 0.04), (0.01, 0.01, 0.01)), 0.8, 0.3)
    texture = grain_texture(grain)
    pixels = np.random.default_rng(0).random((90, 70, channels), np.float32)
    whole = grain_tile(texture, grain, pixels, slice(1000, 1090), slice(990, 1060))
    rows, cols = np.nonzero(pixels[:, :, 0] > 0.7)
    single = grain_at(texture, grain, pixels[rows, cols], rows + 1000, cols + 990)
    np.testing.assert_array_equal(single, whole[rows, cols])


def test_grain_texture_has_unit_strength_and_no_seam():
    texture = grain_texture(Grain((0.5,), ((0.02,),), 1.5))
    field = texture.piece(slice(900, 1150), slice(800, 1100))
    assert field.std() == pytest.approx(1, abs=0.1)
    steps = np.abs(np.diff(field[:, :, 0], axis=0)).mean(axis=1)
    assert steps.max() < 1.6 * np.median(steps)


def test_grain_texture_does_not_repeat_after_its_side():
    texture = grain_texture(Grain((0.5,), ((0.02,),), 0.5))
    here = texture.piece(slice(0, 64), slice(0, 64)).ravel()
    there = texture.piece(slice(1024, 1088), slice(0, 64)).ravel()
    assert np.corrcoef(here, there)[0, 1] < 0.6


def test_amplitude_follows_the_curve_and_fades_at_its_ends():
    grain = Grain((0.25, 0.75), ((0.02,), (0.04,)))
    tones = np.array([0, 0.25, 0.5, 0.75, 1], np.float32).reshape(1, -1, 1)
    found = amplitude_at(grain, np.repeat(tones, 3, axis=2))
    assert found.shape == (1, 5, 3)
    np.testing.assert_allclose(found[0, :, 0], [0.005, 0.02, 0.03, 0.04, 0.01], atol=2e-4)


def test_blockiness_grows_as_jpeg_gets_worse():
    photo = np.rint(with_noise(scene(), 3) * 255).astype(np.uint8)

    def measured(quality, shift):
        _, code = cv2.imencode(".jpg", photo[shift:, shift:], [cv2.IMWRITE_JPEG_QUALITY, quality])
        back = cv2.imdecode(code, cv2.IMREAD_COLOR)[5 - shift :, 5 - shift :]
        return jpeg_blockiness(back.astype(np.float32) / 255) * 255

    for shift in (0, 3):
        found = [measured(quality, shift) for quality in (90, 50, 20)]
        assert found == sorted(found)
        assert found[2] > 1
    assert jpeg_blockiness(with_noise(scene(), 10)) * 255 < 0.3
    assert jpeg_blockiness(scene(20)) == 0
