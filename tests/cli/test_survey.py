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
