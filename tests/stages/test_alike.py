import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.stages import alike
from unfade.stages.alike import BLACK, likely_alike, looks, resemblance
from unfade.stages.marks import USUAL, USUAL_MONOCHROME, candidates

BRIGHT, DARK = [1, np.log(0.9), np.log(3)], [-1, np.log(0.1), np.log(3)]


def test_a_doubtful_mark_is_damage_among_its_like_and_detail_among_others():
    sure, hopeless, doubtful = 3.0, -3.0, 0.5
    marks = np.array([BRIGHT] * 20 + [DARK] * 20 + [BRIGHT, DARK])
    evidence = np.array([sure] * 20 + [hopeless] * 20 + [doubtful] * 2)
    bright, dark = likely_alike(evidence, marks)[-2:]
    assert bright > 0.9 and dark < 0.1
    mirrored = marks * [-1, 1, 1]
    np.testing.assert_allclose(likely_alike(evidence, mirrored)[-2:], [bright, dark])


def test_marks_that_look_alike_say_nothing_of_each_other():
    likely = np.array([0.1, 0.9, 0.2, 0.8, 0.5])
    said = resemblance(np.tile(BRIGHT, (5, 1)), likely)
    np.testing.assert_allclose(said, 0, atol=1e-6)


def test_a_mark_does_not_speak_for_itself():
    marks = np.array([BRIGHT, DARK, DARK, DARK])
    few = resemblance(marks, np.array([0.01, 0.1, 0.2, 0.3]))
    many = resemblance(marks, np.array([0.99, 0.1, 0.2, 0.3]))
    assert few[0] == many[0]
    assert many[1] < few[1]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_marks_are_judged_too(count):
    evidence = np.linspace(-1, 1, count)
    likely = likely_alike(evidence, np.tile(BRIGHT, (count, 1)))
    assert likely.shape == (count,) and np.isfinite(likely).all()
    assert (likely < 0.5).all()


def test_of_too_many_marks_some_speak_for_all(monkeypatch):
    rng = np.random.default_rng(0)
    true = rng.random(900) < 0.5
    marks = np.where(true[:, None], BRIGHT, DARK) + rng.normal(0, [0, 0.2, 0.3], (900, 3))
    evidence = rng.normal(np.where(true, 1, -1), 1.5)
    all_spoke = likely_alike(evidence, marks)
    monkeypatch.setattr(alike, "MOST", 200)
    monkeypatch.setattr(alike, "BLOCK", 70)
    some_spoke = likely_alike(evidence, marks)
    assert np.mean((all_spoke > 0.5) == true) > np.mean((evidence > 0) == true) + 0.1
    assert np.mean((some_spoke > 0.5) == (all_spoke > 0.5)) > 0.99


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(1)
    marks, likely = rng.normal(0, 0.5, (50, 3)), rng.random(50)
    whole = resemblance(marks, likely)
    monkeypatch.setattr(alike, "BLOCK", 7)
    np.testing.assert_allclose(resemblance(marks, likely), whole)


@pytest.mark.parametrize("channels", [1, 3])
def test_looks_are_polarity_lightness_and_width(channels):
    pixels = np.full((200, 300, channels), 0.4, np.float32)
    probability = np.zeros((200, 300), np.float32)
    for place, light in ((np.s_[20:24, 30:230], 0.9), (np.s_[100:110, 100:110], 0.05)):
        probability[place], pixels[place] = 1, light
    probability[0:3, 290:300] = 1  # As light as what is around it, in a corner.
    seen = candidates(probability, Darkroom())
    which = seen.of_size(5)
    told = {int(width.round()): [sign, light] for sign, light, width in _plain(pixels, seen, which)}
    assert told[4] == [1, pytest.approx(0.9)]
    assert told[10] == [-1, pytest.approx(0.05)]
    assert told[3] == [pytest.approx(0, abs=1e-4), pytest.approx(0.4)]
    assert len(looks(pixels, seen, np.zeros_like(which))) == 0


def test_neighbors_are_not_what_a_mark_lies_on():
    pixels = np.full((60, 60, 1), 0.4, np.float32)
    probability = np.zeros((60, 60), np.float32)
    for side, light, damaged in ((20, 0.9, 1), (6, 0.5, 0), (2, 0.6, 1)):
        square = np.s_[30 - side : 30 + side, 30 - side : 30 + side]
        pixels[square], probability[square] = light, damaged
    seen = candidates(probability, Darkroom())
    inner = np.arange(len(seen.areas)) == seen.labels[30, 30]
    assert looks(pixels, seen, inner)[0, 0] == 1, "what is around it is a mark for the most part"


def test_a_mark_that_fills_the_photo_has_nothing_around_it():
    pixels = np.full((20, 20, 3), 0.3, np.float32)
    seen = candidates(np.ones((20, 20), np.float32), Darkroom())
    (told,) = looks(pixels, seen, seen.of_size(5))
    np.testing.assert_allclose(told, [1, np.log(0.3 + BLACK), np.log(20)], rtol=1e-5)


def test_a_monochrome_photo_is_sooner_believed_to_be_damaged():
    evidence, marks = np.array([0.5, 2.0]), np.tile(BRIGHT, (2, 1))
    usual = likely_alike(evidence, marks)
    assert (likely_alike(evidence, marks, USUAL_MONOCHROME) > usual).all()
    np.testing.assert_array_equal(usual, likely_alike(evidence, marks, USUAL))


def _plain(pixels, seen, which):
    for sign, light, width in looks(pixels, seen, which):
        yield sign, np.exp(light) - BLACK, np.exp(width)
