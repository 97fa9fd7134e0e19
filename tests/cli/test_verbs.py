"""One call each, on files, photos and arrays: the kind that comes in comes out."""

import dataclasses

import numpy as np
import pytest

import unfade
from unfade import verbs
from unfade.errors import ReadError, RecipeError
from unfade.photo import Photo

from .conftest import STUBS, USUAL, scratched


@pytest.fixture(autouse=True)
def stubs(house, monkeypatch):
    monkeypatch.setattr(verbs, "STAGES", STUBS)


@pytest.mark.parametrize(
    "array",
    [
        scratched(),
        scratched().astype(np.uint16) * 257,
        (scratched() / 255).astype(np.float32),
        scratched() / 255,
        scratched()[:, :, 0],
        scratched()[:, :, :1],
        np.dstack([scratched(), scratched()[:, :, 0]]),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_an_array_comes_back_in_its_own_shape_and_type(array):
    restored = unfade.restore(array)
    assert (restored.shape, restored.dtype) == (array.shape, array.dtype)
    scratch = np.zeros((24, 32), bool)
    scratch[:, 5] = True
    colors = slice(0, 3)
    before, after = (np.atleast_3d(a)[:, :, colors] for a in (array, restored))
    exact = array.dtype != np.float64  # work is done in 32 bits
    assert np.allclose(after[~scratch], before[~scratch], rtol=0, atol=0 if exact else 1e-7)
    assert (after[scratch] != before[scratch]).all()


def test_a_photo_and_a_file_give_a_photo_with_its_history(album):
    for given in (Photo.from_array(scratched()), album / "a.png", str(album / "a.png")):
        restored = unfade.restore(given)
        assert isinstance(restored, Photo)
        assert [step.stage for step in restored.history] == list(USUAL)


def test_an_array_that_one_gives_is_not_changed():
    array = scratched()
    unfade.restore(array)
    assert np.array_equal(array, scratched())


def test_strength_zero_changes_nothing():
    assert np.array_equal(unfade.restore(scratched(), strength=0), scratched())


def test_stages_and_settings_can_be_chosen():
    assert np.array_equal(unfade.restore(scratched(), without=["inpaint"]), scratched())
    half = unfade.restore(scratched(), settings=["inpaint.strength=0.5"])
    assert abs(int(half[0, 5, 0]) - 191) <= 1
    with pytest.raises(RecipeError):
        unfade.restore(scratched(), recipe="polaroid")


def test_a_mask_of_mine_is_used():
    mask = np.zeros((24, 32), np.float32)
    mask[3:6, 10:20] = 1
    restored = unfade.restore(scratched(), mask=mask)
    changed = (restored != scratched()).any(axis=2)
    assert np.array_equal(changed, mask > 0)
    assert np.array_equal(unfade.inpaint(scratched(), mask), restored)


def test_a_photo_that_was_restored_is_looked_at_anew():
    once = unfade.restore(Photo.from_array(scratched()))
    assert once.damage[:, 5].all() and not once.damage[:, 9].any()
    pixels = once.pixels.copy()
    pixels[:, 9] = 1
    again = unfade.restore(dataclasses.replace(once, pixels=pixels))
    assert again.damage[:, 9].all() and not again.damage[:, 5].any()


def test_a_mask_of_mine_is_of_no_kind_that_was_found_before():
    photo = Photo.from_array(scratched())
    known = dataclasses.replace(photo, kinds=np.full(photo.size, 7, np.uint8))
    mask = np.zeros(photo.size, np.float32)
    mask[2, 2] = 1
    assert unfade.inpaint(known, mask).kinds is None


def test_a_single_string_is_one_stage_or_setting():
    listed = unfade.restore(scratched(), settings=["inpaint.strength=0.5"])
    assert np.array_equal(unfade.restore(scratched(), settings="inpaint.strength=0.5"), listed)
    assert np.array_equal(unfade.restore(scratched(), without="inpaint"), scratched())
    only = unfade.restore(Photo.from_array(scratched()), only="damage")
    assert [step.stage for step in only.history] == ["damage"]


@pytest.mark.parametrize(("kind", "marked"), [(np.uint8, 255), (np.uint8, 1), (bool, True)])
def test_a_mask_may_be_of_integers_or_booleans(kind, marked):
    mask = np.zeros((24, 32), kind)
    mask[3:6, 10:20] = marked
    filled = unfade.inpaint(scratched(), mask)
    assert np.array_equal(filled, unfade.inpaint(scratched(), (mask > 0).astype(np.float32)))


def test_grey_in_a_mask_of_integers_is_kept():
    mask = np.zeros((24, 32), np.uint8)
    mask[3:6, 10:20] = 51
    mask[0, 0] = 255
    given = verbs._with_mask(Photo.from_array(scratched()), mask).damage
    assert given.dtype == np.float32 and given[4, 12] == np.float32(0.2) and given[0, 0] == 1


@pytest.mark.parametrize("shape", [(0, 0), (3, 4), (24, 32, 3)])
def test_a_mask_of_another_shape_says_which_is_expected(shape):
    with pytest.raises(ValueError, match=r"size \(24, 32\) \(height, width\), got \(\d+, "):
        unfade.inpaint(scratched(), np.zeros(shape))


@pytest.mark.parametrize("mask", [np.zeros((3, 4)), np.full((24, 32), 2.0)])
def test_a_mask_that_does_not_fit_is_refused(mask):
    with pytest.raises(ValueError, match="mask"):
        unfade.inpaint(scratched(), mask)


def test_detecting_gives_a_mask_and_ignores_one_that_is_there():
    mask = unfade.detect(scratched())
    assert (mask.shape, mask.dtype) == ((24, 32), np.float32)
    assert mask[:, 5].all() and mask.sum() == 24
    photo = Photo(Photo.from_array(scratched()).pixels, damage=np.ones((24, 32), np.float32))
    assert np.array_equal(unfade.detect(photo), mask)


def test_a_missing_file_is_a_read_error(tmp_path):
    with pytest.raises(ReadError):
        unfade.restore(tmp_path / "gone.jpg")


def test_aging_repeats_with_its_seed_and_not_with_another():
    clean = scratched(96, 128)
    aged, mask = unfade.age(clean, seed=3)
    again, mask_again = unfade.age(clean, seed=3)
    other, _ = unfade.age(clean, seed=4)
    assert (aged.shape, aged.dtype) == (clean.shape, clean.dtype)
    assert (mask.shape, mask.dtype) == ((96, 128), np.float32)
    assert np.array_equal(aged, again) and np.array_equal(mask, mask_again)
    assert not np.array_equal(aged, other) and not np.array_equal(aged, clean)
