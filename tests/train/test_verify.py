"""What the network that verifies marks learns from."""

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.errors import ReadError  # noqa: E402
from unfade.stages.marks import CANDIDATE  # noqa: E402
from unfade.stages.verify import VIEW_CHANNELS, VIEW_SIDE  # noqa: E402
from unfade.train import loaders  # noqa: E402
from unfade.train.crops import Draw  # noqa: E402
from unfade.train.data import find_sources  # noqa: E402
from unfade.train.judged import read_judged  # noqa: E402
from unfade.train.nets import make_net  # noqa: E402
from unfade.train.run import Run  # noqa: E402
from unfade.train.verify import (  # noqa: E402
    LEVELS,
    TRUE_JUDGED,
    VIEWS,
    Detector,
    JudgedData,
    Looked,
    VerifyData,
    VerifyTask,
)


class Bright:
    """A detector that takes what is bright for damage, and what is nearly so half."""

    def __call__(self, picture):
        return np.asarray(np.clip(picture.min(axis=2) * 2 - 0.6, 0, 1), np.float32)


def photo(specks):
    """A dark photo, with bright details of its own if asked."""
    picture = np.full((160, 200, 3), 40, np.uint8)
    for x, y in np.random.default_rng(0).integers(10, 150, (specks, 2)):
        picture[y : y + 4, x : x + 4] = 240
    return picture


def test_examples_are_the_same_for_a_seed():
    data = VerifyData([photo(20)], Bright(), part="all")
    for number in (1, 2):
        for first, again in zip(data[Draw(number, 128)], data[Draw(number, 128)], strict=True):
            assert torch.equal(first, again)
    views, truth = data[Draw(1, 128)]
    assert views.shape == (VIEWS, VIEW_CHANNELS, VIEW_SIDE, VIEW_SIDE)
    assert truth.shape == (VIEWS,) and 0 <= truth.min() <= truth.max() <= 1


def test_details_of_the_photo_are_false_and_artefacts_true():
    with_details = VerifyData([photo(20)], Bright(), part="all")
    plain = VerifyData([photo(0)], Bright(), part="all")
    details = torch.cat([with_details[Draw(n, 128)][1] for n in range(12)])
    artefacts = torch.cat([plain[Draw(n, 128)][1] for n in range(12)])
    assert artefacts.mean() > 0.5 > details.mean()


def test_a_crop_without_candidates_gives_an_empty_view():
    views, truth = VerifyData([photo(0)], lambda p: p[:, :, 0] * 0, part="all")[Draw(0, 64)]
    assert views.shape[0] == VIEWS and not views.any() and not truth.any()


def test_the_detector_answers_like_the_network_that_ships():
    from unfade.darkroom import Darkroom
    from unfade.photo import Photo
    from unfade.stages.damage import damage_probability

    pixels = np.random.default_rng(0).random((70, 90, 3), np.float32)
    expected = damage_probability(Photo(pixels), Darkroom("onnxruntime"))
    np.testing.assert_allclose(Detector()(pixels), expected, atol=0.05)


def test_the_task_learns_what_is_true():
    torch.manual_seed(0)
    truth = (torch.rand(2, 16) < 0.5).float()
    views = torch.rand(2, 16, VIEW_CHANNELS, VIEW_SIDE, VIEW_SIDE) * 0.2
    views[:, :, 0] += 0.5 * truth[:, :, None, None]
    task = VerifyTask(make_net("verify", "", "small", VIEW_CHANNELS, 1), 1e-2, 10)
    optimizer = torch.optim.Adam(task.parameters(), 1e-2)
    first = task.loss([views, truth])
    for _ in range(5):
        optimizer.zero_grad()
        task.loss([views, truth]).backward()
        optimizer.step()
    assert task.loss([views, truth]) < 0.5 * first


SPECKS = ((20, 30), (90, 40), (60, 100))


@pytest.fixture
def judged(tmp_path):
    """Three specks on a photo: one is damage, one a button, of the third nobody knows."""
    picture = np.full((160, 200, 3), 40, np.uint8)
    for left, top in SPECKS:
        picture[top : top + 4, left : left + 4] = 240
    cv2.imwrite(str(tmp_path / "old.png"), picture)
    digest = hashlib.sha256((tmp_path / "old.png").read_bytes()).hexdigest()
    damage, button, _ = ([[x, y, x + 4, y + 5]] for x, y in SPECKS)
    verdicts = {"sha256": digest, "rest": "unsure", "damage": damage, "detail": button}
    (tmp_path / "verdicts.json").write_text(json.dumps({"photos": [verdicts]}))
    return tmp_path / "verdicts.json"


def test_a_mark_is_what_the_person_said_of_a_box_like_it(judged):
    photo = read_judged(judged, find_sources(judged.parent))[0]
    boxes = np.array([[x, y, x + 4, y + 4] for x, y in SPECKS] + [[0, 0, 200, 160]])
    np.testing.assert_array_equal(photo.verdicts.of(boxes), [1, 0, np.nan, np.nan])
    assert photo.verdicts.of(np.zeros((0, 4), np.int64)).shape == (0,)
    assert photo.damaged and photo.pixels.shape == (160, 200, 3)


def test_the_rest_of_a_photo_without_damage_is_detail(judged):
    record = json.loads(judged.read_text())
    record["photos"][0] = {"sha256": record["photos"][0]["sha256"], "rest": "detail"}
    judged.write_text(json.dumps(record))
    photo = read_judged(judged, find_sources(judged.parent))[0]
    np.testing.assert_array_equal(photo.verdicts.of(np.array([[1, 2, 3, 4]])), [0])
    assert not photo.damaged


def test_judged_marks_are_shown_in_fixed_shares_and_varied(judged):
    data = JudgedData(read_judged(judged, find_sources(judged.parent)), Bright())
    views, truth = data[Draw(3, 128)]
    assert views.shape == (VIEWS, VIEW_CHANNELS, VIEW_SIDE, VIEW_SIDE)
    assert torch.equal(views, data[Draw(3, 128)][0])
    many = [data[Draw(n, 128)] for n in range(3, 13)]
    views, truth = (torch.cat(parts) for parts in zip(*many, strict=True))
    assert float(truth.mean()) == pytest.approx(TRUE_JUDGED, abs=0.1)
    assert views.min() >= 0 and views.max() <= 1
    # Both specks look alike close up; what tells them apart is where they lie, seen from afar.
    afar = views[:, 5].mean(dim=(1, 2))
    assert afar[truth == 1].std() > 0.01, "every view is of the same lightness"
    marks = views[:, 4].sum(dim=(1, 2))
    assert set(views[:, 4].unique().tolist()) == {0, 1}
    assert marks.min() < 0.8 * marks.median() and marks.max() > 1.2 * marks.median()
    surest = views[:, 3].amax(dim=(1, 2))
    assert surest.std() > 0.01, "the first network is as sure of every mark"


def test_what_is_suspected_and_judged_is_learned_from_too(judged):
    def doubting(picture):
        return np.float32((CANDIDATE + LEVELS[2]) / 2) * Bright()(picture)

    data = JudgedData(read_judged(judged, find_sources(judged.parent)), doubting)
    views, truth = data[Draw(3, 128)]
    assert views[:, 4].any() and 0 < truth.mean() < 1, "marks that are not proposed"


def test_crops_are_looked_at_down_to_each_level():
    def shaded(picture):
        bright = np.asarray(picture.min(axis=2) > 0.5, np.float32)
        near, far = (cv2.dilate(bright, np.ones((side, side))) for side in (3, 5))
        rings = (CANDIDATE + LEVELS[2]) / 2 * near, (LEVELS[2] + LEVELS[3]) / 2 * far
        return np.maximum(bright * 0.9, np.maximum(*rings)).astype(np.float32)

    crop = photo(6).astype(np.float32) / 255
    areas = {level: Looked(crop, shaded(crop), level).seen.areas[1:].sum() for level in LEVELS}
    assert areas[LEVELS[3]] > areas[LEVELS[2]] > areas[CANDIDATE] > 0
    data = VerifyData([photo(6)], shaded, part="all")
    views = torch.cat([data[Draw(n, 128)][0] for n in range(20)])
    lowest = [float(view[3][view[4] > 0.5].min()) for view in views if view[4].any()]
    assert min(lowest) < 0.5 < max(lowest), "log odds of 0 are shown as 0.5"
    assert len({round(value, 2) for value in lowest}) > 2, "all reach down to one level"


def test_a_detector_that_sees_none_of_the_judged_marks_is_told(judged):
    data = JudgedData(read_judged(judged, find_sources(judged.parent)), lambda p: p[:, :, 0] * 0)
    with pytest.raises(ReadError, match="hardly any"):
        data[Draw(0, 128)]


@pytest.mark.parametrize("content", ["no json", "[]", '{"photos": [{"rest": "detail"}]}'])
def test_a_file_that_holds_no_verdicts_is_refused(judged, content):
    judged.write_text(content)
    with pytest.raises(ReadError, match="no file of judged marks"):
        read_judged(judged, find_sources(judged.parent))


def test_verdicts_on_other_photos_are_refused(judged):
    cv2.imwrite(str(judged.parent / "old.png"), np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(ReadError, match="none of the 1 photos judged"):
        read_judged(judged, find_sources(judged.parent))


def judged_files(manifest):
    lines = (line.split(",", 2) for line in manifest.splitlines())
    return {Path(name.strip('"')).name for part, _, name in lines if part == "judged"}


def test_a_run_learns_from_aged_and_judged_marks(judged, tmp_path, monkeypatch):
    monkeypatch.setattr(loaders, "Detector", lambda name: Bright())
    clean = tmp_path / "clean"
    clean.mkdir()
    for number in range(3):
        cv2.imwrite(str(clean / f"{number}.png"), photo(20) + np.uint8(number))
    places = (str(judged), str(judged.parent))
    cv2.imwrite(str(judged.parent / "unspoken.png"), photo(9))
    run = Run("verify", data=(str(clean),), judged=places, share=0.5)
    material = loaders.read_material(run)
    kinds = {type(material.learn.second), type(material.learn.first)}
    assert kinds == {JudgedData, VerifyData}
    assert judged_files(material.manifest) == {"old.png", "verdicts.json"}
    record = json.loads(judged.read_text())
    record["photos"][0]["detail"] = []
    judged.write_text(json.dumps(record))
    assert loaders.read_material(run).sha256 != material.sha256


@pytest.mark.parametrize("wrong", [{"task": "fading"}, {"judged": ("one.json",)}, {"data": ()}])
def test_judged_marks_need_a_task_that_learns_them_and_clean_photos(wrong):
    settings = {"task": "verify", "data": ("clean",), "judged": ("one.json", "old")} | wrong
    with pytest.raises(ValueError, match=r"judged|nothing to learn"):
        Run(**settings)
