"""The room: large arrays in small pieces, scratch files, and a stop that is heard."""

import os
import threading
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.errors import Cancelled, ModelError
from unfade.models.card import ModelCard
from unfade.models.model import Model
from unfade.models.zoo import Zoo

MIB = 2**20


def blur(tile, piece):
    """A stand-in for a network: what it answers depends on 3 pixels around."""
    return cv2.GaussianBlur(piece, (7, 7), 2)


def picture(size=(67, 91)):
    return np.random.default_rng(0).random((*size, 3), dtype=np.float32)


def pooling(planes):
    """A network with a 4 x 4 grid: every cell becomes its mean."""
    _, c, h, w = planes.shape
    cells = planes.reshape(1, c, h // 4, 4, w // 4, 4).mean((3, 5), keepdims=True)
    return np.broadcast_to(cells, (1, c, h // 4, 4, w // 4, 4)).reshape(planes.shape)


def pooling_model(**facts):
    return Model(pooling, ModelCard("pool", "denoise", "", multiple_of=4, halo=4, **facts))


@pytest.mark.parametrize("tile", [1, 8, 13, 32, 64, 200])
def test_tile_size_does_not_change_the_result(tile):
    pixels = picture()
    whole = blur(None, pixels)
    pieces = Darkroom().map(blur, pixels, out=np.empty_like(pixels), halo=3, tile=tile)
    inside = (slice(3, -3), slice(3, -3))
    assert np.allclose(pieces[inside], whole[inside], atol=1e-6)


@pytest.mark.parametrize("tile", [4, 10, 33, 64, 200])
def test_tile_size_does_not_change_what_a_pooling_network_answers(tile):
    pixels = picture()
    model = pooling_model()
    assert np.array_equal(Darkroom().infer(model, pixels, tile=tile), model(pixels))


def test_too_small_a_halo_is_seen_in_the_result():
    pixels = picture()
    pieces = Darkroom().map(blur, pixels, out=np.empty_like(pixels), halo=1, tile=16)
    assert not np.allclose(pieces[8:-8, 8:-8], blur(None, pixels)[8:-8, 8:-8], atol=1e-3)


def test_tiles_without_work_are_left_as_they_are():
    pixels, where = picture((64, 64)), np.zeros((64, 64), np.float32)
    where[40, 5] = 1
    out = np.full_like(pixels, -1)
    Darkroom().map(lambda tile, piece: piece, pixels, out=out, tile=32, where=where)
    assert np.array_equal(out[32:, :32], pixels[32:, :32])
    assert (out[:32] == -1).all() and (out[32:, 32:] == -1).all()


def test_the_answer_of_a_network_can_be_joined_with_the_picture():
    pixels = picture()
    total = Darkroom().infer(pooling_model(), pixels, after=lambda tile, a, p: a + p, tile=20)
    assert np.allclose(total, pooling_model()(pixels) + pixels)


def test_a_grey_mask_comes_out_as_one_channel():
    mask = picture()[:, :, 0]
    model = Model(pooling, ModelCard("m", "damage", "", inputs=(1,), channels_out=1, multiple_of=4))
    assert Darkroom().infer(model, mask).shape == (67, 91, 1)


def test_arrays_above_the_budget_live_in_a_scratch_file_that_goes_away(tmp_path):
    room = Darkroom(memory=64 * MIB, scratch=tmp_path)
    assert not isinstance(room.empty((1024, 1024, 2)), np.memmap)
    large = room.empty((1100, 1024, 2))
    assert isinstance(large, np.memmap)
    large[:] = 0.5
    del large
    assert list(tmp_path.iterdir()) == []


def test_scratch_files_keep_what_was_written_when_memory_is_let_go(tmp_path):
    room = Darkroom(memory=64 * MIB, scratch=tmp_path)
    pixels = np.random.default_rng(0).random((1500, 1024, 3), dtype=np.float32)
    out = room.map(lambda tile, piece: piece + 1, pixels, out=room.empty(pixels.shape), tile=400)
    again = room.map(lambda tile, piece: piece - 1, out, out=room.empty(pixels.shape), tile=300)
    assert isinstance(again, np.memmap)
    assert np.allclose(again, pixels, atol=1e-6)


def test_strips_cover_every_row_once():
    seen = np.zeros(5000, int)

    def count(rows):
        seen[rows] += 1

    Darkroom().strips(count, (5000, 1000))
    assert (seen == 1).all()


@pytest.mark.parametrize("work", ["map", "strips"])
def test_cancelling_stops_at_the_next_tile(work):
    room = Darkroom()
    pixels = np.zeros((4000, 2000, 1), np.float32)
    calls = []

    def stop(*arguments):
        calls.append(arguments)
        room.cancel()
        return arguments[-1]

    with pytest.raises(Cancelled):
        if work == "map":
            room.map(stop, pixels, out=np.empty_like(pixels), tile=1000)
        else:
            room.strips(stop, (4000, 2000))
    assert len(calls) == 1


def test_progress_names_the_stage_and_ends_when_all_is_done():
    told = []
    room = Darkroom(progress=lambda *news: told.append(news))
    pixels = picture((64, 64))
    with room.during("denoise"):
        room.map(blur, pixels, out=np.empty_like(pixels), tile=32)
    assert told == [("denoise", n, 4) for n in (1, 2, 3, 4)]


def test_a_stage_that_fails_leaves_no_name_behind():
    told = []
    room = Darkroom(progress=lambda *news: told.append(news))
    with pytest.raises(ZeroDivisionError), room.during("denoise"):
        raise ZeroDivisionError
    room.map(blur, picture(), out=np.empty_like(picture()))
    assert told == [("", 1, 1)]


def test_less_memory_means_smaller_tiles_and_whole_means_one():
    model = pooling_model(bytes_per_pixel=2000)
    sides = [Darkroom(memory=m * MIB).tile_for(model, (9000, 9000)) for m in (64, 512, 32768)]
    assert sides == sorted(sides)
    assert sides[0] < 256 < sides[-1] == 1536
    assert (sides[1] + 2 * 4) ** 2 * 2000 <= 512 * MIB / 4
    assert Darkroom().tile_for(pooling_model(tiling="whole"), (300, 500)) == 500


def test_an_engine_of_half_the_bytes_takes_tiles_of_twice_the_area(monkeypatch):
    model, room = pooling_model(bytes_per_pixel=2000), Darkroom(memory=512 * MIB)
    sides = []
    for number_bytes in (4, 2):
        monkeypatch.setattr(room, "_engine", SimpleNamespace(number_bytes=number_bytes))
        sides.append(room.tile_for(model, (9000, 9000)) + 2 * model.card.halo)
    assert sides[1] == pytest.approx(sides[0] * 2**0.5, abs=1)


def test_two_tiles_are_at_work_at_once_unless_there_is_one_thread():
    meet = threading.Barrier(2, timeout=5)

    def fn(tile, piece):
        meet.wait()
        return piece

    photo = picture((64, 96))
    out = Darkroom(threads=2).map(fn, photo, out=np.zeros_like(photo), tile=48)
    np.testing.assert_array_equal(out, photo)
    alone = []

    def note(tile, piece):
        alone.append(threading.current_thread())
        return piece

    Darkroom(threads=1).map(note, photo, out=np.zeros_like(photo), tile=48)
    assert set(alone) == {threading.main_thread()}


def test_the_largest_tile_is_done_first():
    seen = []

    def note(tile, piece):
        seen.append(piece.size)
        return piece

    photo = picture((100, 130))
    out = Darkroom(threads=1).map(note, photo, out=np.zeros_like(photo), tile=48, halo=8)
    np.testing.assert_array_equal(out, photo)
    assert len(set(seen)) > 3 and seen == sorted(seen, reverse=True)


def test_after_a_tile_that_fails_no_other_is_begun():
    begun = []

    def fn(tile, piece):
        begun.append(tile)
        raise MemoryError

    photo = picture((64, 1024))
    with pytest.raises(MemoryError):
        Darkroom(threads=2).map(fn, photo, out=np.zeros_like(photo), tile=32)
    assert len(begun) < 16


def test_a_budget_too_small_to_work_in_is_refused():
    with pytest.raises(ValueError, match="at least 64 MiB"):
        Darkroom(memory=MIB)


def test_opening_a_room_opens_no_engine_until_a_model_is_wanted(tmp_path):
    room = Darkroom("no such engine", zoo=Zoo(tmp_path))
    with pytest.raises(ModelError, match="no model 'denoise'"):
        room.model("denoise")
    assert room.engine_name == ""


def test_far_apart_work_takes_small_tiles_and_work_everywhere_large_ones():
    room, scattered = Darkroom(), np.zeros((2000, 3000), np.float32)
    scattered[100, 100] = scattered[1900, 2900] = 1
    assert room.tile_where(scattered, 96, 1536) == 128
    everywhere = np.zeros((2000, 3000), np.float32)
    everywhere[::50, ::50] = 1
    assert room.tile_where(everywhere, 96, 1536) > 512
    assert room.tile_where(everywhere, 96, 256) == 256
    assert room.tile_where(np.zeros((9, 9)), 96, 100) == 128


def test_several_pieces_of_work_are_all_done_unless_the_room_is_stopped():
    room, done = Darkroom(), []
    room.several(done.append, range(20))
    assert sorted(done) == list(range(20))
    room.cancel()
    with pytest.raises(Cancelled):
        room.several(done.append, range(3))
    assert len(done) == 20


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="only POSIX takes room beforehand")
def test_a_disk_without_room_is_an_error_and_not_the_end(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    room = Darkroom(memory=64 * 2**20, scratch=tmp_path)
    with pytest.raises(OSError, match=r"no room for 12 MiB of scratch in .* --memory"):
        room.empty((1024, 1024, 3))
    assert not list(tmp_path.iterdir())
