"""`unfade status`: what is told of a folder, and that only looking changes nothing."""

import dataclasses
import json

import pytest
from click.testing import CliRunner

from unfade.batch.claims import Claims
from unfade.batch.ledger import Ledger, Phase
from unfade.cli.main import unfade

pytestmark = pytest.mark.usefixtures("house")


def call(*arguments):
    return CliRunner().invoke(unfade, list(map(str, arguments)))


@pytest.fixture
def out(album, tmp_path):
    """The folder of a batch in which one photo failed."""
    (album / "empty.jpg").write_bytes(b"")
    call("restore", album, "-o", tmp_path / "out")
    return tmp_path / "out"


def change(out, target, **changes):
    with Ledger(out) as ledger:
        ledger.put(dataclasses.replace(ledger.find(target), **changes))


def test_counts_and_failures_are_told(out):
    result = call("status", out)
    assert result.exit_code == 1
    assert result.output.startswith("3 done, 1 failed\n")
    assert "  failed      empty.jpg: expected a photo, got an empty file" in result.output
    assert "a.png" not in result.output
    assert "  done        1968/summer/c.jpg" in call("status", out, "--all").output


def test_all_done_is_exit_code_0(out, album):
    (album / "empty.jpg").write_bytes((album / "1968" / "summer" / "c.jpg").read_bytes())
    call("restore", album, "-o", out)
    assert call("status", out).exit_code == 0


def test_a_run_that_is_over_is_told_from_one_at_work(out):
    with Claims(out) as claims:
        change(out, "a.png", phase=Phase.RUNNING, run=claims.run)
        assert "1 running" in call("status", out).output
    assert "1 interrupted" in call("status", out).output


def test_results_that_are_gone_or_altered_are_told(out):
    (out / "a.png").unlink()
    data = bytearray((out / "1968" / "b.tif").read_bytes())
    data[-1] ^= 1
    (out / "1968" / "b.tif").write_bytes(data)
    assert "missing     a.png" in call("status", out).output
    assert "altered" not in call("status", out).output
    assert "altered     1968/b.tif" in call("status", out, "--verify").output


def test_json_holds_all_that_the_ledger_knows(out):
    told = json.loads(call("status", out, "--json").stdout)
    assert told["counts"] == {"done": 3, "failed": 1}
    photo = next(photo for photo in told["photos"] if photo["target"] == "a.png")
    assert photo["state"] == "done" and photo["attempts"] == 1
    assert len(photo["before"]["sha256"]) == len(photo["after"]["sha256"]) == 64


def test_a_folder_without_a_ledger_is_a_mistake_and_stays_as_it_is(tmp_path):
    (tmp_path / "empty").mkdir()
    result = call("status", tmp_path / "empty")
    assert result.exit_code == 1 and "expected an output folder" in result.output
    assert list((tmp_path / "empty").iterdir()) == []
