"""What the networks are shown."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.darkroom import Darkroom  # noqa: E402
from unfade.degrade import AddParticles, AddWriting, draw_aging  # noqa: E402
from unfade.degrade.damage import spared  # noqa: E402
from unfade.photo import Damage, Photo  # noqa: E402
from unfade.pipeline import run  # noqa: E402
from unfade.recipe import Recipe  # noqa: E402
from unfade.train.aging import MOST_LONE, with_few  # noqa: E402
from unfade.train.examples import DamageExamples, unsettled  # noqa: E402


def crop_of(seed, side=96):
    rng = np.random.default_rng(seed)
    rough = rng.uniform(0.2, 0.8, (6, 6, 3)).astype(np.float32)
    return cv2.resize(rough, (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 1)


def marks_on(damage):
    return cv2.connectedComponents((damage >= 0.1).astype(np.uint8), connectivity=8)[0] - 1


@pytest.mark.parametrize("seed", [0, 2, 4, 10, 12, 13])
def test_few_marks_are_left_and_all_else_is_as_without_damage(seed):
    crop, rng = crop_of(seed), np.random.default_rng(seed)
    aging = draw_aging(rng, "film-35mm", 0.8, size=(96, 96))
    few = with_few(crop, aging, rng)
    before = marks_on(run(Photo(crop), aging, Darkroom()).damage)
    assert before > MOST_LONE >= marks_on(few.damage) >= 1
    whole = run(Photo(crop), spared(aging), Darkroom())
    rim = cv2.dilate((few.damage > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert np.array_equal(few.pixels[~rim], whole.pixels[~rim])
    assert np.abs(few.pixels - whole.pixels)[few.damage >= 1].max() > 0.02


def test_where_nothing_is_damaged_nothing_is_left():
    crop = crop_of(0)
    aging = spared(draw_aging(np.random.default_rng(0), "film-35mm", 0.5, size=(96, 96)))
    few = with_few(crop, aging, np.random.default_rng(0))
    assert few.damage is None or not few.damage.any()


WRITTEN = AddWriting(words=5, height_px=14, width_px=2, seed=3)
WORN = Recipe("worn", (AddParticles(count=3, kind="dirt", um_per_px=8, seed=1), WRITTEN))


def test_handwriting_is_neither_damage_nor_one_of_the_few_marks():
    crop = np.full((160, 160, 3), 0.6, np.float32)
    dirt = run(Photo(crop), Recipe("dirt", WORN.stages[:1]), Darkroom())
    written = run(Photo(crop), Recipe("written", (WRITTEN,)), Darkroom())
    words = (written.damage >= 1) & (dirt.damage == 0)
    assert words.sum() > 100
    for seed in range(12):
        few = with_few(crop, WORN, np.random.default_rng(seed))
        assert not few.damage[words].any() and few.damage.any()
        np.testing.assert_array_equal(few.pixels[words], written.pixels[words])
    only = with_few(crop, Recipe("written", (WRITTEN,)), np.random.default_rng(0))
    assert not only.damage.any() and np.array_equal(only.pixels, written.pixels)


def test_many_crops_hold_few_marks_as_real_photos_do():
    make = DamageExamples()
    damage = [make(crop_of(n), np.random.default_rng(n))[1] for n in range(80)]
    counts = np.array([marks_on(plane) for plane in damage])
    assert ((counts > 0) & (counts <= MOST_LONE)).mean() > 0.25
    assert (counts > 2 * MOST_LONE).mean() > 0.05


def test_under_a_wide_stain_nothing_is_settled_and_all_else_is():
    damage, kinds = np.zeros((2, 96, 96), np.float32)
    spot, stain, hair = np.s_[4:14, 4:14], np.s_[30:80, 20:50], np.s_[79, :]
    for where, kind in ((spot, Damage.STAIN), (stain, Damage.STAIN), (hair, Damage.HAIR)):
        damage[where], kinds[where] = 1, kind
    damage[31] *= 0.2  # Where it hardly shows it is clean, as any other damage.
    seen = unsettled(damage, kinds)
    assert (seen[spot] == 1).all()
    assert (seen[hair] == 1).all()
    assert (seen[40:50, 20:50] == 0.5).all()
    assert seen[31, 30] == pytest.approx(0.2)
    assert (seen[damage == 0] == 0).all()


def test_stains_of_aged_crops_are_left_open():
    make, seen, sure = DamageExamples(), 0, 0
    for n in range(60):
        _, damage, kinds = make(crop_of(n), np.random.default_rng(n))
        stained = (kinds == Damage.STAIN) & (damage > 0)
        seen += int((damage[stained] == 0.5).sum())
        sure += int((damage[~stained] >= 1).sum())
    assert seen > 500
    assert sure > 500
