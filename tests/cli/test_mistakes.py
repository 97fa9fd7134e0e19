"""Exit codes: 2 is a mistake in the command, 1 a failed photo, from 128 on a signal."""

import os
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from unfade.cli.main import unfade

from .conftest import STUBS

pytestmark = pytest.mark.usefixtures("house")


def call(*arguments):
    return CliRunner().invoke(unfade, [*map(str, arguments)])


@pytest.mark.parametrize(
    "options",
    [
        ["--without", "damge"],
        ["--only", "damge"],
        ["--set", "nope.key=1"],
        ["--set", "damage.key=1"],
        ["--set", "damage"],
        ["--recipe", "nope"],
        ["--engine", "nope"],
        ["--memory", "0"],
        ["--strength", "nan"],
        ["--sensitivity", "nan"],
    ],
)
def test_a_mistake_in_the_command_is_2_and_told_without_a_traceback(album, tmp_path, options):
    result = call("restore", album, "-o", tmp_path / "out", *options)
    assert result.exit_code == 2, result.output
    assert "Error: " in result.output and isinstance(result.exception, SystemExit)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("given", ["50%", "1.5", "-0.1", "nan", "half"])
@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("restore", "--strength"),
        ("restore", "--sensitivity"),
        ("detect", "--sensitivity"),
        ("age", "--severity"),
        ("demo", "--severity"),
    ],
)
def test_a_share_says_what_was_expected(command, option, given):
    result = call(command, *(() if command == "demo" else (".",)), option, given)
    said = f"expected a number from 0 to 1, such as 0.5; got {given}"
    assert result.exit_code == 2 and said in " ".join(result.output.split())


@pytest.mark.parametrize("options", [["--engine", "nope"], ["--memory", "0"]])
@pytest.mark.parametrize("command", ["detect", "survey"])
def test_it_is_2_for_other_commands_too(album, command, options):
    assert call(command, album, *options).exit_code == 2


def test_a_photo_that_fails_is_1(album, tmp_path):
    (album / "empty.jpg").write_bytes(b"")
    assert call("restore", album, "-o", tmp_path / "out").exit_code == 1
    assert call("restore", album / "gone.jpg", "-o", tmp_path / "out").exit_code == 1


@pytest.mark.parametrize("pattern", ["nothere*.png", "br [1]/*.png"])
@pytest.mark.parametrize("command", ["restore", "detect"])
def test_a_pattern_that_matches_nothing_is_told(tmp_path, monkeypatch, command, pattern):
    monkeypatch.chdir(tmp_path)
    result = call(command, pattern)
    assert result.exit_code == 1
    assert f"  failed   {pattern}: no file matches {pattern!r}" in result.output


@pytest.mark.parametrize("command", ["restore", "detect"])
def test_a_folder_without_anything_that_can_be_used_is_1(tmp_path, command):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("x.txt", "y.dng"):
        (folder / name).write_bytes(b"x")
    result = call(command, folder, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "2 skipped" in result.output and "no photos found" in result.output


def test_one_photo_that_fails_is_told_once(album):
    assert call("restore", album / "gone.jpg").output.count("gone.jpg") == 1


def test_a_reader_who_has_heard_enough_ends_it_quietly():
    command = subprocess.Popen(
        [sys.executable, "-m", "unfade", "recipes", "stages"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert command.stdout is not None and command.stderr is not None
    command.stdout.close()
    said = command.stderr.read()
    command.stderr.close()
    assert command.wait() != 0
    assert said == b""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_exit_code_says_which_signal_ended_it(album, tmp_path, monkeypatch, number, code):
    calm = STUBS["inpaint"].__call__

    def interrupt(stage, photo, darkroom):
        os.kill(os.getpid(), number)
        return calm(stage, photo, darkroom)

    monkeypatch.setattr(STUBS["inpaint"], "__call__", interrupt)
    assert call("restore", album, "-o", tmp_path / "out").exit_code == code


def stopped(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("unfade.replay.output_name", ("replay", "a.png.unfade.json")),
        ("unfade.evaluate.sheet.run_cases", ("evaluate", "--data", ".", "--baseline", "identity")),
        ("unfade.roll.measure_roll", ("restore", "a.png", "--negative", "--roll", "-o", "out")),
    ],
)
def test_ctrl_c_is_130_wherever_it_comes(album, monkeypatch, place, words):
    monkeypatch.chdir(album)
    (album / "a.png.unfade.json").write_text("{}")
    monkeypatch.setattr(place, stopped)
    monkeypatch.setattr("unfade.choose.Changes.apply", lambda changes, recipe: recipe)
    result = call(*words)
    assert result.exit_code == 130 and "stopped" in result.output


PAGE = "<!doctype html><title>My own page · unfade album of 1968</title>"


@pytest.mark.parametrize(
    "words", [("restore", "a.png", "-o", "out"), ("watch", ".", "-o", "out", "--once")]
)
def test_a_page_of_my_own_is_not_replaced_by_an_album(album, tmp_path, monkeypatch, words):
    monkeypatch.chdir(album)
    page = tmp_path / "web" / "index.html"
    page.parent.mkdir()
    page.write_text(PAGE, "utf-8")
    refused = call(*words, "--album", page.parent)
    assert refused.exit_code == 2, refused.output
    assert "index.html exists, and unfade did not write it" in " ".join(refused.output.split())
    assert not (album / "out").exists() and page.read_text("utf-8") == PAGE
    assert [path.name for path in page.parent.iterdir()] == ["index.html"]
    for more in (("--overwrite",), ()):
        again = call(*words, "--album", page.parent, *more)
        assert again.exit_code == 0, again.output
    assert page.read_text("utf-8") != PAGE


def test_inpaint_does_not_replace_such_a_page_either(album, tmp_path):
    (tmp_path / "index.html").write_text(PAGE, "utf-8")
    mask = album / "a.png"
    assert call("inpaint", album / "a.png", "--mask", mask, "--album", tmp_path).exit_code == 2
    assert (tmp_path / "index.html").read_text("utf-8") == PAGE
