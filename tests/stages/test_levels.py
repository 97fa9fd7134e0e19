"""A scan is looked at in several sizes, with a network that sees nothing but narrow marks."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from unfade import darkroom as module
from unfade.darkroom import Darkroom
from unfade.models.card import ModelCard
from unfade.models.model import Model
from unfade.photo import Damage, Photo
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.stages.damage import DetectDamage
from unfade.stages.levels import RATIO, SIDE, marked, nearest, sides, smaller

NARROW = np.ones((7, 7), np.uint8)


class Room(Darkroom):
    """A darkroom whose network sees bright marks narrower than 7 px: dust, on small photos hair."""

    def model(self, name: str) -> Model:
        card = ModelCard(name, name, "0" * 64, channels_out=8, multiple_of=16, halo=16)
        return Model(self.narrow, card)

    def narrow(self, planes: np.ndarray) -> np.ndarray:
        height, width = planes.shape[2:]
        opened = cv2.morphologyEx(planes[0, 0], cv2.MORPH_OPEN, NARROW)
        answer = np.zeros((1, 8, height, width), np.float32)
        answer[0, 0] = np.clip(3 * (planes[0, 0] - opened), 0, 0.999)
        answer[0, Damage.DUST if width > 1000 else Damage.HAIR] = 1
        return answer


def scan() -> Photo:
    """1200 x 1600 pixels with a blot 12 px wide and a speck of 4."""
    pixels = np.full((1200, 1600, 3), 0.3, np.float32)
    pixels[602:614, 801:813] = 1
    pixels[200:204, 300:304] = 1
    return Photo(pixels)


def found(photo: Photo, **settings: float) -> Photo:
    return run(photo, Recipe("detect", (DetectDamage(**settings),)), Room())  # type: ignore[arg-type]


def test_a_blot_on_a_fine_scan_is_found_once_the_scan_is_small() -> None:
    after = found(scan(), grow_px=0)
    assert after.damage is not None and after.kinds is not None
    blot = after.damage[602:614, 801:813]
    assert blot.mean() > 0.8 and after.damage[590:626, 789:825].sum() < 1.6 * blot.size
    assert after.damage[200:204, 300:304].all()
    assert (after.kinds[after.damage > 0] != Damage.NONE).all()
    assert after.kinds[608, 807] == Damage.HAIR and after.kinds[202, 302] == Damage.DUST
    assert not after.kinds[after.damage == 0].any()


def test_what_is_known_is_not_counted_again() -> None:
    speck = np.full((1200, 1600, 3), 0.3, np.float32)
    speck[200:206, 300:306] = 1  # To be seen at both sizes.
    assert found(Photo(speck)).history[0].notes["marks"] == 1
    assert found(scan()).history[0].notes["marks"] == 2


def test_a_photo_as_networks_know_them_is_looked_at_once() -> None:
    small = Photo(np.full((400, 500, 3), 0.3, np.float32))
    assert list(smaller(small)) == []
    small.pixels[200:212, 300:312] = 1
    assert found(small).damage is not None and not found(small).damage.any()  # type: ignore[union-attr]


def test_strips_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = found(scan())
    monkeypatch.setattr(module, "STRIP_PIXELS", 37 * 1600)
    strips = found(scan())
    assert whole.damage is not None and strips.damage is not None
    assert np.array_equal(whole.damage, strips.damage)
    assert whole.kinds is not None and np.array_equal(whole.kinds, strips.kinds)


@pytest.mark.parametrize(
    "size", [(1, 1), (300, 20_000), (384, 384), (700, 700), (3000, 4000), (4000, 60_000)]
)
def test_levels_end_at_the_size_that_networks_know_in_even_steps(size: tuple[int, int]) -> None:
    levels = sides(size)
    shortest = [length * min(size) / max(size) for length in levels]
    assert levels[0] == max(size)
    if len(levels) > 1:
        assert shortest[-1] == pytest.approx(SIDE, rel=0.01)
    else:
        assert shortest[0] < SIDE * RATIO**0.5 + 1
    for finer, coarser in itertools.pairwise(levels):
        assert RATIO**0.5 < finer / coarser < RATIO**1.5
        assert finer / coarser == pytest.approx(levels[0] / levels[1], rel=0.01)


def test_planes_go_from_size_to_size_and_keep_their_places() -> None:
    mask = np.zeros((90, 120), np.float32)
    mask[30:60, 40:80] = 1
    small = nearest(mask, slice(0, 30), (30, 40))
    assert small.shape == (30, 40) and small[10:20].sum() == small.sum() == 10 * 14
    whole = slice(0, 90)
    again = marked(small, whole, (90, 120))
    assert again is not None and np.abs(again - mask).mean() < 0.02
    assert np.array_equal(
        nearest(small, whole, (90, 120)) > 0, nearest(small > 0, whole, (90, 120))
    )
    assert marked(small, slice(0, 15), (90, 120)) is None
    parts = [marked(small, slice(top, top + 30), (90, 120)) for top in (0, 30, 60)]
    joined = np.vstack([np.zeros((30, 120), bool) if part is None else part for part in parts])
    assert np.array_equal(joined, again)
