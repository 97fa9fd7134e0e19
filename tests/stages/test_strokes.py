import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.models.card import ModelCard
from unfade.models.model import Model
from unfade.photo import Photo
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.stages.damage import DetectDamage
from unfade.stages.strokes import damaged_within, standing_out


class Blind(Darkroom):
    """A darkroom whose network sees no damage anywhere."""

    def model(self, name):
        card = ModelCard(name, name, "0" * 64, channels_out=1, multiple_of=16, halo=16)
        return Model(lambda planes: np.zeros_like(planes[:, :1]), card)


def scratched(channels=3, value=0.9):
    """A slope of grey with a scratch of 3 px, and a brush of 15 px over it."""
    pixels = np.tile(np.linspace(0.3, 0.5, 90, dtype=np.float32), (70, 1))[:, :, None]
    pixels = np.repeat(pixels, channels, axis=2)
    pixels[30:33, 15:55] = value
    strokes = np.zeros((70, 90), np.float32)
    strokes[25:40, 10:60] = 1
    return Photo(pixels), strokes


def within(photo, strokes, probability=0.0, grow_px=0, room=None):
    plane = np.full(photo.size, probability, np.float32)
    return damaged_within(photo, strokes, plane, grow_px, room or Darkroom())


@pytest.mark.parametrize("value", [0.9, 0.05])
@pytest.mark.parametrize("channels", [1, 3])
def test_of_a_stroke_only_what_stands_out_is_marked(channels, value):
    photo, strokes = scratched(channels, value)
    found = within(photo, strokes)
    assert found.mask[30:33, 15:55].all()
    assert found.mask.sum() == 3 * 40
    assert (found.strokes, found.painted_px, found.damaged_px) == (1, 15 * 50, 120)
    assert found.empty == 0


def test_it_grows_no_farther_than_was_painted():
    photo, strokes = scratched()
    strokes[33:40] = 0
    found = within(photo, strokes, grow_px=3)
    assert found.mask[28:31, 15:55].all()
    assert found.mask.sum() > 4 * 40
    assert not found.mask[strokes == 0].any()


def test_where_the_network_is_sure_less_has_to_stand_out():
    photo, strokes = scratched()
    faint = photo.pixels.copy()
    faint[35:37, 20:50] += 0.05  # A tenth of the scratch above.
    plane = np.zeros(photo.size, np.float32)
    plane[30:33] = 0.9
    blind = damaged_within(Photo(faint), strokes, plane, 0, Darkroom())
    assert not blind.mask[35:37].any()
    plane[35:37, 20:50] = 0.8
    told = damaged_within(Photo(faint), strokes, plane, 0, Darkroom())
    assert told.mask[35:37, 20:50].all()
    assert told.mask[30:33, 15:55].all()


def test_a_stroke_is_of_one_side():
    photo, strokes = scratched()
    both = photo.pixels.copy()
    both[36:38, 20:24] = 0.0  # Dark, and smaller than the bright scratch.
    found = within(Photo(both), strokes)
    assert found.mask[30:33, 15:55].all()
    assert not found.mask[36:38].any()


def test_strokes_over_nothing_are_left_and_counted():
    photo, strokes = scratched()
    strokes[50:60, 70:85] = 1
    found = within(photo, strokes)
    assert (found.strokes, found.empty) == (2, 1)
    assert not found.mask[45:].any()


def test_it_is_marked_as_much_as_it_was_painted():
    photo, strokes = scratched()
    found = within(photo, strokes * 0.5)
    assert set(np.unique(found.mask)) == {0.0, 0.5}


def test_strips_and_tiles_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    pixels = rng.random((300, 260, 3)).astype(np.float32) * 0.1 + 0.4
    strokes = np.zeros((300, 260), np.float32)
    for top in range(10, 280, 40):
        strokes[top : top + 20, 20:240] = 1
        pixels[top + 8 : top + 11, 20:240] = 0.9
    plane = rng.random((300, 260)).astype(np.float32)
    whole = damaged_within(Photo(pixels), strokes, plane, 2, Darkroom())
    monkeypatch.setattr("unfade.darkroom.STRIP_PIXELS", 260 * 7)
    monkeypatch.setattr(Darkroom, "tile_where", lambda *_, **__: 64)
    parts = damaged_within(Photo(pixels), strokes, plane, 2, Darkroom())
    assert np.array_equal(whole.mask, parts.mask)


def test_what_stands_out_is_told_with_its_sign_and_only_where_painted():
    photo, strokes = scratched(value=0.9)
    plane = standing_out(photo.pixels, strokes, Darkroom())
    assert plane[31, 20:50].min() > 0.3
    assert not plane[strokes == 0].any()
    dark, _ = scratched(value=0.0)
    assert standing_out(dark.pixels, strokes, Darkroom())[31, 20:50].max() < -0.2


def test_the_stage_looks_within_a_given_mask_only_if_it_was_painted_roughly():
    photo, strokes = scratched()
    given = Photo(photo.pixels, damage=strokes)
    kept = run(given, Recipe("kept", (DetectDamage(),)), Blind())
    assert np.array_equal(kept.damage, strokes)
    found = run(given, Recipe("rough", (DetectDamage(rough=True, grow_px=1),)), Blind())
    assert found.damage.sum() == 5 * 40 + 2 * 3
    notes = found.history[0].notes
    assert notes["evidence"] == "1 stroke given, 120 of 750 px in them damaged"
    assert notes["strokes"] == 1
    assert notes["damaged_px"] == 120


def test_a_mask_that_was_found_is_not_taken_for_strokes():
    photo, strokes = scratched()
    once = run(
        Photo(photo.pixels, damage=strokes), Recipe("once", (DetectDamage(rough=True),)), Blind()
    )
    twice = run(once, Recipe("twice", (DetectDamage(rough=False),)), Blind())
    assert np.array_equal(once.damage, twice.damage)
    looked = run(photo, Recipe("looked", (DetectDamage(rough=True),)), Blind())
    assert looked.damage is not None
    assert not looked.damage.any()
