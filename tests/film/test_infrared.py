import cv2
import numpy as np
import pytest

from unfade.film.density import from_density, to_density
from unfade.film.infrared import find_dust, measure_crosstalk, noise_of, spread

SIZE = (240, 320)


def picture(seed=0):
    """Patches of color that span 1.5 of density."""
    rng = np.random.default_rng(seed)
    patches = rng.uniform(0.15, 0.95, (12, 16, 3))
    return np.repeat(np.repeat(patches, 20, axis=0), 20, axis=1).astype(np.float32)


def infrared_of(pixels, slopes, lamp=0.1, dust=None):
    across = np.linspace(-1, 1, SIZE[1], dtype=np.float32) ** 2
    density = to_density(pixels) @ np.asarray(slopes, np.float32) + lamp * (1 + across)
    return from_density(density if dust is None else density + dust)


def test_the_share_of_each_dye_is_measured_through_dust_and_uneven_light():
    pixels, dust = picture(), np.zeros(SIZE, np.float32)
    dust[::17, ::19] = 1.0
    found = measure_crosstalk(infrared_of(pixels, (0.06, 0.02, 0.01), dust=dust), pixels)
    assert found.slopes == pytest.approx((0.06, 0.02, 0.01), abs=0.01)
    assert found.refusal() == ""


@pytest.mark.parametrize("slopes", [(0.25, 0.35, 0.2), (0.35, 0.03, 0.02)])
def test_silver_and_dense_cyan_are_refused_with_the_reason(slopes):
    pixels = picture()
    if slopes[1] > 0.1:
        pixels = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    found = measure_crosstalk(infrared_of(pixels, slopes), pixels)
    assert found.explained > 0.8
    assert "shows the picture" in found.refusal()


def test_a_dark_plane_is_refused():
    pixels = picture()
    found = measure_crosstalk(np.full(SIZE, 0.01, np.float32), pixels)
    assert "dark" in found.refusal()


def test_nothing_is_left_of_the_picture_and_the_lamp():
    pixels = picture()
    infrared = infrared_of(pixels, (0.08, 0.02, 0.0))
    found = measure_crosstalk(infrared, pixels)
    rest = found.take_off(infrared, pixels, np.s_[0:240, 0:320], SIZE)
    assert np.percentile(np.abs(rest), 90) < 0.012
    place = np.s_[60:120, 100:220]
    piece = found.take_off(infrared[place], pixels[place], place, SIZE)
    np.testing.assert_allclose(piece, rest[place], atol=1e-4)


def test_dust_is_marked_to_its_edge_and_its_halo_is_not():
    rest = np.zeros((60, 60), np.float32)
    rest[20:30, 20:30] = 0.8
    rest[19, 20:30] = rest[30, 20:30] = 0.05  # what the blur spreads
    rest[45:49, 45:49] = 0.08  # thin, far from the dense one
    found = find_dust(rest, noise=0.004) > 0.5
    assert found[20:30, 20:30].sum() >= 96
    assert not found[18].any() and not found[32].any()
    assert found[46:48, 46:48].all()


def test_noise_alone_is_not_dust():
    noise = 0.02 * np.random.default_rng(0).standard_normal((200, 200)).astype(np.float32)
    assert noise_of(noise) == pytest.approx(0.02, rel=0.05)
    assert np.mean(find_dust(noise, 0.02) > 0.5) < 1e-3


def test_a_field_is_enlarged_alike_in_pieces():
    field = np.random.default_rng(0).random((6, 8)).astype(np.float32)
    whole = spread(field, np.s_[0:240, 0:320], SIZE)
    assert whole.shape == SIZE
    np.testing.assert_array_equal(spread(field, np.s_[30:90, 50:90], SIZE), whole[30:90, 50:90])


@pytest.mark.parametrize("size", [(256, 1), (1, 256), (40, 30)])
def test_noise_is_measured_on_a_sliver_too(size):
    rest = np.random.default_rng(3).normal(0, 0.1, size).astype(np.float32)
    assert noise_of(rest) == pytest.approx(0.1, rel=0.25)


def test_a_photo_of_few_pixels_is_measured_without_a_crash():
    pixels = picture()
    infrared = infrared_of(pixels, (0.06, 0.02, 0.01))
    found = measure_crosstalk(infrared[:50, :2].copy(), pixels[:50, :2].copy())
    assert np.isfinite(found.slopes).all()


def scan_with_strip(columns):
    """A scan of soft colors with specks of dust, and opaque in all planes at some columns."""
    rng, size = np.random.default_rng(0), (400, 600)
    soft = cv2.GaussianBlur(rng.random((*size, 3), np.float32), (0, 0), 12)
    pixels = (soft - soft.min()) / np.ptp(soft) * 0.8 + 0.1
    specks = np.zeros(size, np.uint8)
    for x, y in rng.integers((100, 80), (280, 320), (40, 2)):
        cv2.circle(specks, (int(x), int(y)), 2, 1, -1)
    keep = np.where(specks, 0.3, 1).astype(np.float32)
    pixels, infrared = pixels * keep[:, :, None], np.float32(0.85) * keep
    pixels[:, columns], infrared[:, columns] = 0.02, 0.02
    pixels = pixels + rng.normal(0, 0.004, pixels.shape)
    infrared = cv2.GaussianBlur(infrared + rng.normal(0, 0.004, size), (0, 0), 0.7)
    planes = (np.clip(plane, 0, 1).astype(np.float32) for plane in (infrared, pixels))
    return *planes, specks > 0


def dust_of(infrared, pixels):
    found, size = measure_crosstalk(infrared, pixels), infrared.shape
    assert found.refusal() == ""
    rest = found.take_off(infrared, pixels, np.s_[0 : size[0], 0 : size[1]], size)
    return find_dust(rest, noise_of(rest)) > 0.5


@pytest.mark.parametrize("width", [0, 3, 12, 21, 24, 30, 60])
def test_the_holder_of_the_film_is_neither_dust_nor_the_picture(width):
    infrared, pixels, specks = scan_with_strip(np.s_[:width])
    dust = dust_of(infrared, pixels)
    assert dust[specks].mean() > 0.95
    assert dust.mean() < 2.5 * specks.mean()


def test_a_slope_that_explains_nothing_is_not_taken_off():
    infrared, pixels, specks = scan_with_strip(np.s_[300:324])
    dust = dust_of(infrared, pixels)
    assert dust[specks].mean() > 0.95
    dust[:, 296:328] = False
    assert dust.mean() < 2.5 * specks.mean()


def test_a_hair_that_crosses_the_edge_is_not_the_holder():
    infrared, pixels, _ = scan_with_strip(np.s_[:24])
    infrared[200:204, 500:], pixels[200:204, 500:] = 0.02, 0.02
    assert dust_of(infrared, pixels)[200:204, 500:].mean() > 0.95
