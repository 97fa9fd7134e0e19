"""What the damage network learns from marks on real photos."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.errors import ReadError  # noqa: E402
from unfade.train.aging import CLEAN, DAMAGED, NEITHER  # noqa: E402
from unfade.train.crops import Draw  # noqa: E402
from unfade.train.drawn import Drawn  # noqa: E402
from unfade.train.judged import JudgedPhoto, Verdicts  # noqa: E402
from unfade.train.nets import make_net  # noqa: E402
from unfade.train.real import RealCrops, label  # noqa: E402
from unfade.train.run import Run  # noqa: E402
from unfade.train.task import DamageTask  # noqa: E402

SPECKS = {"damage": (20, 30), "detail": (90, 40), "unsure": (60, 100), "unseen": (140, 120)}
TRUTH = (1.0, 0.0, np.nan)


def bright(picture):
    """A detector that takes what is bright for damage, and what is nearly so half."""
    return np.asarray(np.clip(picture.min(axis=2) * 2 - 0.6, 0, 1), np.float32)


def old_photo(rest=np.nan, boxes=3):
    """Bright specks of 4 px on a dark photo, the last of which nobody looked at."""
    pixels = np.full((160, 200, 3), 40, np.uint8)
    for left, top in SPECKS.values():
        pixels[top : top + 4, left : left + 4] = 240
    told = [[x - 1, y - 1, x + 5, y + 5] for x, y in SPECKS.values()][:boxes]
    truth = np.array(TRUTH[:boxes], np.float32)
    return JudgedPhoto(pixels, Verdicts(np.array(told, np.int64).reshape(-1, 4), truth, rest))


def values_at(plane, name):
    left, top = SPECKS[name]
    return set(np.unique(plane[top : top + 4, left : left + 4]).tolist())


@pytest.mark.parametrize(("rest", "unseen"), [(np.nan, NEITHER), (0.0, CLEAN)])
def test_a_verdict_on_a_box_becomes_one_on_pixels(rest, unseen):
    photo = old_photo(rest)
    plane = label(photo, bright(photo.photo.pixels))
    assert values_at(plane, "damage") == {DAMAGED}
    assert values_at(plane, "detail") == {CLEAN}
    assert values_at(plane, "unsure") == {NEITHER}
    assert values_at(plane, "unseen") == {unseen}
    assert plane[0, 0] == CLEAN
    assert plane[29, 19] == NEITHER  # In the box of the damage, but not meant.


@pytest.mark.parametrize(("rest", "expected"), [(np.nan, NEITHER), (0.0, CLEAN)])
def test_what_stands_out_and_nobody_looked_at_is_not_known_to_be_clean(rest, expected):
    photo = old_photo(rest)
    plane = label(photo, np.zeros((160, 200), np.float32))
    assert values_at(plane, "unseen") == {expected}
    assert plane[0, 0] == plane[130, 60] == CLEAN


def test_of_damage_that_the_network_does_not_see_the_photo_says_which_pixels_are_meant():
    photo = old_photo()
    plane = label(photo, np.full((160, 200), 0.01, np.float32))
    assert values_at(plane, "damage") == {DAMAGED}
    left, top, right, bottom = photo.verdicts.boxes[0]
    assert (plane[top:bottom, left:right] == DAMAGED).sum() == 16


def test_of_damage_that_nobody_can_see_no_pixel_is_meant():
    verdicts = Verdicts(np.array([[100, 90, 110, 96]]), np.ones(1, np.float32), np.nan)
    plane = label(JudgedPhoto(old_photo().pixels, verdicts), np.zeros((160, 200), np.float32))
    assert (plane[90:96, 100:110] == NEITHER).all()


def test_damage_on_what_is_detail_as_a_whole_is_damage():
    photo = old_photo()
    boxes = np.vstack([photo.verdicts.boxes, [[0, 0, 100, 100]]])
    truth = np.append(photo.verdicts.truth, np.float32(0))
    inside = JudgedPhoto(photo.pixels, Verdicts(boxes, truth, np.nan))
    assert values_at(label(inside, bright(photo.photo.pixels)), "damage") == {DAMAGED}


def test_half_of_the_crops_hold_damage_and_all_are_varied():
    data = RealCrops([old_photo(), old_photo(boxes=0)], bright)
    crops = [data[Draw(n, 32)] for n in range(40)]
    shares = [float((visible == DAMAGED).any()) for _, visible, _ in crops]
    assert 0.25 < np.mean(shares) < 0.75
    assert len({round(float(picture[0].min()), 3) for picture, _, _ in crops}) > 20
    for one, again in zip(crops[3], data[Draw(3, 32)], strict=True):
        assert torch.equal(one, again)
    picture, visible, kinds = crops[0]
    assert picture.shape == (3, 32, 32) and visible.shape == kinds.shape == (1, 32, 32)
    assert not kinds.any()


def test_nobody_is_asked_where_all_is_told():
    def never(picture):
        raise AssertionError("the detector is slow")

    told = old_photo(rest=0.0)
    no_damage = Verdicts(told.verdicts.boxes[1:], told.verdicts.truth[1:], 0.0)
    plane = RealCrops([JudgedPhoto(told.pixels, no_damage)], never).visible(0)
    assert values_at(plane, "unsure") == {NEITHER}
    assert values_at(plane, "detail") == values_at(plane, "unseen") == {CLEAN}


def test_drawn_damage_is_shown_as_often_as_judged():
    photo = old_photo(boxes=0)
    drawn = JudgedPhoto(photo.pixels, photo.verdicts, (Drawn("spot", ((18, 28), (26, 36))),))
    judged = old_photo()
    data = RealCrops([judged] * 9 + [drawn], bright)
    lists = [data._some_marks(np.random.default_rng(n)) for n in range(200)]
    shares = [sum(told is marks for told in lists) for marks in (data.damage, data.drawn)]
    assert shares == pytest.approx([50, 50], abs=20)


def test_large_drawn_damage_is_shown_more_often():
    photo = old_photo(boxes=0)
    photo.pixels[70:72, 20:180] = 240
    marks = (Drawn("spot", ((18, 28), (26, 36))), Drawn("scratch", ((20, 70), (180, 70)), 2))
    data = RealCrops([old_photo(), JudgedPhoto(photo.pixels, photo.verdicts, marks)], bright)
    assert data.drawn.places == [(1, 0), (1, 1)]
    small, large = data.drawn.chances
    assert large > 3 * small and small + large == pytest.approx(1)


def test_detail_is_shown_more_often_than_what_no_photo_has_and_what_nobody_can_tell_never():
    harmless = Verdicts(np.tile([[5, 5, 9, 9]], (60, 1)), np.zeros(60, np.float32), 0.0)
    data = RealCrops([old_photo(), JudgedPhoto(old_photo().pixels, harmless)], bright)
    shown = [data.others.draw(np.random.default_rng(n)) for n in range(200)]
    assert shown.count((0, 1)) == pytest.approx(140, abs=25)
    assert shown.count((0, 2)) == 0 and len({number for _, number in shown}) > 40


def test_what_nobody_can_tell_is_shown_where_there_is_no_other_mark():
    nobody = Verdicts(old_photo().verdicts.boxes, np.full(3, np.nan, np.float32), np.nan)
    data = RealCrops([JudgedPhoto(old_photo().pixels, nobody)], bright)
    assert len({data.others.draw(np.random.default_rng(n)) for n in range(40)}) == 3


def test_photos_without_any_mark_are_refused():
    with pytest.raises(ReadError, match="none of the 2 judged photos has a mark"):
        RealCrops([old_photo(boxes=0)] * 2, bright)


def test_a_photo_smaller_than_the_crop_is_mirrored():
    picture, visible, _ = RealCrops([old_photo()], bright)[Draw(1, 256)]
    assert picture.shape == (3, 256, 256) and visible.shape == (1, 256, 256)


def test_what_counts_neither_way_teaches_nothing():
    torch.manual_seed(0)
    net = make_net("damage", "", "small", 3, 8)
    picture, _, kinds = (x[None] for x in RealCrops([old_photo()], bright)[Draw(0, 64)])
    loss = DamageTask(net, 1e-3, 10).loss([picture, torch.full((1, 1, 64, 64), NEITHER), kinds])
    loss.backward()
    assert all(p.grad is None or not p.grad.abs().max() > 1e-6 for p in net.parameters())


@pytest.mark.parametrize("task", ["inpaint", "denoise"])
def test_other_tasks_take_no_judged_marks(task):
    with pytest.raises(ValueError, match="damage, overview and verify"):
        Run(task, data=("photos",), judged=("marks.json", "old"))
