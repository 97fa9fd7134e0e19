"""Files that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from unfade.batch.leftovers import sweep
from unfade.errors import WriteError
from unfade.io.whole import aside, put_back, short, whole


def test_a_file_gets_its_name_when_all_is_written(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with whole(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new" and [*tmp_path.iterdir()] == [target]


@pytest.mark.parametrize("replace", [True, False])
def test_whether_a_file_that_came_meanwhile_is_replaced(tmp_path: Path, replace: bool) -> None:
    target = tmp_path / "a.txt"

    def work() -> None:
        with whole(target, replace) as temporary:
            temporary.write_text("new")
            target.write_text("theirs")

    if replace:
        work()
    else:
        with pytest.raises(WriteError, match="stays as it is"):
            work()
    assert target.read_text() == ("new" if replace else "theirs")
    assert [*tmp_path.iterdir()] == [target]


def test_what_was_to_be_replaced_comes_back_where_the_work_breaks_off(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), put_back(target):
        with whole(target) as temporary:
            temporary.write_text("new")
        raise ZeroDivisionError
    assert target.read_text() == "old" and [*tmp_path.iterdir()] == [target]


def test_a_file_is_kept_aside_while_its_name_is_given_to_another(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with aside(target) as kept:
        with whole(target) as temporary:
            temporary.write_text("new")
        assert (kept.read_text(), target.read_text()) == ("old", "new")
    assert [*tmp_path.iterdir()] == [target]


@pytest.mark.parametrize("length", [1, 90, 100, 115, 120, 121, 200, 235])
@pytest.mark.parametrize("ending", ["", ".report.html", ".65535px.jpg"])
def test_what_a_killed_process_leaves_is_known_by_its_name(
    tmp_path: Path, length: int, ending: str
) -> None:
    target = tmp_path / ("n" * length + ".tif")
    temporary = tmp_path / f".{short(target.name + ending)}.0123abcd.part"
    temporary.touch()
    assert sweep(target) == [temporary]


def test_a_long_name_leaves_room_for_what_is_added_to_it(tmp_path: Path) -> None:
    for letter in ("a", "ü", "写"):
        with whole(tmp_path / (letter * (255 // len(letter.encode())))) as temporary:
            assert len(os.fsencode(temporary.name)) <= 255 - len(".raw")
