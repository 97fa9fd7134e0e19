import cv2
import numpy as np
import pytest

from unfade.film.density import to_density
from unfade.film.registration import Alignment, align, register

SIZE = (512, 704)


def dusty(seed=0, size=SIZE, specks=250):
    """A soft picture, and where dust lies on it: opacity in [0, 1]."""
    rng = np.random.default_rng(seed)
    soft = cv2.GaussianBlur(rng.standard_normal((*size, 3), np.float32), (0, 0), 12)
    picture = np.clip(0.5 + 2 * soft, 0.2, 0.8)
    canvas = np.zeros(size, np.uint8)
    for x, y in rng.integers(0, size[::-1], (specks, 2)):
        axes = tuple(int(side) for side in rng.integers(1, 5, 2))
        cv2.ellipse(canvas, (int(x), int(y)), axes, int(rng.integers(180)), 0, 360, 255, -1)
    return picture, cv2.GaussianBlur(canvas, (0, 0), 0.6).astype(np.float32) / 255


def scanned(moved, tone=0.1, seed=0):
    """The picture with its dust, and an infrared plane that is displaced by `moved`."""
    picture, opacity = dusty(seed)
    pixels = picture + opacity[:, :, None] * (np.float32(tone) - picture)
    grow = complex(1 + moved.scale, moved.rotation)
    back = -complex(*moved.shift_px) / grow
    inverse = Alignment((back.real, back.imag), (1 / grow).real - 1, (1 / grow).imag)
    infrared = align(0.8 - 0.6 * opacity, inverse, SIZE)
    noise = 0.01 * np.random.default_rng(seed + 1).standard_normal(SIZE)
    return np.clip(infrared + noise, 0, 1).astype(np.float32), pixels


def farthest_miss(found, true):
    corners = np.array([[x, y] for x in (-0.5, 0.5) for y in (-0.5, 0.5)]) * SIZE[::-1]
    return np.linalg.norm(found.displacement(corners) - true.displacement(corners), axis=1).max()


@pytest.mark.parametrize("tone", [0.05, 0.95])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (2.4, -1.7), (-3.0, 3.0)])
def test_a_shift_is_found_to_a_fraction_of_a_pixel_under_dark_and_bright_dust(shift, tone):
    true = Alignment(shift, scale=0.003, rotation=-0.001)
    found = register(*scanned(true, tone))
    assert found.patches >= 4
    assert farthest_miss(found, true) < 0.5
    assert found.rest_px < 0.6


def test_without_dust_the_plane_is_taken_as_it_lies():
    noise = np.random.default_rng(2).standard_normal(SIZE).astype(np.float32)
    assert register(0.8 + 0.01 * noise, dusty()[0]) == Alignment()


def test_an_infrared_plane_of_another_picture_is_not_made_to_fit():
    infrared, _ = scanned(Alignment((2.0, 2.0)))
    _, other = scanned(Alignment(), seed=9)
    assert register(infrared, other).patches < 4


def test_a_plane_smaller_than_a_patch_is_registered():
    infrared, pixels = scanned(Alignment((1.5, -1.0)))
    crop = np.s_[100:260, 100:280]
    found = register(np.ascontiguousarray(infrared[crop]), pixels[crop])
    assert found.shift_px == pytest.approx((1.5, -1.0), abs=0.3)


def test_a_piece_is_laid_over_the_picture_like_the_whole():
    plane = dusty()[1]
    moved = Alignment((2.2, -1.3), 0.003, 0.002)
    whole = align(plane, moved, SIZE)
    halo = moved.reach_px(SIZE) + 2
    place = np.s_[200:360, 300:500]
    piece = align(np.ascontiguousarray(plane[place]), moved, SIZE, place)
    inner = np.s_[halo:-halo, halo:-halo]
    np.testing.assert_allclose(piece[inner], whole[place][inner], atol=0.02)


def test_no_displacement_leaves_the_plane_as_it_is():
    plane = dusty()[1]
    np.testing.assert_allclose(align(plane, Alignment(), SIZE), plane, atol=1e-6)


def test_light_stays_within_range_beside_dust_that_stops_all_of_it():
    # Cubic interpolation overshoots at an edge; density has no number for light below 0.
    plane = np.full((64, 64), 0.95, np.float32)
    plane[24:40, 24:40] = 0.0
    laid = align(plane, Alignment((0.5, 0.5)), plane.shape)
    assert laid.min() >= 0 and laid.max() <= 1
    assert np.isfinite(to_density(laid)).all()
