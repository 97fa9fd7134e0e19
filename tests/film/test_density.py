"""Tests of photographic density and of fading as an affine change of it."""

from __future__ import annotations

import numpy as np
import pytest

from unfade.film.density import (
    BLACK,
    Fade,
    change_density,
    fade,
    from_density,
    roll_off,
    surface,
    to_density,
    unfade,
)

FADED = Fade(
    dye=(0.55, 0.7, 0.62),
    crosstalk=(0, 0.06, 0.02, 0.04, 0, 0.03, 0.01, 0.08, 0),
    base=(0.03, 0.06, 0.2),
    field=tuple(0.05 * np.sin(np.arange(16)) - 0.05 * np.sin(np.arange(16)).mean()),
    tint=(0.6, 1.0, 1.5),
)


def picture(height: int = 48, width: int = 64, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(7)
    return rng.uniform(0, 0.85, (height, width, channels)).astype(np.float32)


def test_white_has_no_density_and_black_has_3_08() -> None:
    density = to_density(np.array([[[1.0], [0.0]]], np.float32))
    assert np.allclose(density.ravel(), [0, BLACK], atol=1e-6)
    assert pytest.approx(3.08, abs=0.005) == BLACK


def test_density_agrees_with_the_srgb_standard_above_its_toe() -> None:
    encoded = np.linspace(0.0405, 1, 50, dtype=np.float32)[None, :, None]
    standard = -np.log10(((encoded + 0.055) / 1.055) ** 2.4)
    assert np.allclose(to_density(encoded), standard, atol=1e-5)


def test_density_comes_back_as_the_same_16_bit_integers() -> None:
    codes = np.arange(0, 65536, 5, dtype=np.uint16)
    pixels = (codes / np.float32(65535)).reshape(1, -1, 1)
    back = from_density(to_density(pixels))
    assert np.array_equal(np.rint(back.ravel() * 65535).astype(np.uint16), codes)


@pytest.mark.parametrize("channels", [1, 3])
def test_unfading_takes_back_what_fading_did(channels: int) -> None:
    clean = picture(channels=channels)
    faded = fade(clean, FADED)
    assert abs(faded - clean).mean() > 0.05
    inside = (faded < 1).all(axis=2)  # the rest was clipped
    assert inside.mean() > 0.95
    assert abs(unfade(faded, FADED) - clean)[inside].max() < 1e-4


def test_nothing_happens_to_a_photo_that_did_not_fade() -> None:
    clean = picture()
    assert abs(fade(clean, Fade()) - clean).max() < 1e-6


def test_fading_scales_each_channel_in_density() -> None:
    clean = picture()
    faded = fade(clean, Fade(dye=(0.5, 1.0, 0.8)))
    ratio = to_density(faded) / to_density(clean)
    assert np.allclose(ratio, [0.5, 1.0, 0.8], atol=1e-3)


def test_a_grey_photo_fades_like_its_neutral_copy_in_the_mean() -> None:
    grey = picture(channels=1)
    copy = fade(np.repeat(grey, 3, axis=2), FADED)
    mean = to_density(copy) @ np.array([0.2126, 0.7152, 0.0722])
    assert np.allclose(to_density(fade(grey, FADED))[:, :, 0], mean, atol=1e-4)


def test_a_piece_fades_like_its_place_in_the_whole() -> None:
    whole = picture(90, 70)
    place = (slice(31, 77), slice(13, 70))
    piece = fade(whole[place], FADED, place, (90, 70))
    assert np.allclose(piece, fade(whole, FADED)[place], atol=1e-6)


def test_the_uneven_field_is_bounded_and_keeps_its_mean() -> None:
    grid = np.random.default_rng(1).normal(0, 0.1, (4, 4))
    field = surface(grid, (300, 400))
    assert grid.min() <= field.min() and field.max() <= grid.max()
    assert field.mean() == pytest.approx(grid.mean(), abs=1e-4)
    assert surface(np.full((4, 4), 0.3), (5, 7)) == pytest.approx(0.3)


def test_shadows_bend_and_are_not_cut() -> None:
    steps = np.linspace(0.001, 0.2, 200, dtype=np.float32).reshape(1, -1, 1)
    denser = (1.4 * np.eye(3), np.zeros(3), np.zeros((1, 1)), np.zeros(3))
    cut = change_density(steps, *denser)
    bent = change_density(steps, *denser, shadows=0.04)
    assert (cut == 0).sum() > 10 and (bent > 0).all()
    assert (np.diff(bent.ravel()) > 0).all()
    assert (bent >= cut).all() and (bent <= np.maximum(cut, steps)).all()
    np.testing.assert_array_equal(bent[cut >= 0.04], cut[cut >= 0.04])


def test_a_shadow_that_did_not_get_darker_is_left() -> None:
    before = np.array([0.0, 0.01, 0.02], np.float32)
    values = np.array([0.0, 0.01, 0.03], np.float32)
    roll_off(values, before, 0.04)
    assert values.tolist() == pytest.approx([0.0, 0.01, 0.03])


def test_restoring_parameters_are_named_as_the_fade_they_undo() -> None:
    named = Fade.from_restoring(
        np.linalg.inv(FADED.matrix), np.array(FADED.base), FADED.grid, np.array(FADED.tint)
    )
    for name in ("dye", "crosstalk", "base", "field", "tint"):
        assert getattr(named, name) == pytest.approx(getattr(FADED, name), abs=1e-9)
        assert all(type(value) is float for value in getattr(named, name))


@pytest.mark.parametrize(
    "wrong",
    [{"dye": (1.0, 1.0)}, {"crosstalk": (0.0,) * 6}, {"field": (0.0,) * 5}, {"dye": (1, 0, 1)}],
)
def test_fades_that_cannot_be_are_refused(wrong: dict[str, tuple[float, ...]]) -> None:
    with pytest.raises(ValueError):
        Fade(**wrong)
