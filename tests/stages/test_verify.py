"""The second network that looks at each mark alone: what it is shown, and what it decides."""

import tracemalloc

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.models.card import ModelCard
from unfade.models.model import Model
from unfade.photo import Photo
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.stages.damage import DetectDamage
from unfade.stages.marks import candidates
from unfade.stages.verify import (
    AFAR,
    BATCH,
    PART_SIDE,
    PARTS,
    SURE,
    VIEW_CHANNELS,
    VIEW_SIDE,
    ask,
    look_over,
    parts,
    shown,
    square,
    view,
)

HALF = VIEW_SIDE // 2


class Room(Darkroom):
    """Bright red is damage to the first network; the second believes it where blue is dark."""

    def model(self, name):
        def detect(planes):
            return np.clip(planes[:, :1], 0, 0.999)

        def verify(views):
            assert views.shape == (BATCH, VIEW_CHANNELS, VIEW_SIDE, VIEW_SIDE)
            return 40 * (0.5 - views[:, 2, HALF, HALF][:, None])

        facts = {"multiple_of": 16, "halo": 16, "calibration": (1.0, 0.0)}
        if name == "verify":
            card = ModelCard(name, name, "", inputs=(VIEW_CHANNELS,), channels_out=1, **facts)
            return Model(verify, card)
        card = ModelCard(name, name, "", channels_out=1, verifier="verify", **facts)
        return Model(detect, card)


def specks(blue, probability=0.99, count=1):
    """A photo with specks of a blue of their own."""
    pixels = np.full((60, 40 * count, 3), 0.1, np.float32)
    for number in range(count):
        part = pixels[20:24, 40 * number + 20 : 40 * number + 24]
        part[..., 0], part[..., 2] = probability, blue[number % len(blue)]
    return Photo(pixels)


def marks(photo, room=None, **settings):
    stage = DetectDamage(grow_px=0, **settings)
    return run(photo, Recipe("detect", (stage,)), room or Room())


def test_only_marks_that_the_second_network_believes_are_kept():
    found = marks(specks([0.0, 1.0], count=6))
    assert found.damage[21, 21] == 1 and found.damage[21, 61] == 0
    assert found.damage.sum() == 3 * 16
    assert found.history[0].notes["marks"] == 3


def test_what_is_hardly_seen_is_found_if_the_second_network_believes_it():
    assert marks(specks([0.0], probability=0.65, count=4)).damage.sum() == 4 * 16
    assert marks(specks([1.0], probability=0.999, count=4)).damage.sum() == 0


def test_more_marks_than_go_into_one_batch_are_all_judged():
    count = BATCH + 5
    assert marks(specks([0.0], count=count)).history[0].notes["marks"] == count


def test_a_mark_is_judged_the_same_upside_down():
    class Lopsided(Room):
        """The second network believes marks with more red above than below."""

        def model(self, name):
            def verify(views):
                red = views[:, 0] * views[:, 4]
                return (red[:, :HALF].sum((1, 2)) - red[:, HALF:].sum((1, 2)))[:, None] + 1

            model = super().model(name)
            return Model(verify, model.card) if name == "verify" else model

    photo = specks([0.0])
    photo.pixels[20:22, 20:24, 0] = 0.7
    probability = (photo.pixels[:, :, 0] > 0.5) * np.float32(0.9)
    seen = candidates(probability, Darkroom())
    answer = ask(photo.pixels, probability, seen, seen.of_size(5), Lopsided())
    assert answer[:, 0] == pytest.approx([1.0], abs=1e-4)


def test_a_view_shows_the_mark_in_its_middle_close_up_and_from_afar():
    rng = np.random.default_rng(0)
    pixels = rng.random((300, 400, 3), np.float32)
    probability = np.zeros((300, 400), np.float32)
    probability[150:154, 201:207] = 0.9
    seen = candidates(probability, Darkroom())
    (whole,) = parts(seen, 1)
    seen_so = view(look_over(pixels, probability, Darkroom()), seen, 1, whole).transpose(1, 2, 0)
    top, left = 152 - HALF, 204 - HALF
    np.testing.assert_array_equal(
        seen_so[:, :, :3], pixels[top : top + VIEW_SIDE, left : left + VIEW_SIDE]
    )
    assert (
        seen_so[HALF - 2 : HALF + 2, HALF - 3 : HALF + 3, 4].all() and seen_so[:, :, 4].sum() == 24
    )
    far = pixels[152 - AFAR * HALF : 152 + AFAR * HALF, 204 - AFAR * HALF : 204 + AFAR * HALF]
    means = far.reshape(VIEW_SIDE, AFAR, VIEW_SIDE, AFAR, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(seen_so[:, :, 5:8], means, atol=1e-4)
    # Six of the sixteen pixels of a cell are marked at most, and the log odds are in [0, 1].
    assert seen_so[:, :, 8].max() == pytest.approx(odds(0.9 * 6 / 16), abs=1e-3)
    assert seen_so[HALF, HALF, 3] == pytest.approx(odds(0.9), abs=1e-4)
    assert seen_so[0, 0, 3] == seen_so[0, 0, 8] == pytest.approx(0, abs=1e-5)


def odds(probability):
    """Log odds of a probability from 0 at 1/400 to 1 at 399/400."""
    return 0.5 + np.log(probability / (1 - probability)) / (2 * np.log(399))


@pytest.mark.parametrize("probability", [0, 1e-5, 0.0025, 0.3, 0.5, 0.98, 1])
def test_probabilities_are_shown_by_their_log_odds(probability):
    expected = odds(np.clip(probability, 1 / 400, 399 / 400))
    given = np.full((3, 2), probability, np.float32)
    np.testing.assert_allclose(shown(given), np.full((3, 2), expected), atol=1e-5)


def test_of_a_mark_larger_than_the_view_the_fullest_parts_are_seen_as_they_are():
    probability = np.zeros((500, 400), np.float32)
    probability[10:490, 200] = 1
    probability[300:340, 198:202] = 1
    seen = candidates(probability, Darkroom())
    grey = np.zeros((500, 400, 1), np.float32)
    cells = parts(seen, 1)
    assert len(cells) == PARTS
    assert cells[0][0].start <= 300 < 340 <= cells[0][0].stop
    assert len({cell[0].start for cell in cells}) == PARTS
    scene = look_over(grey, probability, Darkroom())
    for cell in cells[1:]:
        planes = view(scene, seen, 1, cell)
        assert planes.shape == (VIEW_CHANNELS, VIEW_SIDE, VIEW_SIDE)
        middle = np.count_nonzero(planes[4, :, HALF])
        assert middle >= PART_SIDE, "a scratch goes on through the view, in its middle"


def test_parts_without_any_of_the_mark_are_not_looked_at():
    probability = np.zeros((300, 300), np.float32)
    probability[10, 10:250] = probability[10:250, 10] = 1
    seen = candidates(probability, Darkroom())
    cells = parts(seen, 1)
    assert all(seen.labels[cell].any() for cell in cells)
    assert all(cell[0].start == 10 or cell[1].start == 10 for cell in cells)


def test_a_large_mark_is_what_its_parts_are_in_the_mean():
    photo = Photo(np.full((60, 200, 3), 0.1, np.float32))
    photo.pixels[20:24, 10:190, 0] = 0.99
    photo.pixels[20:24, 10:100, 2], photo.pixels[20:24, 100:190, 2] = 0.5, 0.4
    probability = np.clip(photo.pixels[:, :, 0], 0, 0.999)
    seen = candidates(probability, Room())
    answer = ask(photo.pixels, probability, seen, seen.of_size(5), Room())
    assert len(parts(seen, 1)) == 4
    assert answer[:, 0] == pytest.approx([(0 + 4) / 2], abs=1e-4)


def test_only_what_is_doubtful_is_looked_at_again_upside_down():
    asked = []

    class Watched(Room):
        def model(self, name):
            def verify(views):
                asked.append(int(views.any(axis=(1, 2, 3)).sum()))
                return model.network(views)

            model = super().model(name)
            return Model(verify, model.card) if name == "verify" else model

    blues = [0.5 - SURE / 40 - 0.001, 0.5, 0.5 + SURE / 40 + 0.001, 0.51]
    photo = specks(blues, count=4)
    probability = np.clip(photo.pixels[:, :, 0], 0, 0.999)
    seen = candidates(probability, Room())
    answer = ask(photo.pixels, probability, seen, seen.of_size(5), Watched())
    assert asked == [4, 2]
    assert answer[:, 0] == pytest.approx([40 * (0.5 - blue) for blue in blues], abs=1e-4)


@pytest.mark.parametrize("size", [(64, 80), (61, 83), (3, 2)])
def test_the_photo_is_shrunk_alike_in_whatever_strips(size, monkeypatch):
    from unfade import darkroom as module

    rng = np.random.default_rng(2)
    pixels, probability = rng.random((*size, 3), np.float32), rng.random(size, np.float32)
    whole = look_over(pixels, probability, Darkroom()).small
    assert whole.shape == (-(-size[0] // AFAR), -(-size[1] // AFAR), 4)
    monkeypatch.setattr(module, "STRIP_PIXELS", 8 * size[1])
    strips = look_over(pixels, probability, Darkroom()).small
    np.testing.assert_allclose(strips, whole, atol=1e-5)
    middle = pixels[: size[0] // AFAR * AFAR, : size[1] // AFAR * AFAR, 0]
    cells = middle.reshape(size[0] // AFAR, AFAR, size[1] // AFAR, AFAR).mean(axis=(1, 3))
    np.testing.assert_allclose(whole[: len(cells), : cells.shape[1], 0], cells, atol=1e-5)


@pytest.mark.parametrize("corner", [(-10, -20), (70, 90), (-30, 90)])
def test_beyond_the_edge_the_last_pixels_are_repeated(corner):
    array = np.random.default_rng(1).random((100, 110, 3), np.float32)
    piece = square(array, corner)
    rows = np.clip(np.arange(VIEW_SIDE) + corner[1], 0, 99)
    cols = np.clip(np.arange(VIEW_SIDE) + corner[0], 0, 109)
    np.testing.assert_array_equal(piece, array[rows][:, cols])


def test_neither_tiles_nor_strips_nor_lanes_change_the_judgement(monkeypatch):
    from unfade import darkroom as module

    photo = specks([0.0, 1.0, 0.2], count=9)
    whole = marks(photo).damage
    monkeypatch.setattr(module, "STRIP_PIXELS", 7 * 360)
    monkeypatch.setattr(Room, "lanes", 1)
    np.testing.assert_array_equal(marks(photo).damage, whole)


def test_a_damage_network_without_a_verifier_is_believed_by_its_peaks(monkeypatch):
    plain = Room.model

    def model(self, name):
        assert name == "damage"
        found = plain(self, name)
        card = ModelCard("damage", "damage", "", channels_out=1, multiple_of=16, halo=16)
        return Model(found.network, card)

    monkeypatch.setattr(Room, "model", model)
    assert marks(specks([1.0], probability=0.998, count=6)).damage.sum() == 6 * 16
    assert marks(specks([1.0], probability=0.7, count=6)).damage.sum() == 0


def test_a_scratch_along_a_strip_of_film_costs_no_more_memory_than_the_strip():
    pixels = np.full((40, 30_000, 3), 0.1, np.float32)
    pixels[20, 10:-10, 0] = 0.99
    probability = pixels[:, :, 0].copy()
    room = Room()
    seen = candidates(probability, room)
    scene = look_over(pixels, probability, room)
    tracemalloc.start()
    views = [view(scene, seen, 1, cell) for cell in parts(seen, 1)]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < pixels.nbytes / 4
    assert all(shown_now[4, HALF].any() for shown_now in views)
