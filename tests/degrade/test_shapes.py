import gzip
import json

import cv2
import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.degrade.particles import AddParticles
from unfade.degrade.shapes import outline_library, shape_library, smooth_field, turned
from unfade.errors import ReadError
from unfade.photo import Photo
from unfade.pipeline import run
from unfade.recipe import Recipe


def write_library(folder, count=40):
    (folder / "dots").mkdir()
    for index in range(count):
        cv2.imwrite(str(folder / "dots" / f"{index:04}.png"), np.full((9, 9), 200, np.uint8))


def test_train_and_val_share_no_shape(tmp_path):
    write_library(tmp_path)
    parts = {p: len(shape_library(str(tmp_path), p)["dots"]) for p in ("all", "train", "val")}
    assert parts["train"] + parts["val"] == parts["all"] == 40
    assert 0 < parts["val"] < parts["train"]


def test_a_library_without_pictures_is_refused(tmp_path):
    with pytest.raises(ReadError, match="no artefact shapes"):
        shape_library(str(tmp_path))


def test_shapes_are_read_whatever_their_files_are_called(tmp_path, monkeypatch):
    # On Windows OpenCV opens no file with a name outside of the code page.
    monkeypatch.setattr(cv2, "imread", lambda *_: None)
    place = tmp_path / "Ж" / "dots"
    place.mkdir(parents=True)
    drawn = np.full((9, 12), 200, np.uint8)
    (place / "Ж.png").write_bytes(cv2.imencode(".png", drawn)[1].tobytes())
    (place / "legend.txt").write_text("no picture")
    (place / "empty.png").touch()
    (place / "folder.png").mkdir()
    (shape,) = shape_library(str(place.parent))["dots"]
    np.testing.assert_array_equal(shape.opacity, drawn)


def test_shrinking_a_shape_keeps_its_weight():
    shape = np.zeros((80, 80), np.uint8)
    cv2.circle(shape, (40, 40), 30, 255, -1)
    small = turned(shape, np.random.default_rng(0), 0.25)
    assert small.sum() == pytest.approx(shape.sum() / 16, rel=0.1)


def test_smooth_fields_stay_within_zero_and_one():
    field = smooth_field(np.random.default_rng(0), (50, 70), 5)
    assert field.shape == (50, 70)
    assert field.min() >= 0
    assert field.max() <= 1
    assert np.abs(np.diff(field, axis=0)).max() < 0.2


def test_annotated_outlines_come_sorted_by_area_and_split(tmp_path):
    (tmp_path / "real").mkdir()
    entries = [
        {
            "label": "Dust",
            "scan": 1,
            "id": i,
            "area": 90 - i,
            "points": [[0, 0], [9, 0], [9, 10 - i]],
        }
        for i in range(9)
    ]
    with gzip.open(tmp_path / "real" / "polygons.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(entry) + "\n" for entry in entries)
    dust = outline_library(str(tmp_path))["Dust"]
    assert list(dust.areas) == sorted(dust.areas)
    assert all(abs(p.min(axis=0) + p.max(axis=0)).max() < 1e-9 for p in dust.points)
    parts = [outline_library(str(tmp_path), part).get("Dust") for part in ("train", "val")]
    assert sum(0 if each is None else len(each.areas) for each in parts) == 9
    assert outline_library(str(tmp_path / "real")) == {}


def test_a_library_without_pictures_of_a_kind_leaves_it_to_be_drawn(tmp_path):
    write_library(tmp_path)
    photo = Photo(np.full((60, 80, 3), 0.5, np.float32))
    for kind in ("dust", "dirt", "hair", "scratch"):
        stage = AddParticles(kind=kind, count=20, um_per_px=20, library=str(tmp_path), seed=3)
        assert run(photo, Recipe("one", (stage,)), Darkroom()).damage is not None
