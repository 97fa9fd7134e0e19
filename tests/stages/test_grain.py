import dataclasses

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.film.grain import amplitude_at, measure_grain
from unfade.photo import Grain, Origin, Photo, Step
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.stages.grain import KeepGrain, missing_grain

FILM = Grain((0.2, 0.5, 0.8), ((0.02,) * 3, (0.04,) * 3, (0.02,) * 3), 0.8, 0.5)


TAKEN = Step("denoise", changed_pixels=1)


def denoised(side=256, channels=3, origin=Origin.DENOISED):
    x = np.linspace(0.1, 0.9, side, dtype=np.float32)[None, :, None]
    pixels = np.repeat(np.repeat(x, side, axis=0), channels, axis=2)
    marks = np.full((side, side), origin, np.uint8)
    return Photo(pixels, origin=marks, grain=FILM, history=(TAKEN,))


@pytest.mark.parametrize("keep", [0.35, 1.0])
def test_the_share_of_grain_asked_for_comes_back(keep):
    photo = denoised()
    done = KeepGrain(keep)(photo, Darkroom())
    measured = measure_grain(done.pixels)
    tones = np.array(measured.tones, np.float32)[None, :, None]
    wanted = keep * amplitude_at(FILM, np.repeat(tones, 3, axis=2))[0, :, 0]
    np.testing.assert_allclose(np.mean(measured.amplitude, axis=1), wanted, rtol=0.25)
    assert measured.radius_px == pytest.approx(FILM.radius_px, abs=0.15)


def test_grain_that_is_left_is_not_doubled():
    photo = denoised()
    once = KeepGrain(0.5)(photo, Darkroom()).pixels
    again = KeepGrain(0.5, seed=1)(dataclasses.replace(photo, pixels=once), Darkroom())
    twice = once if again.pixels is None else again.pixels
    assert (twice - photo.pixels).std() < 1.15 * (once - photo.pixels).std()


def test_missing_grain_adds_by_variance():
    left = Grain((0.5,), ((0.3, 0.3, 0.3),))
    before = Grain((0.5,), ((0.5, 0.5, 0.2),))
    np.testing.assert_allclose(missing_grain(before, left, 1).amplitude, [[0.4, 0.4, 0]])


def test_what_was_denoised_gets_grain_and_what_had_been_filled():
    photo = denoised()
    photo.origin[:64] = Origin.UNTOUCHED
    photo.origin[64:128] = Origin.TONE
    photo.origin[128:192] = Origin.FILLED
    done = run(photo, Recipe("r", (KeepGrain(1.0),)), Darkroom())
    np.testing.assert_array_equal(done.pixels[:128], photo.pixels[:128])
    added = done.pixels[128:] - photo.pixels[128:]
    assert (added != 0).mean() > 0.99
    assert added[:64].std() == pytest.approx(added[64:].std(), rel=0.05)
    np.testing.assert_array_equal(done.origin, photo.origin)


@pytest.mark.parametrize(
    "photo",
    [
        dataclasses.replace(denoised(), history=()),
        dataclasses.replace(denoised(), grain=None),
        dataclasses.replace(denoised(), origin=None),
        dataclasses.replace(denoised(), grain=Grain((0.5,), ((0.0,) * 3,))),
    ],
    ids=["nothing denoised", "not measured", "untouched", "no grain"],
)
def test_nothing_is_done_where_no_grain_was_taken(photo):
    edit = KeepGrain(1.0)(photo, Darkroom())
    assert edit.pixels is None
    assert edit.notes["evidence"].endswith("skipped")


def test_a_look_says_why_no_grain_is_added():
    room, photo = Darkroom(), denoised()
    whys = {
        "none is to be kept": KeepGrain(0.0).look(photo, room),
        "nothing was denoised": KeepGrain().look(dataclasses.replace(photo, history=()), room),
        "nobody measured it": KeepGrain().look(dataclasses.replace(photo, grain=None), room),
    }
    for why, finding in whys.items():
        assert finding.evidence.startswith(why) and not finding.needed


def test_tile_size_does_not_change_grain(monkeypatch):
    photo = denoised()
    whole = KeepGrain(1.0)(photo, Darkroom()).pixels
    darkroom = Darkroom()
    plain = darkroom.map
    monkeypatch.setattr(darkroom, "map", lambda *a, **k: plain(*a, **{**k, "tile": 50}))
    np.testing.assert_array_equal(KeepGrain(1.0)(photo, darkroom).pixels, whole)


def test_the_seed_fixes_the_grain():
    photo = denoised(64)
    first, same, other = (KeepGrain(1.0, s)(photo, Darkroom()).pixels for s in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).mean() > 0.9


def test_a_photo_made_grey_gets_grey_grain():
    done = KeepGrain(1.0)(denoised(channels=1), Darkroom()).pixels
    assert done.shape == (256, 256, 1)
    assert done.std() > 0
