import numpy as np
import pytest

from unfade.degrade.tone import MID, AddVignette, Expose, draw_exposure, draw_vignette
from unfade.photo import Photo


def flat(tone, channels=3, size=(64, 96)):
    return Photo(np.full((*size, channels), tone, np.float32))


def test_a_stop_more_is_twice_the_light():
    aged = Expose(stops=1.0)(flat(0.3), None).pixels
    np.testing.assert_allclose(aged**2.2, 2 * 0.3**2.2, rtol=1e-4)


def test_contrast_turns_around_mid_grey():
    for contrast in (0.5, 1.5):
        stage = Expose(contrast=contrast)
        np.testing.assert_allclose(stage(flat(MID), None).pixels, MID, rtol=1e-5)
        assert (stage(flat(0.2), None).pixels > 0.2).all() == (contrast < 1)


def test_haze_lifts_black_and_leaves_white():
    stage = Expose(haze=0.2)
    np.testing.assert_allclose(stage(flat(0.0), None).pixels, 0.2, atol=1e-6)
    np.testing.assert_allclose(stage(flat(1.0), None).pixels, 1.0, atol=1e-6)


def test_the_neutral_exposure_changes_nothing():
    photo = Photo(np.random.default_rng(0).random((20, 30, 3), np.float32))
    np.testing.assert_allclose(Expose()(photo, None).pixels, photo.pixels, atol=1e-6)


@pytest.mark.parametrize(("strength", "sign"), [(0.5, -1), (-0.5, 1)])
def test_a_vignette_changes_corners_and_leaves_the_middle(strength, sign):
    aged = AddVignette(strength=strength)(flat(0.5), None).pixels
    assert sign * (aged[0, 0, 0] - 0.5) > 0.05
    assert aged[32, 48, 0] == pytest.approx(0.5, abs=1e-3)


def test_a_vignette_loses_the_light_asked_for_in_the_corner():
    aged = AddVignette(strength=0.5)(flat(0.5), None).pixels
    assert (aged[0, 0, 0] / 0.5) ** 2.2 == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("draw", [draw_exposure, draw_vignette])
def test_severity_changes_tone_more(draw):
    photo = Photo(np.random.default_rng(1).random((40, 40, 3), np.float32))

    def change(severity):
        drawn = [draw(np.random.default_rng(seed), severity) for seed in range(20)]
        return np.mean([np.abs(s(photo, None).pixels - photo.pixels).mean() for s in drawn])

    assert change(1.0) > 1.5 * change(0.0)
