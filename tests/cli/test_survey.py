"""`unfade survey`: what is told, and that nothing is changed."""

import csv
import json

import pytest
from click.testing import CliRunner

from unfade.cli.main import unfade
from unfade.survey import look


@pytest.fixture(autouse=True)
def without_networks(house, monkeypatch):
    """Let damage be found by a stub, and veils and tone by a stage that sees nothing."""
    from .conftest import STUBS

    blind = dict.fromkeys(("veils", "fading"), STUBS["inpaint"])
    monkeypatch.setattr(look, "STAGES", {"damage": STUBS["damage"], **blind})


def call(*arguments):
    return CliRunner().invoke(unfade, ["survey", *map(str, arguments)], catch_exceptions=False)


def test_a_folder_is_told_as_a_table_and_nothing_changes(album):
    before = {path: path.read_bytes() for path in album.rglob("*") if path.is_file()}
    result = call(album)
    assert result.exit_code == 0, result.output
    lines = result.output.split("\n")
    assert any("a.png" in line and "32 x   24" in line and "heavy" in line for line in lines)
    assert "3 photos" in result.output and "0 unreadable" in result.output
    assert "restoring takes about" in result.output
    assert before == {path: path.read_bytes() for path in album.rglob("*") if path.is_file()}


def test_unreadable_files_are_told_and_the_others_seen(album):
    (album / "empty.jpg").write_bytes(b"")
    result = call(album)
    assert result.exit_code == 1
    assert "expected a photo, got an empty file" in result.output
    assert "3 photos" in result.output and "1 unreadable" in result.output


@pytest.mark.parametrize("name", ["cut.jpg", "cut.png", "cut.tif", "text.jpg", "empty.jpg"])
def test_a_broken_file_is_told_as_restoring_tells_it(album, tmp_path, name):
    whole = {".jpg": "1968/summer/c.jpg", ".png": "a.png", ".tif": "1968/b.tif"}
    data = (album / whole[name[-4:]]).read_bytes()
    broken = album / name
    broken.write_bytes(
        {"text.jpg": b"dear diary", "empty.jpg": b""}.get(name, data[: len(data) // 2])
    )
    seen = call(broken, "--json")
    told = json.loads(seen.stdout)["photos"][0]["problem"]
    restored = CliRunner().invoke(
        unfade, ["restore", str(broken), "-o", str(tmp_path / "x"), "--json"]
    )
    assert told == json.loads(restored.stdout)["outcomes"][0]["message"]
    assert "; " in told


def test_black_and_white_is_called_so_in_the_sum_too(album, monkeypatch):
    monkeypatch.setattr(look, "photo_tone", lambda photo: "neutral")
    output = call(album).output
    assert "tone: 3 b/w;" in output and "neutral" not in output


def test_the_table_the_document_and_the_sheet_tell_the_same(album, tmp_path):
    (album / "copy.png").write_bytes((album / "a.png").read_bytes())
    result = call(album, "--csv", tmp_path / "t.csv", "--sheet", tmp_path / "s.png", "--json")
    told = json.loads(result.stdout)
    assert told["totals"]["photos"] == 4 and told["totals"]["copies"] == 1
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["path"] for row in table] == [photo["path"] for photo in told["photos"]]
    assert (tmp_path / "s.png").is_file()


def test_no_photos_is_an_error(tmp_path):
    (tmp_path / "empty").mkdir()
    assert call(tmp_path / "empty").exit_code == 1
    assert "no such file" in call(tmp_path / "gone.jpg").output.lower()


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def asked(monkeypatch):
    """Photos that were looked at."""
    looked, look_at = [], look.look_at
    monkeypatch.setattr(
        look, "look_at", lambda path, *more: looked.append(path) or look_at(path, *more)
    )
    return looked


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--csv", "a.png"), "got a photo's"),
        (("--csv", "new.TIF"), "got a photo's"),
        (("--csv", "notes.txt"), "notes.txt exists, and unfade did not write it"),
        (("--csv", "a.png", "--overwrite"), "got a photo's"),
        (("--sheet", "a.png"), "is one of the photos"),
        (("--sheet", "a.png", "--overwrite"), "is one of the photos"),
        (("--sheet", "link.png", "--overwrite"), "is one of the photos"),
        (("--sheet", "other.png"), "other.png exists, and unfade did not write it"),
        (("--sheet", "s.gif"), "expected a suffix of .jpg, "),
        (("--sheet", "s"), "got 'none'"),
        (("--sheet", "none/s.jpg"), "there is no folder none; make it first"),
    ],
)
def test_what_must_not_be_written_is_told_before_anything_is_looked_at(
    album, monkeypatch, asked, words, says
):
    monkeypatch.chdir(album)
    (album / "other.png").write_bytes((album / "a.png").read_bytes())
    (album / "link.png").hardlink_to(album / "a.png")
    before = contents(album)
    result = call("a.png", "1968", *words)
    assert result.exit_code == 2 and says in " ".join(result.output.split()), result.output
    assert contents(album) == before and not asked


def test_the_second_sheet_replaces_no_photo_either(album, tmp_path, monkeypatch):
    from unfade.survey import sheet

    monkeypatch.setattr(sheet, "EACH", 2)
    (tmp_path / "s-2.png").write_bytes(b"precious")
    result = call(album, "--sheet", tmp_path / "s.png")
    assert result.exit_code == 2 and "s-2.png exists" in result.output
    result = call(album, "--sheet", tmp_path / "s.png", "--overwrite")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "s-2.png").read_bytes() != b"precious"


@pytest.mark.parametrize("inputs", [".", "*"])
def test_tables_and_sheets_of_ours_are_replaced(album, monkeypatch, inputs):
    monkeypatch.chdir(album)
    (album / "notes.txt").unlink()
    words = (inputs, "--csv", "t.csv", "--sheet", "s.png")
    assert call(*words).exit_code == 0
    first = contents(album)
    (album / "copy.png").write_bytes((album / "a.png").read_bytes())
    again = call(*words)
    assert again.exit_code == 0 and "4 photos" in again.output, again.output
    second = contents(album)
    changed = {path.name for path in first if first[path] != second[path]}
    assert changed == {"t.csv", "s.png"}


def test_the_look_is_told_although_the_sheet_cannot_be_written(album, tmp_path, monkeypatch):
    from unfade.errors import WriteError
    from unfade.survey import sheet

    def fail(*_, **__):
        raise WriteError("the disk is full")

    monkeypatch.setattr(sheet, "write", fail)
    result = CliRunner().invoke(unfade, ["survey", str(album), "--sheet", str(tmp_path / "s.jpg")])
    assert result.exit_code == 1
    assert "restoring takes about" in result.output and "the disk is full" in result.output


def test_the_pages_of_a_tiff_are_told(album):
    from unfade.io.pages import join_pages

    part = album / "1968" / "b.tif"
    join_pages([part] * 3, album / "three.tif")
    result = call(album)
    (line,) = (line for line in result.output.splitlines() if "three.tif" in line)
    assert line.endswith("3 pages")
    assert "4 photos of 6 pages" in result.output
