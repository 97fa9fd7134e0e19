"""Claims: one photo, one process, also where the others die or stand still."""

import concurrent.futures
import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unfade.batch.claims import Claims
from unfade.batch.ledger import FOLDER
from unfade.batch.processes import Process
from unfade.errors import LedgerError

HOLD = """
import sys, time
from pathlib import Path
from unfade.batch.claims import Claims
with Claims(Path(sys.argv[1])) as claims:
    print(claims.take(sys.argv[2]), flush=True)
    time.sleep(600)
"""


def holding(folder, target):
    """A process that holds a claim."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), target], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "None\n"
    return process


def other_machine(folder):
    """Make every run look as if it were on another machine, where no process can be asked."""
    for path in (folder / FOLDER / "runs").iterdir():
        counter, told = path.read_text().split("\n", 1)
        moved = {**json.loads(told), "machine": "elsewhere", "host": "elsewhere"}
        path.write_text(f"{counter}\n{json.dumps(moved)}\n")


def test_a_claim_is_for_one_until_it_is_released(tmp_path):
    with Claims(tmp_path) as one, Claims(tmp_path) as other:
        assert one.take("a.tif") is None
        assert f"process {os.getpid()}" in str(other.take("a.tif"))
        assert other.take("b.tif") is None
        assert one.holds("a.tif") and not one.holds("b.tif")
        one.release("a.tif")
        assert other.take("a.tif") is None


def test_names_that_differ_only_in_case_are_one_photo(tmp_path):
    with Claims(tmp_path) as one, Claims(tmp_path) as other:
        assert one.take("A.TIF") is None
        assert other.take("a.tif") is not None


def test_nothing_stays_when_a_run_ends(tmp_path):
    with Claims(tmp_path) as claims:
        claims.take("a.tif")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_claim_of_a_killed_process_is_free_at_once(tmp_path):
    process = holding(tmp_path, "a.tif")
    with Claims(tmp_path) as claims:
        assert claims.take("a.tif").process.pid == process.pid
        process.kill()
        process.wait()
        assert claims.take("a.tif") is None
        assert claims.holds("a.tif")


def test_the_claims_of_dead_runs_are_cleared_when_a_run_begins(tmp_path):
    process = holding(tmp_path, "a.tif")
    process.kill()
    process.wait()
    with Claims(tmp_path) as claims:
        assert len(list((tmp_path / FOLDER / "runs").iterdir())) == 1
        assert claims.take("a.tif") is None


def test_another_machine_counts_as_dead_only_when_its_counter_stands_still(tmp_path):
    with Claims(tmp_path, stale_s=0.5) as claims, Claims(tmp_path, beat_s=0.05) as other:
        assert other.take("a.tif") is None
        other_machine(tmp_path)
        end = time.monotonic() + 1.2
        while time.monotonic() < end:
            assert claims.take("a.tif").process.host == "elsewhere"
            time.sleep(0.05)
        other._over.set()
        other._beating.join()
        assert claims.take("a.tif") is not None
        time.sleep(0.7)
        assert claims.take("a.tif") is None
        assert claims.holds("a.tif") and not other.holds("a.tif")
        other.release("a.tif")
        assert claims.holds("a.tif")


def test_a_changed_wall_clock_frees_no_claim(tmp_path, monkeypatch):
    with Claims(tmp_path, beat_s=0.05, stale_s=0.5) as one, Claims(tmp_path, stale_s=0.5) as other:
        one.take("a.tif")
        other_machine(tmp_path)
        assert other.take("a.tif") is not None
        monkeypatch.setattr(time, "time", lambda: 4e9)
        for path in tmp_path.rglob("*"):
            os.utime(path, (0, 0))
        time.sleep(0.1)
        assert other.take("a.tif") is not None


def test_a_claim_without_a_name_is_freed_after_a_while(tmp_path):
    with Claims(tmp_path, stale_s=0.2) as claims:
        claims._path("a.tif").touch()
        assert claims.take("a.tif") is not None
        time.sleep(0.3)
        assert claims.take("a.tif") is None


def test_a_fresh_claim_is_not_mistaken_for_the_dead_one_in_its_place(tmp_path):
    process = holding(tmp_path, "a.tif")
    with Claims(tmp_path) as slow, Claims(tmp_path) as quick:
        path = slow._path("a.tif")
        dead = slow._holder(path)
        process.kill()
        process.wait()
        assert quick.take("a.tif") is None
        assert not slow._remove_dead(path, dead)
        assert quick.holds("a.tif")


def test_of_many_that_take_over_a_dead_claim_one_succeeds(tmp_path):
    process = holding(tmp_path, "0")
    (dead,) = (tmp_path / FOLDER / "runs").iterdir()
    told = dead.read_text()
    process.kill()
    process.wait()
    with contextlib.ExitStack() as open_:
        runs = [open_.enter_context(Claims(tmp_path)) for _ in range(5)]
        dead.write_text(told)
        for number in range(40):
            name = f"photo {number}"
            runs[0]._path(name).write_text(dead.stem)
            with concurrent.futures.ThreadPoolExecutor(len(runs)) as pool:
                won = [not holder for holder in pool.map(lambda run: run.take(name), runs)]  # noqa: B023
            holders = [run.holds(name) for run in runs]
            assert sum(holders) == 1
            assert all(win for win, holds in zip(won, holders, strict=True) if holds)


def test_a_process_is_known_from_a_later_one_of_the_same_number():
    this = Process.this()
    assert this.is_alive()
    later = Process(this.host, this.machine, this.pid, "1")
    assert later.is_alive() is False
    assert Process("far", "far away", this.pid, this.started).is_alive() is None


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / FOLDER).write_text("in the way")
    with pytest.raises(LedgerError, match="choose a folder"), Claims(tmp_path):
        pass


def test_a_claim_that_others_read_is_given_up_all_the_same(tmp_path, monkeypatch):
    """Windows removes no file that somebody has open."""
    tries, unlink = [], Path.unlink

    def held(path, missing_ok=False):
        tries.append(path)
        if len(tries) < 3:
            raise PermissionError(13, "in use")
        unlink(path, missing_ok=missing_ok)

    with Claims(tmp_path) as claims:
        claims.take("a.tif")
        monkeypatch.setattr(Path, "unlink", held)
        claims.release("a.tif")
        assert len(tries) == 3 and claims.take("a.tif") is None


def test_a_claim_that_is_just_going_is_held(tmp_path, monkeypatch):
    def going(*arguments):
        raise PermissionError(13, "delete pending")

    with Claims(tmp_path) as claims:
        monkeypatch.setattr(os, "open", going)
        assert claims.take("a.tif") is not None
