"""`unfade watch`: what comes is restored once, when it is whole."""

import os
import signal
import threading
import time

import pytest
from click.testing import CliRunner

from unfade import roll
from unfade.batch.claims import Claims
from unfade.choose import Changes
from unfade.cli import inputs
from unfade.cli.main import unfade
from unfade.errors import LedgerError

pytestmark = pytest.mark.usefixtures("house")

QUICK = ("--settle", "0.2", "--interval", "0.05")


def call(*arguments):
    return CliRunner().invoke(unfade, ["watch", *map(str, arguments)], catch_exceptions=False)


def results(out):
    found = (p.relative_to(out) for p in out.rglob("*") if p.is_file())
    kept = (path for path in found if ".unfade" not in path.parts)
    return sorted(str(path) for path in kept if path.suffix != ".json")


ALL = ["1968/b.tif", "1968/summer/c.jpg", "a.png"]


def test_once_does_what_is_there_and_ends(album, tmp_path):
    result = call(album, "-o", tmp_path / "out", "--once", *QUICK)
    assert result.exit_code == 0, result.output
    assert results(tmp_path / "out") == ALL
    again = call(album, "-o", tmp_path / "out", "--once", *QUICK)
    assert (again.exit_code, again.stdout) == (0, "")


def test_a_bad_file_is_told_and_the_others_are_done(album, tmp_path):
    (album / "bad.jpg").write_text("dear diary")
    result = call(album, "-o", tmp_path / "out", "--once", *QUICK)
    assert result.exit_code == 1 and "bad.jpg: failed" in result.output
    assert results(tmp_path / "out") == ALL


def test_the_options_of_restore_are_taken(album, tmp_path):
    call(album, "-o", tmp_path / "out", "--once", *QUICK, "--format", "png", "--also", "png:16")
    assert "a.png.16px.png" in results(tmp_path / "out")
    assert call(album, "-o", tmp_path / "out", "--mask", "m.png").exit_code == 2


@pytest.mark.parametrize(
    "options", [["--recipe", "polaroid"], ["--engine", "steam"], ["--once", "--settle", "-1"]]
)
def test_a_mistake_is_told_before_anything_is_watched(album, tmp_path, options):
    result = CliRunner().invoke(
        unfade, ["watch", str(album), "-o", str(tmp_path / "out"), *options]
    )
    assert result.exit_code in (1, 2)
    assert not (tmp_path / "out").exists()


def later(*deeds):
    """Do deeds one after the other in a thread: (condition to wait for, deed)."""

    def run():
        for condition, deed in deeds:
            end = time.monotonic() + 20
            while not condition() and time.monotonic() < end:
                time.sleep(0.02)
            deed()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def test_what_comes_slowly_is_taken_when_it_is_whole_and_ctrl_c_ends_it(album, tmp_path):
    out, slow = tmp_path / "out", album / "slow.png"
    data = (album / "a.png").read_bytes()
    size = len(data)

    def write_slowly():
        for start in range(0, size, size // 8):
            with slow.open("ab") as file:
                file.write(data[start : start + size // 8])
            time.sleep(0.1)

    thread = later(
        (lambda: (out / "a.png").is_file(), write_slowly),
        ((out / "slow.png").is_file, interrupt),
    )
    result = call(album, "-o", out, *QUICK)
    thread.join()
    assert result.exit_code == 0, result.output
    assert "failed" not in result.output
    assert results(out) == sorted([*ALL, "slow.png"])


def test_a_folder_that_goes_away_is_waited_for(album, tmp_path):
    out, away = tmp_path / "out", tmp_path / "away"
    album.rename(away)
    thread = later(
        (out.parent.is_dir, lambda: (time.sleep(0.3), away.rename(album))),
        ((out / "1968" / "summer" / "c.jpg").is_file, interrupt),
    )
    result = call(album, "-o", out, *QUICK)
    thread.join()
    assert result.exit_code == 0
    assert "1968/summer/c.jpg" in results(out)


def test_an_output_folder_that_fails_for_a_while_is_tried_again(album, tmp_path, monkeypatch):
    out, calm, tries = tmp_path / "out", Claims.__enter__, []

    def enter(claims):
        tries.append(1)
        if len(tries) == 1:
            raise LedgerError("the network is down")
        return calm(claims)

    monkeypatch.setattr(Claims, "__enter__", enter)
    thread = later(((out / "1968" / "summer" / "c.jpg").is_file, interrupt))
    result = call(album, "-o", out, *QUICK)
    thread.join()
    assert "the network is down" in result.output
    assert "1968/summer/c.jpg" in results(out)


def test_a_folder_that_is_not_there_cannot_be_done_once(tmp_path):
    assert call(tmp_path / "none", "-o", tmp_path / "out", "--once").exit_code == 1


def test_the_album_is_made_as_photos_come(album, tmp_path):
    result = call(
        album, "-o", tmp_path / "out", "--once", "--settle", "0.05", "--album", tmp_path / "book"
    )
    assert result.exit_code == 0, result.output
    assert (tmp_path / "book" / "index.html").is_file()


def test_once_without_waiting_does_what_is_there(album, tmp_path):
    assert call(album, "-o", tmp_path / "out", "--once", "--settle", "0").exit_code == 0
    assert (tmp_path / "out" / "a.png").is_file()


def test_a_drive_that_goes_away_while_it_is_looked_into_is_waited_for(album, tmp_path, monkeypatch):
    out, calm, tries = tmp_path / "out", inputs.find, []

    def find(*arguments):
        tries.append(1)
        if 2 <= len(tries) <= 4:
            raise OSError(5, "Input/output error")
        return calm(*arguments)

    monkeypatch.setattr(inputs, "find", find)
    thread = later(((out / "1968" / "summer" / "c.jpg").is_file, interrupt))
    result = call(album, "-o", out, *QUICK)
    thread.join()
    assert result.exit_code == 0, result.output
    assert results(out) == ALL
    assert result.output.count("Input/output error") == 1


def test_a_drive_that_is_away_fails_once(album, tmp_path, monkeypatch):
    def find(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(inputs, "find", find)
    words = ["watch", str(album), "-o", str(tmp_path / "out"), "--once", *QUICK]
    result = CliRunner().invoke(unfade, words)
    assert result.exit_code == 1 and "Input/output error" in result.output


def test_a_roll_is_measured_when_something_came_and_not_at_every_look(album, tmp_path, monkeypatch):
    out, looks, measured = tmp_path / "out", [], []
    calm = inputs.find

    def find(*arguments):
        looks.append(1)
        return calm(*arguments)

    monkeypatch.setattr(inputs, "find", find)
    monkeypatch.setattr(roll, "measure_roll", lambda *_: measured.append(1) or ())
    monkeypatch.setattr(Changes, "apply", lambda changes, recipe: recipe)
    thread = later(
        ((out / "1968" / "summer" / "c.jpg").is_file, lambda: looks.clear()),
        (lambda: len(looks) > 8, interrupt),
    )
    result = call(album, "-o", out, *QUICK, "--negative", "--roll")
    thread.join()
    assert result.exit_code == 0, result.output
    assert len(measured) == 3  # A roll per folder.
