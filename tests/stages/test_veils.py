"""Tests of the lifting of veils, with a stub in place of the network."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.metrics import psnr
from unfade.models.card import ModelCard
from unfade.models.model import Model
from unfade.photo import Origin, Photo, Pixels
from unfade.pipeline import run
from unfade.recipe import Recipe, Stage
from unfade.stages.veils import (
    FIELDS,
    MOST_GAIN,
    LiftVeils,
    enlarged,
    opaque,
    see_veils,
    veil_probability,
)

TONE = np.array([0.8, 0.65, 0.4], np.float32)
"""What white becomes under the veil of these tests."""


class Stub(Darkroom):
    """A darkroom whose only model gives a known answer, tiles as small as wanted.

    The first photo of a size that it sees is the straight one; mirrors get the mirrored answer.
    """

    def __init__(self, answer: np.ndarray, tile: int = 1024) -> None:
        super().__init__()
        self.answer, self.tile = answer, tile
        self.first: dict[tuple[int, ...], np.ndarray] = {}

    def model(self, name: str) -> Model:
        assert name == "veils"
        card = ModelCard(name, name, "0" * 64, tiling="whole", channels_out=FIELDS)
        return Model(self.tell, card)

    def tell(self, planes: np.ndarray) -> np.ndarray:
        straight = self.first.setdefault(planes.shape, planes)
        size = planes.shape[:1:-1]
        answer = cv2.resize(self.answer, size, interpolation=cv2.INTER_NEAREST)
        answer = answer.transpose(2, 0, 1)[None]
        for down in (1, -1):
            for across in (1, -1):
                if np.array_equal(straight[..., ::down, ::across], planes):
                    return answer[..., ::down, ::across]
        raise AssertionError("neither the photo nor one of its mirrors")

    def map(self, fn, *arrays, out, **options):  # type: ignore[no-untyped-def]
        return super().map(fn, *arrays, out=out, **{**options, "tile": self.tile})


def probability(photo: Photo, darkroom: Darkroom) -> np.ndarray:
    return veil_probability(see_veils(photo, darkroom), darkroom, LiftVeils.certainty)


def scene(height: int = 144, width: int = 192, channels: int = 3) -> Pixels:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    waves = [np.sin(x / (11 + 5 * c) + c) * np.cos(y / (17 - 4 * c)) for c in range(channels)]
    return (0.5 + 0.4 * np.stack(waves, axis=2)).astype(np.float32)


def under(size: tuple[int, int] = (144, 192)) -> np.ndarray:
    """Where the veil of these tests lies: a wide band at the right."""
    covered = np.zeros(size, bool)
    covered[:, size[1] // 2 :] = True
    return covered


def answer(odds: float = 8.0, size: tuple[int, int] = (144, 192)) -> np.ndarray:
    """What a perfect network would say of a stain of `TONE`."""
    told = np.zeros((*size, FIELDS), np.float32)
    told[:, :, 0] = np.where(under(size), odds, -8.0)
    gain = np.arctanh(-np.log(TONE) / MOST_GAIN)
    told[:, :, 1:4] = np.where(under(size)[:, :, None], gain, 0)
    return told


def stained(clear: Pixels) -> Pixels:
    tone = TONE if clear.shape[2] == 3 else np.array([1 / (1 / TONE).mean()], np.float32)
    return np.where(under(clear.shape[:2])[:, :, None], clear * tone, clear)


def away(size: tuple[int, int] = (144, 192), by: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """What is under the veil and what beside it, without the pixels near its border."""
    middle = size[1] // 2
    columns = np.broadcast_to(np.arange(size[1]), size)
    return columns >= middle + by, columns < middle - by


def test_it_keeps_the_contract_of_a_stage() -> None:
    assert isinstance(LiftVeils(), Stage)
    assert LiftVeils.marks is Origin.TONE and not LiftVeils.invents


@pytest.mark.parametrize("channels", [1, 3])
def test_a_stain_that_is_known_goes_and_the_rest_keeps_its_very_values(channels: int) -> None:
    clear = scene(channels=channels)
    photo = run(Photo(stained(clear)), Recipe("lift", (LiftVeils(),)), Stub(answer()))
    assert psnr(stained(clear), clear) < 25
    lifted, beside = away()
    np.testing.assert_allclose(photo.pixels[lifted], clear[lifted], atol=1e-5)
    np.testing.assert_array_equal(photo.pixels[beside], clear[beside])
    assert photo.origin is not None and (photo.origin[beside] == Origin.UNTOUCHED).all()
    assert "a veil over 50.0%" in photo.history[0].notes["evidence"]


def test_half_the_strength_takes_half_of_it_away() -> None:
    clear = scene()
    half = LiftVeils(strength=0.5)(Photo(stained(clear)), Stub(answer())).pixels
    assert half is not None
    lifted = away()[0]
    np.testing.assert_allclose(half[lifted], ((clear + stained(clear)) / 2)[lifted], atol=1e-5)
    assert LiftVeils(strength=0.0)(Photo(stained(clear)), Stub(answer())).pixels is None


def test_a_network_that_sees_nothing_certain_changes_nothing() -> None:
    photo = Photo(stained(scene()))
    unsure = LiftVeils()(photo, Stub(answer(odds=4.5)))
    assert unsure.pixels is None
    assert unsure.notes["evidence"] == "no stain, tape or light leak: skipped"
    assert not LiftVeils().look(photo, Stub(answer(odds=4.5))).needed
    assert LiftVeils(certainty=0.9).look(photo, Stub(answer(odds=4.5))).needed


def test_specks_are_left_to_other_stages() -> None:
    told = answer()
    told[:, :, 0] = -8
    told[60:62, 60:62, 0] = 8
    assert not LiftVeils().look(Photo(scene()), Stub(told)).needed
    assert LiftVeils(least=0.0001).look(Photo(scene()), Stub(told)).needed


def test_a_photo_of_any_size_is_lifted_alike_in_tiles_of_any_side() -> None:
    clear = scene(480, 640)
    whole, tiled = (
        LiftVeils()(Photo(stained(clear)), Stub(answer(size=(144, 192)), tile)).pixels
        for tile in (1024, 96)
    )
    assert whole is not None and tiled is not None
    np.testing.assert_array_equal(whole, tiled)
    lifted, beside = away((480, 640), 16)
    np.testing.assert_allclose(whole[lifted], clear[lifted], atol=1e-5)
    np.testing.assert_array_equal(whole[beside], clear[beside])


def test_a_veil_ends_where_the_photo_has_its_edge() -> None:
    """The network sees a sixth of the photo's pixels; the border of the stain stays sharp."""
    clear = np.full((864, 1152, 3), 0.9, np.float32) + scene(864, 1152) * np.float32(0.02)
    lifted = LiftVeils()(Photo(stained(clear)), Stub(answer())).pixels
    assert lifted is not None
    off = np.abs(lifted - clear)[:, 576 - 12 : 576 + 12].mean()
    blurred = np.abs(stained(clear) - clear)[:, 576 - 12 : 576 + 12].mean()
    assert off < 0.3 * blurred


def test_pieces_are_kept_whole_or_not_at_all() -> None:
    odds = np.full((20, 30), -5, np.float32)
    odds[2:8, 2:8], odds[4, 4] = 0.5, 6
    odds[12:18, 12:18] = 0.5
    opacity = opaque(odds, 0.95)
    assert (opacity[2:8, 2:8] == 1).all()
    assert np.count_nonzero(opacity) == 36
    assert np.count_nonzero(opaque(odds, 0.5)) == 72
    assert np.count_nonzero(opaque(odds, 0.0)) == 72
    assert not opaque(odds, 1.0).any()


def test_a_field_is_enlarged_linearly_and_its_parts_fit() -> None:
    field = np.arange(5, dtype=np.float32)[None, :, None].repeat(4, 0)
    large = enlarged(field, (slice(0, 40), slice(0, 50)), (40, 50))
    np.testing.assert_allclose(np.diff(large[0, 6:44, 0]), 0.1, atol=1e-5)
    part = enlarged(field, (slice(13, 29), slice(7, 31)), (40, 50))
    np.testing.assert_array_equal(part, large[13:29, 7:31])


def test_the_probability_is_told_for_every_pixel_of_the_photo() -> None:
    seen = probability(Photo(scene(480, 640)), Stub(answer(size=(144, 192))))
    assert seen.shape == (480, 640)
    assert seen[:, 330:].min() > 0.99 and seen[:, :310].max() < 0.01


class Lopsided(Darkroom):
    """A network that takes whatever is dark and lies on the left and above for a veil."""

    def model(self, name: str) -> Model:
        def tell(planes: np.ndarray) -> np.ndarray:
            height, width = planes.shape[2:]
            away = np.linspace(0, 1, width) + np.linspace(0, 0.5, height)[:, None]
            return np.repeat(4 - 8 * planes[:, :1] * away.astype(np.float32), FIELDS, axis=1)

        return Model(tell, ModelCard(name, name, "0" * 64, tiling="whole", channels_out=FIELDS))


@pytest.mark.parametrize(("down", "across"), [(1, -1), (-1, 1), (-1, -1)])
def test_a_photo_and_its_mirrors_are_seen_alike(down: int, across: int) -> None:
    photo = Photo(scene())
    mirror = Photo(np.ascontiguousarray(photo.pixels[::down, ::across]))
    seen = probability(photo, Lopsided())
    assert np.ptp(seen) > 0.2
    again = probability(mirror, Lopsided())[::down, ::across]
    np.testing.assert_allclose(again, seen, atol=1e-5)


@pytest.mark.parametrize(("odds", "counted"), [(8.0, 8.0), (5.0, 4.2), (1.0, -2.0), (-1.0, -4.0)])
def test_a_veil_is_less_likely_where_none_is_sure(odds: float, counted: float) -> None:
    told = probability(Photo(scene()), Stub(answer(odds)))[:, -1]
    np.testing.assert_allclose(np.log(told / (1 - told)), counted, atol=0.02)
