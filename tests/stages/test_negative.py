import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.film.density import from_density, to_density
from unfade.photo import Origin, Photo
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.stages.negative import InvertNegative


def negative(channels=3, seed=0):
    rng = np.random.default_rng(seed)
    tones = rng.uniform(0.1, 0.95, (8, 12, channels)).repeat(8, 0).repeat(8, 1).astype(np.float32)
    base = np.array([0.25, 0.6, 0.9][:channels], np.float32)
    return tones, Photo(from_density(base + 0.6 * (2.4 - to_density(tones))))


def invert(photo, **settings):
    return run(photo, Recipe("invert", (InvertNegative(**settings),)), Darkroom())


def test_light_becomes_dark_and_what_was_measured_is_told():
    tones, photo = negative()
    found = invert(photo)
    assert np.corrcoef(found.pixels.ravel(), tones.ravel())[0, 1] > 0.97
    assert (found.origin == Origin.TONE).all()
    notes = found.history[0].notes
    assert "orange base" in notes["evidence"]
    assert len(notes["base"]) == len(notes["contrast"]) == len(notes["white"]) == 3


def test_it_is_done_also_without_an_orange_base_because_it_was_asked_for():
    _, photo = negative(channels=1)
    found = invert(photo)
    assert "without an orange base" in found.history[0].notes["evidence"]
    assert found.history[0].changed_pixels == photo.pixels.size


def test_what_was_measured_can_be_given_and_gives_the_same():
    _, photo = negative()
    found = invert(photo)
    notes = found.history[0].notes
    given = {name: notes[name] for name in ("base", "contrast", "white")}
    np.testing.assert_allclose(invert(photo, **given).pixels, found.pixels, atol=1e-5)


def test_the_brightness_follows_the_frame_unless_it_shall_not():
    _, photo = negative()
    given = {"base": (0.25, 0.6, 0.9), "contrast": (0.6,), "white": (4.0,)}
    assert invert(photo, **given, expose=False).pixels.mean() < 0.1
    assert invert(photo, **given).pixels.mean() > 0.3


def test_numbers_that_do_not_fit_the_channels_are_refused():
    with pytest.raises(ValueError, match=r"negative\.base takes no number, 1 or 3, got 2"):
        InvertNegative(base=(0.1, 0.2))
    _, grey = negative(channels=1)
    with pytest.raises(ValueError, match="must have 1 numbers for this photo, got 3"):
        invert(grey, base=(0.1, 0.2, 0.3))
