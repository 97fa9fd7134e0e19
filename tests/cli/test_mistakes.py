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
