"""Damage that a person drew on a photo."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.darkroom import Darkroom  # noqa: E402
from unfade.errors import ReadError  # noqa: E402
from unfade.stages.marks import candidates  # noqa: E402
from unfade.train.aging import CLEAN, DAMAGED, NEITHER  # noqa: E402
from unfade.train.crops import Draw  # noqa: E402
from unfade.train.data import find_sources  # noqa: E402
from unfade.train.drawn import SLACK_PX, Drawn, draw  # noqa: E402
from unfade.train.judged import JudgedPhoto, Verdicts, read_judged  # noqa: E402
from unfade.train.real import RealCrops, label  # noqa: E402

NO_VERDICTS = Verdicts(np.zeros((0, 4), np.int64), np.zeros(0, np.float32), np.nan)


def scratched():
    """A ramp (120, 160, 3) with a white slanting line of 2 px and a black speck of 5 px."""
    pixels = np.tile(np.linspace(60, 160, 160).astype(np.uint8)[None, :, None], (120, 1, 3))
    truth = np.zeros((120, 160), bool)
    for y in range(20, 100):
        truth[y, 40 + y // 2 : 42 + y // 2] = True
    pixels[truth] = 235
    pixels[60:65, 120:125] = 10
    return pixels, truth


LINE = Drawn("scratch", ((51, 21), (71, 61), (91, 99)), 2)
SPECK = Drawn("spot", ((118, 58), (127, 67)))


def test_a_line_drawn_by_hand_means_the_pixels_of_the_scratch():
    pixels, truth = scratched()
    drawing = draw(pixels, [LINE])
    assert np.array_equal(drawing[20:100] == 1, truth[20:100])
    assert (drawing == -1).sum() > truth.sum() and (drawing != 0).mean() < 0.1


@pytest.mark.parametrize("off", [-SLACK_PX + 1, 0, SLACK_PX - 1])
def test_a_hand_may_be_a_few_pixels_off(off):
    pixels, truth = scratched()
    moved = Drawn("scratch", tuple((x + off, y) for x, y in LINE.points), 2)
    drawing = draw(pixels, [moved])
    assert (drawing[25:95] == 1)[truth[25:95]].mean() > 0.95
    assert not ((drawing == 1) & ~truth).any()


def test_a_box_is_the_same_from_whichever_corner_it_was_drawn():
    corners = ((118, 58), (127, 67)), ((127, 67), (118, 58)), ((127, 58), (118, 67))
    first, *others = (Drawn("spot", points).region((120, 160)) for points in corners)
    assert first.sum() == (9 + 2 * SLACK_PX) ** 2
    assert all(np.array_equal(first, other) for other in others)


@pytest.mark.parametrize(
    "points", [((4, -30), (10, -20)), ((-40, 5), (-20, 9)), ((4, 200), (9, 220))]
)
def test_a_box_beside_the_photo_means_nothing(points):
    assert not Drawn("spot", points).region((120, 160)).any()
    assert not draw(scratched()[0], [Drawn("spot", points)]).any()


def test_a_box_means_the_speck_in_it():
    pixels, _ = scratched()
    drawing = draw(pixels, [LINE, SPECK])
    assert np.argwhere(drawing == 2).min(axis=0).tolist() == [60, 120]
    assert (drawing == 2).sum() == 25


def test_a_hand_that_is_exact_takes_less_from_around():
    pixels, _ = scratched()
    exact = Drawn("spot", ((119, 59), (126, 66)), slack_px=1)
    assert Drawn.from_dict(exact.to_dict()) == exact and "slack_px" in exact.to_dict()
    assert "slack_px" not in SPECK.to_dict()
    assert (draw(pixels, [exact]) != 0).sum() < (draw(pixels, [SPECK]) != 0).sum()
    assert (draw(pixels, [exact]) == 1).sum() == 25


def test_where_nothing_differs_nothing_is_meant():
    pixels, _ = scratched()
    drawing = draw(pixels, [Drawn("spot", ((5, 5), (15, 15)))])
    assert not (drawing > 0).any() and (drawing == -1).any()
    assert not draw(pixels, [Drawn("spot", ((500, 500), (510, 510)))]).any()


@pytest.mark.parametrize(
    "told",
    [
        {"kind": "cloud", "points": [[1, 1], [4, 4]]},
        {"kind": "spot", "points": [[1, 1]]},
        {"kind": "spot", "points": [[1, 1], [4, 4], [9, 9]]},
        {"kind": "scratch", "points": [[1, 1]], "width_px": 2},
    ],
)
def test_what_is_no_mark_is_refused(told):
    with pytest.raises(ValueError, match=r"must be|has two"):
        Drawn.from_dict(told)


def test_marks_come_back_from_a_file_of_verdicts(tmp_path):
    import cv2

    pixels, _ = scratched()
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "a.png"), pixels[:, :, ::-1])
    source = find_sources(tmp_path / "photos")[0]
    photo = {"sha256": source.digest.hex(), "file": "a.png", "rest": "unsure"}
    photo["drawn"] = [LINE.to_dict(), SPECK.to_dict()]
    file = tmp_path / "verdicts.json"
    file.write_text(json.dumps({"photos": [photo]}))
    (found,) = read_judged(file, [source])
    assert found.marks == (LINE, SPECK) and found.damaged
    assert set(np.unique(found.drawing)) == {-2, -1, 0, 1, 2}
    photo["drawn"] = [{"kind": "spot"}]
    file.write_text(json.dumps({"photos": [photo]}))
    with pytest.raises(ReadError, match="'points' is missing"):
        read_judged(file, [source])


def test_a_candidate_on_a_drawn_mark_is_true_and_beside_it_nobody_can_tell():
    pixels, truth = scratched()
    judged = JudgedPhoto(pixels, NO_VERDICTS, (LINE,))
    probability = np.zeros((120, 160), np.float32)
    probability[truth] = 0.9
    probability[5:12, 100:110] = 0.9
    probability[50:56, 60:63] = 0.9
    seen = candidates(probability, Darkroom())
    told = judged.truth_of(seen, seen.of_size(5))
    where = [seen.boxes[n].tolist() for n in np.flatnonzero(seen.of_size(5))]
    by_left = {box[0]: value for box, value in zip(where, told.tolist(), strict=True)}
    assert by_left[50] == 1.0
    assert np.isnan(by_left[100])


def test_the_damage_network_learns_the_pixels_that_are_meant():
    pixels, truth = scratched()
    photo = JudgedPhoto(pixels, NO_VERDICTS, (LINE, SPECK))
    plane = label(photo, np.zeros((120, 160), np.float32))
    assert (plane[truth] == DAMAGED).all() and (plane[60:65, 120:125] == DAMAGED).all()
    assert plane[50, 62] == NEITHER and plane[5, 5] == CLEAN
    data = RealCrops([photo], lambda picture: np.zeros(picture.shape[:2], np.float32))
    crops = [data[Draw(n, 32)] for n in range(20)]
    assert np.mean([float((visible == DAMAGED).any()) for _, visible, _ in crops]) > 0.8
