import dataclasses
from collections import Counter

import cv2
import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.errors import ModelError
from unfade.models.card import ModelCard
from unfade.models.model import Model
from unfade.photo import Origin, Photo
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.stages.denoise import (
    ASKED,
    JPEG_REMOVED,
    Denoise,
    is_noise,
    noise_change,
    part_within,
    structure_share,
)
from unfade.stages.measure import MeasureGrain

REACH = 4


def smooth(planes):
    """A stand-in for the network: the change that a Gaussian blur makes."""
    picture = planes[0].transpose(1, 2, 0)
    size = (2 * REACH + 1, 2 * REACH + 1)
    blurred = cv2.GaussianBlur(picture, size, 1.3, borderType=cv2.BORDER_REPLICATE)
    return (blurred - picture).transpose(2, 0, 1)[None].astype(np.float32)


class Stub(Darkroom):
    """A darkroom whose networks are all the stand-in; counts what each is asked."""

    def __init__(self, tile=None, name="denoise", task="denoise"):
        super().__init__()
        self.asked = Counter()
        self.tile = tile
        self.card = ModelCard(name, task, "0", halo=REACH, multiple_of=8)

    def model(self, name):
        assert name in (ASKED, self.card.name)
        card = self.card if name == self.card.name else dataclasses.replace(self.card, name=name)

        def network(planes):
            self.asked[name] += 1
            return smooth(planes)

        return Model(network, card)

    def tile_for(self, model, size):
        return self.tile or super().tile_for(model, size)


def photo_with_noise(sigma, channels=3, size=(150, 210)):
    x = np.linspace(0.3, 0.7, size[1], dtype=np.float32)[None, :, None]
    pixels = np.repeat(np.repeat(x, size[0], axis=0), channels, axis=2)
    pixels[:, size[1] // 2] += 0.2
    noise = np.random.default_rng(0).normal(0, sigma / 255, pixels.shape)
    return Photo(np.clip(pixels + noise, 0, 1).astype(np.float32)), pixels


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_is_reduced_and_marked(channels):
    photo, clean = photo_with_noise(10, channels)
    done = run(photo, Recipe("r", (MeasureGrain(), Denoise())), Stub())
    assert np.std(done.pixels - clean) < 0.6 * np.std(photo.pixels - clean)
    assert (done.origin == Origin.DENOISED).mean() > 0.99
    assert done.pixels.shape == photo.pixels.shape
    assert done.history[1].notes["evidence"].endswith("/255: reduced")


def test_a_photo_below_the_gate_is_left_alone():
    photo, _ = photo_with_noise(1)
    darkroom = Stub()
    edit = Denoise()(photo, darkroom)
    assert edit.pixels is None
    assert edit.notes["evidence"].endswith("/255: skipped")
    assert not darkroom.asked
    assert Denoise(gate=0)(photo, darkroom).pixels is not None


@pytest.mark.parametrize("task", ["denoise", "deblur"])
def test_another_network_can_be_asked(task):
    photo, _ = photo_with_noise(10)
    darkroom = Stub(name="mine", task=task)
    assert Denoise(network="mine")(photo, darkroom).pixels is not None
    assert darkroom.asked["mine"] > 0


def test_whether_it_is_noise_is_asked_of_the_network_that_the_gate_was_set_for():
    photo, _ = photo_with_noise(10)
    darkroom = Stub(name="mine")
    assert Denoise(network="mine").look(photo, darkroom).needed
    assert darkroom.asked[ASKED] > 0 and not darkroom.asked["mine"]


def test_a_network_that_does_not_denoise_is_refused():
    photo, _ = photo_with_noise(10)
    with pytest.raises(ModelError, match=r"network=dust is a network for damage; expected"):
        Denoise(network="dust").look(photo, Stub(name="dust", task="damage"))


def test_jpeg_blocks_open_the_gate():
    _, clean = photo_with_noise(0)
    clean[60:100, 60:100] = 0.2
    wavy = clean + 0.1 * np.sin(np.arange(150) / 3)[:, None, None]
    whole = np.rint(np.clip(wavy, 0, 1) * 255).astype(np.uint8)
    _, code = cv2.imencode(".jpg", whole, [cv2.IMWRITE_JPEG_QUALITY, 15])
    photo = Photo(cv2.imdecode(code, cv2.IMREAD_COLOR).astype(np.float32) / 255)
    finding = Denoise(gate=255).look(photo, Stub())
    assert finding.needed
    assert "JPEG blocks" in finding.evidence
    assert not Denoise(gate=255, jpeg_gate=255).look(photo, Stub()).needed


def test_strength_blends_the_change():
    photo, _ = photo_with_noise(10)
    half, full = (
        Denoise(strength=strength, detail=0)(photo, Stub()).pixels for strength in (0.5, 1)
    )
    np.testing.assert_allclose(half, (photo.pixels + full) / 2, atol=1e-6)
    assert Denoise(strength=0)(photo, Stub()).pixels is None


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("tile", [32, 56])
def test_tile_size_does_not_change_the_result(tile, channels):
    photo, _ = photo_with_noise(10, channels)
    whole, tiled = (Denoise()(photo, Stub(t)).pixels for t in (512, tile))
    np.testing.assert_allclose(tiled, whole, atol=1e-6)


def test_detail_gives_back_edges_and_not_noise():
    photo, clean = photo_with_noise(6)
    without, detailed = (Denoise(detail=d)(photo, Stub()).pixels for d in (0, 1))
    edge = np.s_[10:-10, 104:107]
    flat = np.s_[10:-10, 20:80]

    def error(pixels, where):
        return np.sqrt(np.mean(np.square(pixels - clean)[where]))

    assert error(detailed, edge) < 0.7 * error(without, edge)
    assert error(detailed, flat) < 1.05 * error(without, flat)


def test_structure_share_is_zero_for_noise_as_measured():
    photo, _ = photo_with_noise(8)
    grain = MeasureGrain()(photo, Stub()).grain
    noise = np.random.default_rng(1).normal(0, grain.level, photo.pixels.shape).astype(np.float32)
    share = structure_share(noise, photo.pixels, grain)
    assert share.mean() < 0.02
    assert structure_share(4 * noise, photo.pixels, grain).mean() > 0.8
    blocks = float(noise.std())
    assert structure_share(4 * noise, photo.pixels, grain, blocks).mean() < 0.02


def test_only_the_part_of_a_change_that_is_explained_is_made():
    strong = np.random.default_rng(0).normal(0, 0.04, (60, 80, 3)).astype(np.float32)
    assert part_within(strong, 0.06).min() > 0.99
    assert np.std(strong * part_within(strong, 0.01)) == pytest.approx(0.01, rel=0.05)


def test_grain_and_texture_stay_where_only_jpeg_opens_the_gate():
    photo, _ = photo_with_noise(2)
    whole = np.rint(np.clip(photo.pixels, 0, 1) * 255).astype(np.uint8)
    code = cv2.imencode(".jpg", whole, [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
    seen = Photo(cv2.imdecode(code, cv2.IMREAD_COLOR).astype(np.float32) / 255)

    def removed(**settings):
        edit = Denoise(jpeg_gate=0, **settings)(seen, Stub())
        return np.std((edit.pixels - seen.pixels)[10:-10, 20:80]), edit.notes["blockiness"]

    some, blockiness = removed(gate=255)
    assert some <= 1.2 * JPEG_REMOVED / 0.3 * max(blockiness, 1 / 2550)
    less, _ = removed(gate=255, detail=0.6)
    assert less < 0.7 * some
    whole_change, _ = removed(gate=0, detail=0)
    assert some < 0.6 * whole_change
    assert removed(gate=255, detail=0)[0] == whole_change


def test_a_setting_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"denoise\.strength must be within 0 to 1, got 1\.5"):
        Denoise(strength=1.5)


def test_texture_that_the_network_would_leave_is_not_called_noise():
    class Wise(Stub):
        def model(self, name):
            card = ModelCard(name, name, "0", halo=REACH, multiple_of=8)
            return Model(lambda planes: np.zeros_like(planes), card)

    photo, _ = photo_with_noise(10)
    edit = Denoise()(photo, Wise())
    assert edit.pixels is None
    assert edit.notes["evidence"].endswith("more like texture: skipped")


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_noise_beside_what_is_cut_off_is_still_noise(value):
    photo, _ = photo_with_noise(9, size=(240, 320))
    photo.pixels[:, :40] = value
    assert Denoise().look(photo, Stub()).needed
    photo.pixels[:] = value
    assert not is_noise(photo, Stub().model("denoise"), 3 / 255)


def test_what_was_denoised_before_is_measured_anew():
    photo, _ = photo_with_noise(10)
    stages = (MeasureGrain(), Denoise(detail=0))
    once = run(photo, Recipe("r", stages), Stub())
    twice = run(once, Recipe("r", stages), Stub())
    level = [step.notes["level"] for step in twice.history if step.stage == "measure"]
    assert level[1] < 0.7 * level[0]


def test_what_answers_to_mirrored_photos_do_not_share_is_left_out():
    def sees_the_left(planes):
        return np.where(np.arange(planes.shape[3]) < planes.shape[3] // 2, 0.4, 0.0) + 0 * planes

    model = Model(sees_the_left, ModelCard("denoise", "denoise", "0"))
    pixels = np.zeros((8, 16, 3), np.float32)
    once, twice, four = (noise_change(model, pixels, views) for views in (1, 2, 4))
    assert once[0, 0, 0] == np.float32(0.4) and once[0, -1, 0] == 0
    for mean in (twice, four):
        assert mean == pytest.approx(0.2) and mean.dtype == np.float32


def test_more_views_remove_as_much_noise_and_ask_as_often():
    photo, clean = photo_with_noise(10)
    rooms = [Stub(), Stub()]
    once, often = (Denoise(views=n)(photo, room) for n, room in zip((1, 4), rooms, strict=True))
    assert np.std(often.pixels - clean) < 1.05 * np.std(once.pixels - clean)
    assert rooms[1].asked[ASKED] > 2 * rooms[0].asked[ASKED] - 9


@pytest.mark.parametrize("views", [2, 4])
def test_mirrored_views_do_not_make_tiles_differ(views):
    """As a network does that halves its input: what it answers depends on the place modulo 8."""

    class Grid(Stub):
        def model(self, name):
            def network(planes):
                rows, cols = (np.arange(n) % 8 for n in planes.shape[2:])
                return (planes * 0 + 0.01 * rows[:, None] + 0.001 * cols).astype(np.float32)

            return Model(network, self.card)

    photo, _ = photo_with_noise(10, size=(150, 211))
    stage = Denoise(views=views, gate=0, detail=0)
    whole, tiled = (stage(photo, Grid(tile)).pixels for tile in (512, 56))
    np.testing.assert_allclose(tiled, whole, atol=1e-6)
