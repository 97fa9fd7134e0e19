"""Which photos a network may be measured with, and what an export that fails leaves behind."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("onnx")

from unfade.errors import ModelError, ReadError  # noqa: E402
from unfade.models.card import ModelCard  # noqa: E402
from unfade.train import calibrate, export  # noqa: E402
from unfade.train.data import find_sources, held_out, manifest, split  # noqa: E402
from unfade.train.unseen import Known, find_unseen, read_manifests  # noqa: E402


@pytest.fixture
def run(photos, tmp_path):
    """A run folder with what matters here: it learned from five photos of six."""
    learn, check = split(find_sources(photos))
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "manifest.csv").write_text(manifest({"learn": learn, "check": check}), "utf-8")
    return folder


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_of_few_photos_those_are_taken_that_the_run_was_checked_with(run, photos, tmp_path):
    learn, check = split(find_sources(photos))
    found = find_unseen([photos], read_manifests([run]), tmp_path)
    assert found == [source.path for source in check]
    assert not {digest(path) for path in found} & {source.digest.hex() for source in learn}


def test_a_photo_that_was_learned_from_is_not_taken_though_the_rule_holds_it_out(tmp_path):
    rule = next(n for n in range(999) if hashlib.sha256(b"%d" % n).digest()[0] % 32 == 0)
    path = tmp_path / "photo.png"
    path.write_bytes(b"%d" % rule)
    assert held_out(path)
    assert find_unseen([tmp_path], Known(), tmp_path) == [path]
    assert find_unseen([tmp_path], Known(frozenset([digest(path)])), tmp_path) == []


def test_what_one_of_two_averaged_runs_learned_from_is_not_taken(run, photos, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    learn, check = split(find_sources(photos))
    (other / "manifest.csv").write_text(manifest({"learn": check, "check": learn[:1]}), "utf-8")
    known = read_manifests([run, other])
    assert len(known.learned) == 6 and not known.checked


def test_photos_may_lie_in_a_tar_file(run, photos, tmp_path):
    with tarfile.open(tmp_path / "photos.tar", "w") as tar:
        tar.add(photos, "set")
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    (found,) = find_unseen([tmp_path / "photos.tar"], read_manifests([run]), unpacked)
    (loose,) = find_unseen([photos], read_manifests([run]), unpacked)
    assert digest(found) == digest(loose) and list(unpacked.iterdir()) == [found]


def test_a_missing_place_is_called_missing(tmp_path):
    with pytest.raises(ReadError, match="none is missing; expected a folder or tar file"):
        find_unseen([tmp_path / "none"], Known(), tmp_path)


def test_a_run_that_does_not_say_what_it_learned_from_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"manifest\.csv is missing; it tells which photos"):
        read_manifests([tmp_path])


def test_what_is_no_run_folder_is_said_to_be_none(tmp_path):
    with pytest.raises(ModelError, match=r"run\.json is missing; a run is the folder that"):
        export.main([str(tmp_path / "none"), "-o", str(tmp_path / "out")])


@pytest.fixture
def opened(monkeypatch):
    """Let any run folder hold the smallest of damage networks."""
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 1), torch.nn.Sigmoid()).eval()
    card = ModelCard("damage", "damage", "", channels_out=1)
    monkeypatch.setattr(export, "open_run", lambda *_: (net, card))


def test_a_calibration_that_fails_leaves_no_weights(opened, run, photos, tmp_path):
    words = [str(run), "-o", str(tmp_path / "out"), "--calibrate"]
    with pytest.raises(ReadError, match="is missing"):
        export.main([*words, str(tmp_path / "none")])
    learned = tmp_path / "learned"
    learned.mkdir()
    shutil.copyfile(split(find_sources(photos))[0][0].path, learned / "0.png")
    with pytest.raises(ModelError, match="all these photos were learned from"):
        export.main([*words, str(learned)])
    assert not (tmp_path / "out").exists()


@pytest.fixture
def judged_run(run, photos, tmp_path):
    """The run has learned from the first of two old photos that a person judged."""
    rng = np.random.default_rng(1)
    (tmp_path / "old").mkdir()
    for name in "ab":
        noise = rng.integers(0, 255, (16, 16, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "old" / f"{name}.png"), noise)
    learn, check = split(find_sources(photos))
    old = find_sources(tmp_path / "old")
    told = manifest({"learn": learn, "judged": old[:1], "check": check})
    (run / "manifest.csv").write_text(told, "utf-8")
    verdicts = [{"sha256": source.digest.hex(), "rest": "detail"} for source in old]
    for name, part in (("both", verdicts), ("learned", verdicts[:1])):
        (tmp_path / f"{name}.json").write_text(json.dumps({"photos": part}))
    return run


def test_judged_photos_that_a_run_learned_from_do_not_calibrate_it(
    opened, judged_run, photos, tmp_path, monkeypatch
):
    given = []

    def measure(paths, room, library, part, judged):
        given.extend(judged)
        return calibrate.Calibration(0.5, -1.0)

    monkeypatch.setattr(calibrate, "calibrate", measure)
    words = [str(judged_run), "-o", str(tmp_path / "out"), "--calibrate", str(photos), "--judged"]
    with pytest.raises(
        ReadError, match=r"all 1 photos that .*learned\.json speaks of were learned"
    ):
        export.main([*words, str(tmp_path / "learned.json"), str(tmp_path / "old")])
    assert not (tmp_path / "out").exists()
    export.main([*words, str(tmp_path / "both.json"), str(tmp_path / "old")])
    (photo,) = given
    assert np.array_equal(photo.pixels, find_sources(tmp_path / "old")[1].decode())


def test_an_export_calibrates_with_what_its_run_did_not_learn_from(
    opened, run, photos, tmp_path, monkeypatch
):
    given = []

    def measure(paths, *_):
        given.extend(paths)
        return calibrate.Calibration(0.5, -1.0)

    monkeypatch.setattr(calibrate, "calibrate", measure)
    out = tmp_path / "out"
    assert export.main([str(run), "-o", str(out), "--calibrate", str(photos)]) == 0
    assert given == [source.path for source in split(find_sources(photos))[1]]
    assert sorted(path.name for path in out.iterdir()) == ["damage.onnx", "damage.toml"]
    card = ModelCard.from_toml((out / "damage.toml").read_text("utf-8"))
    assert card.calibration[:2] == (0.5, -1.0)
