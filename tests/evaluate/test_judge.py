"""What a person says of marks on old photos, and what the script makes of it."""

import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from unfade.train.data import find_sources

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "judge.py"
JUDGED = sorted((SCRIPT.parent / "judged").glob("*.json"))
BOX = [5, 5, 12, 12]


@pytest.fixture(scope="module")
def judge():
    spec = importlib.util.spec_from_file_location("judge", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pages(tmp_path):
    """What was shown of one photo: one mark."""
    mark = {"sha256": "aa", "file": "p/one.png", "box": BOX, "odds": 2}
    (tmp_path / "marks.json").write_text(
        json.dumps({"photos": [["aa", "p/one.png"]], "marks": [mark]})
    )
    return tmp_path


def photos_in(path):
    return json.loads(path.read_text())["photos"]


def test_only_photos_that_were_shown_are_judged(judge, tmp_path, monkeypatch):
    for name in ("one", "two"):
        noise = np.random.default_rng(ord(name[0])).integers(0, 255, (64, 64, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"{name}.png"), noise)
    monkeypatch.setattr(
        judge,
        "proposed",
        lambda photo, room: [
            {
                "sha256": photo.digest.hex(),
                "file": photo.name,
                "box": BOX,
                "odds": 3.0 if "one" in photo.name else 1.0,
            }
        ],
    )
    judge.draw(find_sources(tmp_path), None, tmp_path / "pages", 1, [], 0)
    judge.collect(tmp_path / "pages", {0}, set(), tmp_path / "v.json")
    (photo,) = photos_in(tmp_path / "v.json")
    assert Path(photo["file"]).name == "one.png"
    assert (photo["rest"], photo["damage"]) == ("unsure", [BOX])


def test_the_rest_of_a_photo_without_damage_is_detail(judge, pages):
    judge.collect(pages, set(), set(), pages / "v.json")
    (photo,) = photos_in(pages / "v.json")
    assert (photo["rest"], photo["detail"]) == ("detail", [BOX])


def test_a_photo_of_which_nothing_was_judged_stays_unsure(judge, pages):
    (pages / "v.json").write_text(
        json.dumps({"photos": [{"sha256": "bb", "file": "p/two.png", "rest": "unsure"}]})
    )
    judge.collect(pages, set(), set(), pages / "v.json")
    assert [photo["rest"] for photo in photos_in(pages / "v.json")] == ["unsure", "detail"]


def test_damage_that_was_drawn_leaves_the_rest_unsure(judge, pages):
    out = pages / "v.json"
    judge.collect(pages, set(), set(), out)
    (pages / "marks.txt").write_text("one scratch line 2 20 20 20 60\n")
    judge.put_drawn(pages / "marks.txt", 3, set(), out)
    judge.collect(pages, set(), set(), out)
    (photo,) = photos_in(out)
    assert photo["rest"] == "unsure" and len(photo["drawn"]) == 1


@pytest.mark.parametrize("first", ["damage", "detail", "unsure"])
@pytest.mark.parametrize("last", ["damage", "detail", "unsure"])
def test_a_mark_that_is_judged_again_is_what_was_said_last(judge, pages, first, last):
    for verdict in (first, last):
        told = ({0} if verdict == name else set() for name in ("damage", "unsure"))
        judge.collect(pages, *told, pages / "v.json")
    (photo,) = photos_in(pages / "v.json")
    assert {name: photo[name] for name in judge.VERDICTS if photo.get(name)} == {last: [BOX]}


def test_lines_that_cross_or_run_side_by_side_are_all_kept(judge, pages, capsys):
    out, marks = pages / "v.json", pages / "marks.txt"
    judge.collect(pages, set(), set(), out)
    lines = ("10 10 210 410", "40 10 240 410", "210 10 10 410")
    marks.write_text("\n".join(f"one scratch line 2 {line}" for line in lines))
    judge.put_drawn(marks, 3, set(), out)
    assert len(photos_in(out)[0]["drawn"]) == 3
    # The same again, by a hand that is a pixel or two off.
    marks.write_text("one scratch line 2 11 10 212 410\n")
    judge.put_drawn(marks, 3, set(), out)
    assert len(photos_in(out)[0]["drawn"]) == 3
    assert "left out: 0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("one spot box 4 4 13 13", 0),
        ("one spot box 40 40 46 46", 1),
        ("one scratch line 2 5 1 200 9", 1),
    ],
)
def test_what_was_judged_to_be_damage_is_not_drawn_again(judge, pages, line, kept):
    judge.collect(pages, {0}, set(), pages / "v.json")
    (pages / "marks.txt").write_text(line)
    judge.put_drawn(pages / "marks.txt", 3, set(), pages / "v.json")
    assert len(photos_in(pages / "v.json")[0].get("drawn", ())) == kept


def test_numbers_that_are_not_on_the_pages_are_refused(judge, pages):
    assert judge.numbers("6 34-36") == {6, 34, 35, 36}
    for damage, unsure in (({1}, set()), ({0}, {0})):
        with pytest.raises(SystemExit, match="not on the pages, or both"):
            judge.collect(pages, damage, unsure, pages / "v.json")


@pytest.mark.parametrize("path", JUDGED, ids=lambda path: path.stem)
def test_our_own_verdicts_hold_together(judge, path):
    for photo in photos_in(path):
        boxes = [tuple(box) for name in judge.VERDICTS for box in photo.get(name, ())]
        assert len(boxes) == len(set(boxes)), f"two verdicts on a mark of {photo['file']}"
        assert photo["rest"] == judge.rest_of(photo), photo["file"]
