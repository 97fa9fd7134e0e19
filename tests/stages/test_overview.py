"""Tests of what is found on the whole photo, seen from afar, with stubs in place of networks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.models.card import ModelCard
from unfade.models.model import Model
from unfade.photo import Damage, Photo, Pixels
from unfade.stages.damage import DetectDamage, damage_probability, find_damage
from unfade.stages.overview import joined, seen_afar
from unfade.stages.sight import PROXY_SIDE, SIDES, Sight, see

KINDS = 7


def flaked(height: int = 300, width: int = 400, channels: int = 3) -> Photo:
    """A dark photo whose right part is bright: to a network that sees a tile, a wall."""
    pixels = np.full((height, width, channels), 0.2, np.float32)
    pixels[:, width // 2 :] = 0.9
    pixels[5, 5] = 0
    return Photo(pixels)


def bright(small: Pixels) -> np.ndarray:
    """A network from afar that takes whatever is bright for lost emulsion."""
    answer = np.zeros((*small.shape[:2], 1 + KINDS), np.float32)
    answer[:, :, 0] = 40 * (small[:, :, 0] - 0.55)
    answer[:, :, Damage.LOSS] = 1
    return answer


class Room(Darkroom):
    """Close up nothing is found but dust on one pixel; from afar what is bright."""

    overview = "overview"

    def model(self, name: str) -> Model:
        card = ModelCard(name, name, "0" * 64, channels_out=1 + KINDS)
        if name == "overview":
            return Model(lambda planes: _planes(bright(planes[0].transpose(1, 2, 0))), card)
        return Model(self.near, dataclasses.replace(card, overview=self.overview))

    def near(self, planes: np.ndarray) -> np.ndarray:
        answer = np.full((1, 1 + KINDS, *planes.shape[2:]), 0.1, np.float32)
        answer[0, Damage.DUST] = 0.9
        answer[0, 0] = np.where(planes[0, 0] < 0.05, 0.95, 0.1)
        return answer


def _planes(answer: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(answer.transpose(2, 0, 1)[None])


@pytest.mark.parametrize("channels", [1, 3])
def test_what_fills_a_tile_is_found_from_afar_and_ends_at_its_edge(channels: int) -> None:
    probability, kinds = find_damage(flaked(channels=channels), Room())
    assert kinds is not None
    assert probability[:, 202:].min() > 0.99 and (kinds[:, 202:] == Damage.LOSS).all()
    assert probability[20:, :198].max() < 0.2 and (kinds[:, :198] == Damage.DUST).all()
    assert probability[5, 5] >= 0.95


def test_a_pixel_is_whole_only_if_neither_calls_it_damaged() -> None:
    photo, near = flaked(), np.full((300, 400), 0.5, np.float32)
    sight = see(photo, bright)
    both, _ = joined(sight, photo.pixels, near)
    seen, _ = seen_afar(sight, photo.pixels)
    np.testing.assert_allclose(both, 1 - 0.5 * (1 - seen), atol=1e-6)


def test_a_network_without_an_overview_is_believed_alone() -> None:
    room = Room()
    room.overview = ""
    probability, kinds = find_damage(flaked(), room)
    assert probability[:, 200:].max() < 0.2 and kinds is not None
    assert (kinds == Damage.DUST).all()


def test_tiles_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = find_damage(flaked(), Room())
    monkeypatch.setattr(Room, "tile_for", lambda *_: 37)
    for one, other in zip(whole, find_damage(flaked(), Room()), strict=True):
        assert one is not None and other is not None
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_nothing_is_added_where_nothing_is_seen() -> None:
    photo = Photo(np.full((300, 400, 3), 0.2, np.float32))
    near, kinds = np.full((300, 400), 0.5, np.float32), np.full((300, 400), 3, np.uint8)
    both, told = joined(see(photo, bright), photo.pixels, near, kinds)
    assert told is not None and np.array_equal(both, near) and np.array_equal(told, kinds)


def test_a_photo_of_several_sizes_is_seen_from_afar_at_the_smallest_alone() -> None:
    large, small = flaked(800, 1000), flaked(400, 500)
    assert find_damage(large, Room())[0][20:, 520:].max() < 0.2
    assert find_damage(small, Room())[0][20:, 260:].min() > 0.9
    assert damage_probability(large, Room())[20:, 520:].min() > 0.9


def test_the_networks_that_had_a_say_are_named() -> None:
    room = Darkroom()
    with room.during("damage"):
        DetectDamage()(flaked(64, 80), room)
        used = room.models_used()
    assert "damage" in used
    overview = room.model("damage").card.overview
    assert not overview or overview in used


def test_a_photo_is_seen_from_all_distances_and_mirrored() -> None:
    asked: list[Pixels] = []

    def ask(small: Pixels) -> np.ndarray:
        asked.append(small)
        away = np.linspace(0, 1, small.shape[1], dtype=np.float32)
        return np.broadcast_to(away[None, :, None], (*small.shape[:2], 1))

    seen = see(flaked(600, 800), ask)
    assert [max(small.shape) for small in asked] == [side for side in SIDES for _ in range(4)]
    assert seen.small.shape == (PROXY_SIDE * 3 // 4, PROXY_SIDE, 3)
    # What says left here and right in the mirror says nothing.
    np.testing.assert_allclose(seen.answer, 0.5, atol=1e-5)
    assert isinstance(seen, Sight) and seen.size == (600, 800)
