"""The one loop: every change is recorded, and what was not changed stays what it was."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.errors import Cancelled
from unfade.photo import Edit, Origin, Photo
from unfade.pipeline import run
from unfade.recipe import Finding, Recipe
from unfade.settings import setting


@dataclasses.dataclass(frozen=True)
class Change:
    """A stage made of a function."""

    edit: Callable
    marks: Origin = Origin.DENOISED
    name: str = "change"
    invents: bool = False
    strength: float = setting(1.0, "How much.", low=0, high=1)

    def look(self, photo, darkroom):
        return Finding(True, "always")

    def __call__(self, photo, darkroom):
        return self.edit(photo)


def lighten(*box):
    """Lighten the third channel within a box and nothing else."""

    def edit(photo):
        pixels = photo.pixels.copy()
        pixels[(*box, -1)] += 0.25
        return Edit(pixels=pixels, notes={"evidence": "dark"})

    return edit


def photo(channels=3):
    array = np.random.default_rng(0).integers(0, 180, (30, 40, channels), dtype=np.uint8)
    return Photo.from_array(array)


def walk(start, *stages):
    return run(start, Recipe("test", stages), Darkroom())


@pytest.mark.parametrize("channels", [1, 3])
def test_exactly_the_changed_pixels_are_marked_and_counted(channels):
    after = walk(photo(channels), Change(lighten(slice(5, 10), slice(3, 9))))
    marked = np.zeros((30, 40), np.uint8)
    marked[5:10, 3:9] = Origin.DENOISED
    assert np.array_equal(after.origin, marked)
    assert after.history[-1].changed_pixels == 5 * 6


def test_a_pixel_that_is_untouched_leaves_with_the_integer_it_came_with():
    before = photo()
    after = walk(before, Change(lighten(slice(5, 10), slice(3, 9))))
    untouched = after.origin == Origin.UNTOUCHED
    assert np.array_equal(after.to_array()[untouched], before.to_array()[untouched])
    assert not np.array_equal(after.to_array(), before.to_array())


def test_a_pixel_keeps_the_most_inventive_mark_it_earned():
    top, left, everywhere = slice(0, 15), slice(0, 20), slice(None)
    after = walk(
        photo(),
        Change(lighten(top, everywhere), Origin.FILLED),
        Change(lighten(everywhere, left), Origin.TONE),
    )
    assert (after.origin[:15] == Origin.FILLED).all()
    assert (after.origin[15:, :20] == Origin.TONE).all()
    assert (after.origin[15:, 20:] == Origin.UNTOUCHED).all()


def test_a_stage_with_nothing_to_do_is_recorded_and_changes_nothing():
    before = photo()
    after = walk(before, Change(lambda photo: Edit(notes={"evidence": "clean"})))
    assert after.pixels is before.pixels
    assert after.origin is None
    (step,) = after.history
    assert (step.changed_pixels, step.notes) == (0, {"evidence": "clean"})


def test_pixels_given_back_unchanged_stay_untouched():
    after = walk(photo(), Change(lambda photo: Edit(pixels=photo.pixels.copy())))
    assert not after.origin.any()
    assert after.history[-1].changed_pixels == 0


def test_a_step_tells_stage_settings_and_that_no_model_was_used():
    stage = Change(lighten(slice(1), slice(1)), strength=0.5)
    (step,) = walk(photo(), stage).history
    assert (step.stage, step.settings) == ("change", {"strength": 0.5})
    assert (step.models, step.engine) == ({}, "")
    assert step.seconds >= 0


def test_a_photo_that_grows_is_marked_everywhere_and_forgets_nothing():
    fill = Change(lighten(slice(0, 15), slice(None)), Origin.FILLED)
    grow = Change(
        lambda photo: Edit(pixels=photo.pixels.repeat(2, 0).repeat(2, 1)), Origin.DENOISED
    )
    after = walk(photo(), fill, grow)
    assert after.origin.shape == after.size == (60, 80)
    assert (after.origin[:30] == Origin.FILLED).all()
    assert (after.origin[30:] == Origin.DENOISED).all()
    assert after.history[-1].changed_pixels == 60 * 80


def test_a_grey_photo_that_gets_color_is_marked_everywhere():
    color = Change(
        lambda photo: Edit(pixels=photo.pixels.repeat(3, 2)), Origin.COLOR_INFERRED, invents=True
    )
    after = walk(photo(1), color)
    assert (after.origin == Origin.COLOR_INFERRED).all()


def test_a_mask_found_by_one_stage_is_seen_by_the_next():
    mask = np.ones((30, 40), np.float32)
    seen = []
    walk(
        photo(),
        Change(lambda photo: Edit(damage=mask)),
        Change(lambda photo: seen.append(photo.damage) or Edit()),
    )
    assert seen[0] is mask


def test_the_watcher_sees_the_photo_after_every_stage():
    seen = []
    recipe = Recipe("test", (Change(lighten(slice(1), slice(1))), Change(lambda photo: Edit())))
    last = run(photo(), recipe, Darkroom(), lambda stage, photo: seen.append(photo))
    assert [len(photo.history) for photo in seen] == [1, 2]
    assert seen[-1] is last


def test_the_photo_one_started_with_is_not_changed():
    before = photo()
    pixels = before.pixels.copy()
    walk(before, Change(lighten(slice(None), slice(None))))
    assert np.array_equal(before.pixels, pixels)
    assert before.origin is None and before.history == ()


def test_origin_is_the_same_above_and_below_the_memory_budget():
    before = Photo(np.zeros((3000, 3000, 1), np.float32))
    recipe = Recipe("test", (Change(lighten(slice(100, 2900), slice(7, 9))),))
    small, large = (run(before, recipe, Darkroom(memory=m * 2**20)) for m in (64, 4096))
    assert isinstance(small.origin, np.memmap) and not isinstance(large.origin, np.memmap)
    assert np.array_equal(small.origin, large.origin)


def test_a_cancelled_darkroom_gives_no_photo():
    room = Darkroom()
    room.cancel()
    with pytest.raises(Cancelled):
        run(photo(), Recipe("test", (Change(lighten(slice(1), slice(1))),)), room)
