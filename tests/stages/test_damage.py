import dataclasses

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.models.card import ModelCard
from unfade.models.model import Model
from unfade.photo import Damage, Photo
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.stages.damage import DetectDamage, mark_statistics


class Room(Darkroom):
    """A darkroom whose network says that bright red pixels are damaged."""

    def model(self, name):
        def network(planes):
            return np.clip(planes[:, :1] * 2 - 1, 0, 1)

        card = ModelCard(name, name, "0" * 64, channels_out=1, multiple_of=16, halo=16)
        return Model(network, card)


def speckled(height=60, width=90, channels=3):
    pixels = np.full((height, width, channels), 0.3, np.float32)
    pixels[20:26, 30:36] = 1.0  # certain: 36 px
    pixels[40:45, 60:65] = 0.95  # probability 0.9
    pixels[5, 5] = 1.0  # certain, but a single pixel
    return Photo(pixels)


def detect(photo, room=None, **settings):
    return run(photo, Recipe("detect", (DetectDamage(**settings),)), room or Room())


def test_marks_what_is_certain_and_leaves_pixels_alone():
    photo = speckled()
    found = detect(photo, grow_px=0)
    assert found.pixels is photo.pixels
    assert found.damage[20:26, 30:36].all()
    assert found.damage.sum() == 36
    assert found.origin is None
    assert found.history[0].notes["marks"] == 1
    assert found.history[0].notes["evidence"].startswith("1 mark on 0.67% of the photo")


def test_more_sensitivity_marks_fainter_damage():
    assert not detect(speckled(), sensitivity=0.5).damage[42, 62]
    more = detect(speckled(), sensitivity=0.9)
    assert more.damage[42, 62]
    assert more.history[0].notes["evidence"].startswith("2 marks on ")


def test_it_says_what_more_sensitivity_would_bring():
    notes = detect(speckled(), sensitivity=0.5).history[0].notes
    assert notes["evidence"].endswith("; 1 more at sensitivity 0.8")
    assert notes["beyond"] == "1 more at sensitivity 0.8"
    assert detect(speckled(), sensitivity=1.0).history[0].notes["beyond"] == ""
    plain = detect(Photo(np.zeros((64, 64, 3), np.float32))).history[0].notes
    assert plain["evidence"] == "0 marks on 0.00% of the photo; none at any sensitivity"


@pytest.mark.parametrize("size", [(300, 400), (1200, 1600)])
def test_what_is_too_thick_to_be_filled_is_left_and_told(size):
    height, width = size
    pixels = np.full((height, width, 3), 0.3, np.float32)
    pixels[: height // 3, : width // 3] = 1  # A third of the photo: a wall, or lost for good.
    pixels[height // 2 :, width // 2 : width // 2 + height // 200] = 1  # Long, but thin.
    left = detect(Photo(pixels), sensitivity=1)  # So wide a mark is not likely enough else.
    notes = left.history[0].notes
    assert notes["marks"] == 1 and notes["too_large"] == 1
    assert "; 1 too large to fill left alone" in notes["evidence"]
    mask = left.damage
    assert not mask[: height // 3, : width // 3].any() and mask[-1, width // 2]
    everything = detect(Photo(pixels), thickest=1, sensitivity=1)
    assert everything.history[0].notes["marks"] == 2 and everything.damage[0, 0]


def test_marks_are_grown_by_the_pixels_asked_for():
    grown = detect(speckled(), grow_px=2).damage
    assert grown[18, 32] == 1
    assert grown[17, 32] == 0


def test_small_marks_count_only_when_asked_for():
    assert not detect(speckled(), min_area_px=5).damage[5, 5]
    assert detect(speckled(), min_area_px=1).damage[5, 5]


def test_hysteresis_follows_a_certain_mark_into_its_faint_tail():
    pixels = np.full((40, 60, 3), 0.3, np.float32)
    pixels[20, 10:20] = 1.0
    pixels[20, 20:40] = 0.82  # probability 0.64, enough for the rest of a mark
    mask = detect(Photo(pixels), grow_px=0).damage
    assert mask[20, 10:40].all()
    assert mask.sum() == 30


@pytest.mark.parametrize("memory_mb", [64, 2048])
def test_grey_photos_and_any_memory_give_the_same_mask(memory_mb):
    room = Room(memory=memory_mb * 2**20)
    color, grey = speckled(), speckled(channels=1)
    np.testing.assert_array_equal(detect(grey, room).damage, detect(color).damage)


def test_a_mask_that_is_there_already_is_kept():
    mask = np.zeros((60, 90), np.float32)
    mask[3, 4] = 1
    found = run(Photo(speckled().pixels, damage=mask), Recipe("detect", (DetectDamage(),)), Room())
    assert found.damage is mask
    assert "mask is given" in found.history[0].notes["evidence"]


def test_dust_that_is_dark_in_the_infrared_is_marked():
    infrared = np.full((60, 90), 0.8, np.float32)
    infrared[50:54, 10:14] = 0.3
    photo = Photo(np.full((60, 90, 3), 0.3, np.float32), infrared=infrared)
    found = detect(photo, grow_px=0)
    assert found.damage[50:54, 10:14].all()
    assert found.damage.sum() <= 36
    assert found.history[0].notes["infrared"] is True


def test_an_infrared_plane_that_shows_the_picture_is_refused_and_the_network_decides():
    rng = np.random.default_rng(0)
    tones = np.repeat(np.repeat(rng.uniform(0.2, 0.9, (6, 9)), 10, 0), 10, 1).astype(np.float32)
    pixels = np.repeat(tones[:, :, None] * np.float32(0.5), 3, axis=2)
    pixels[20:26, 30:36] = 1.0
    found = detect(Photo(pixels, infrared=tones), grow_px=0)
    np.testing.assert_array_equal(found.damage, detect(Photo(pixels), grow_px=0).damage)
    assert found.damage.sum() == 36
    assert "infrared not used" in found.history[0].notes["evidence"]
    assert found.history[0].notes["infrared"] is False


def originals():
    """The second mark of `speckled`, as a person's retouching."""
    kinds = np.full((60, 90), Damage.DUST, np.uint8)
    kinds[38:47, 58:67] = Damage.ORIGINAL
    return kinds


def test_what_is_original_is_left_alone_when_only_acquired_damage_is_wanted():
    photo = Photo(speckled().pixels, kinds=originals())
    every = detect(photo, sensitivity=0.9).damage
    acquired = detect(photo, sensitivity=0.9, acquired_only=True)
    assert every[42, 62] and every[22, 32]
    assert acquired.damage[22, 32]
    assert not acquired.damage[originals() == Damage.ORIGINAL].any()
    assert "left alone as original" in acquired.history[0].notes["evidence"]


@pytest.mark.parametrize(("acquired_only", "left"), [(False, 2), (True, 1)])
def test_a_given_mask_loses_what_is_original_only_when_asked_to(acquired_only, left):
    mask = np.zeros((60, 90), np.float32)
    mask[42, 62] = mask[22, 32] = 1
    photo = Photo(speckled().pixels, damage=mask, kinds=originals())
    assert detect(photo, acquired_only=acquired_only).damage.sum() == left


def test_without_kinds_nothing_is_taken_for_original():
    found = detect(speckled(), acquired_only=True)
    np.testing.assert_array_equal(found.damage, detect(speckled()).damage)


def test_sensitivity_outside_zero_to_one_is_refused():
    with pytest.raises(ValueError, match=r"damage\.sensitivity must be within 0 to 1, got 2"):
        DetectDamage(sensitivity=2)


def test_statistics_count_marks_and_their_areas():
    mask = np.zeros((20, 20), np.float32)
    mask[2:4, 2:4] = 1
    mask[10:14, 10:14] = 1
    facts = mark_statistics(mask)
    assert facts["marks"] == 2
    assert facts["damaged_share"] == pytest.approx(20 / 400)
    assert facts["area_px"]["p100"] == 16
    assert mark_statistics(mask * 0)["marks"] == 0


def test_each_mark_is_of_the_kind_most_of_its_pixels_have():
    mask, kinds = np.zeros((30, 30), np.float32), np.zeros((30, 30), np.uint8)
    mask[2:6, 2:12], mask[10:12, 10:12], mask[20:24, 20:24], mask[28, 0] = 1, 1, 1, 1
    kinds[2:6, 2:12] = Damage.STAIN
    kinds[2:6:2, 3:12:2] = Damage.DUST  # Ten fragments within the stain.
    kinds[10:12, 10:12] = Damage.DUST
    kinds[20, 20:22] = Damage.HAIR  # What is known of a mark, though of most pixels nothing is.
    told = mark_statistics(mask, kinds)
    assert told["marks"] == 4
    assert told["kinds"] == {
        "dust": {"marks": 1, "damaged_share": 4 / 900},
        "hair": {"marks": 1, "damaged_share": 16 / 900},
        "stain": {"marks": 1, "damaged_share": 40 / 900},
    }
    kinds[28, 0] = Damage.LOSS
    kinds_told = mark_statistics(mask, kinds)["kinds"]
    assert sum(kind["marks"] for kind in kinds_told.values()) == told["marks"]
    shares = sum(kind["damaged_share"] for kind in kinds_told.values())
    assert shares == pytest.approx(told["damaged_share"])


def test_strips_do_not_show_in_the_mask(monkeypatch):
    from unfade import darkroom as module

    probability = np.zeros((200, 120), np.float32)
    probability[20:180, 60] = 1
    probability[90:95, 10:14] = 1
    stage = DetectDamage(grow_px=3)
    photo = Photo(np.zeros((200, 120, 3), np.float32))
    whole, likely, _ = stage.mask(photo, probability, Room())
    monkeypatch.setattr(module, "STRIP_PIXELS", 7 * 120)
    strips, again, _ = stage.mask(photo, probability, Room())
    assert np.count_nonzero(likely >= stage.threshold) == 2
    assert np.array_equal(likely, again) and np.array_equal(whole, strips)
    assert whole[17:183, 57:64].any(axis=1).all() and not whole[:16].any()


class KnowingRoom(Darkroom):
    """A darkroom whose network takes what is bright for dust above row 30 and for a stain below."""

    def model(self, name):
        def network(planes):
            answer = np.zeros((1, 8, *planes.shape[2:]), np.float32)
            answer[:, 0] = np.clip(planes[:, 0] * 2 - 1, 0, 1)
            answer[:, Damage.DUST, :30] = 1
            answer[:, Damage.STAIN, 30:] = 1
            return answer

        card = ModelCard(name, name, "0" * 64, channels_out=8, multiple_of=16, halo=16)
        return Model(network, card)


def test_a_network_that_knows_kinds_says_what_each_marked_pixel_suffers():
    found = detect(speckled(), KnowingRoom(), sensitivity=0.9, grow_px=0)
    assert set(np.unique(found.kinds)) == {Damage.NONE, Damage.DUST, Damage.STAIN}
    assert not found.kinds[found.damage == 0].any()
    assert found.history[0].notes["kinds_px"] == {"dust": 36, "stain": 25}
    told = mark_statistics(found.damage, found.kinds)["kinds"]
    assert told["dust"] == {"marks": 1, "damaged_share": 36 / 5400}
    assert told["stain"]["marks"] == 1


def test_kinds_that_the_photo_has_are_kept():
    given = Photo(speckled().pixels, kinds=originals())
    found = detect(given, KnowingRoom(), sensitivity=0.9)
    assert found.kinds is given.kinds
    np.testing.assert_array_equal(given.kinds, originals())


class Doubtful(Room):
    """Of one mark the network is quite sure, whatever its size."""

    def model(self, name):
        model = super().model(name)
        card = dataclasses.replace(model.card, calibration=(1.0, 0.0))
        return Model(model.network, card)


def test_what_would_do_for_a_speck_or_a_hair_does_not_do_for_a_wide_mark():
    speck, hair, large = (np.full((400, 400, 3), 0.3, np.float32) for _ in range(3))
    # A probability of 0.86.
    speck[100:106, 100:106] = hair[100:104, 20:380] = large[100:130, 100:130] = 0.93
    assert detect(Photo(speck), Doubtful()).damage[103, 103]
    assert detect(Photo(hair), Doubtful()).damage[102, 200]
    found = detect(Photo(large), Doubtful())
    assert not found.damage.any() and found.history[0].notes["too_large"] == 0
    assert found.history[0].notes["beyond"] == "1 more at sensitivity 0.9"
    assert detect(Photo(large), Doubtful(), sensitivity=0.9).damage[106, 106]


def test_a_large_mark_that_is_dark_in_the_infrared_needs_no_more_certainty_than_a_speck():
    infrared = np.full((400, 400), 0.8, np.float32)
    infrared[100:160, 100:160] = 0.3
    photo = Photo(np.full((400, 400, 3), 0.3, np.float32), infrared=infrared)
    assert detect(photo, Doubtful()).damage[130, 130]
