import numpy as np

from unfade.fill import GRID, HALO, coarse_fill, smooth_fill
from unfade.tiling import tiles


def ramp(height=96, width=128):
    x = np.linspace(0.2, 0.8, width, dtype=np.float32)
    return np.repeat(np.broadcast_to(x, (height, width))[:, :, None], 3, axis=2).copy()


def test_known_pixels_come_back_as_they_are():
    pixels = np.random.default_rng(0).random((50, 70, 3), np.float32)
    mask = np.zeros((50, 70), np.float32)
    mask[10:20, 10:30] = 1
    filled = smooth_fill(pixels, mask, coarse_fill(pixels, mask))
    np.testing.assert_array_equal(filled[mask == 0], pixels[mask == 0])


def test_a_hole_in_a_ramp_is_filled_close_to_the_ramp():
    pixels, mask = ramp(), np.zeros((96, 128), np.float32)
    mask[40:50, 60:70] = 1
    spoiled = np.where(mask[:, :, None] > 0, 1, pixels).astype(np.float32)
    filled = smooth_fill(spoiled, mask, coarse_fill(spoiled, mask))
    assert np.abs(filled - pixels).max() < 0.04


def test_what_lies_under_the_mask_does_not_matter():
    pixels, mask = ramp(), np.zeros((96, 128), np.float32)
    mask[20:60, 30:90] = 1
    fills = []
    for value in (0.0, 1.0):
        spoiled = np.where(mask[:, :, None] > 0, value, pixels).astype(np.float32)
        fills.append(smooth_fill(spoiled, mask, coarse_fill(spoiled, mask)))
    np.testing.assert_array_equal(*fills)


def test_tiles_do_not_change_the_fill():
    rng = np.random.default_rng(1)
    pixels = rng.random((150, 210, 3), np.float32)
    mask = (rng.random((150, 210)) < 0.3).astype(np.float32)
    mask[40:120, 60:150] = 1
    coarse = coarse_fill(pixels, mask)
    whole = smooth_fill(pixels, mask, coarse)
    pieced = np.empty_like(whole)
    for tile in tiles((150, 210), 64, HALO, GRID):
        cells = tuple(slice(s.start // GRID, -(-s.stop // GRID)) for s in tile.read)
        part = smooth_fill(pixels[tile.read], mask[tile.read], coarse[cells])
        pieced[tile.core] = part[tile.inner]
    np.testing.assert_allclose(pieced, whole, atol=1e-6)


def test_a_photo_that_is_all_damage_is_filled_with_middle_grey():
    pixels, mask = ramp(20, 20), np.ones((20, 20), np.float32)
    assert (smooth_fill(pixels, mask, coarse_fill(pixels, mask)) == 0.5).all()
