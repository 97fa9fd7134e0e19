"""The ledger: what is written stays, whatever happens to the process or the disk."""

import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import PureWindowsPath
from types import SimpleNamespace

import pytest

from unfade.batch.fingerprint import Stamp
from unfade.batch.ledger import FILE, FOLDER, Entry, Ledger, Phase, file_uri
from unfade.errors import LedgerError

FULL = Entry(
    "1968/é.tif",
    "/scans/1968/é.tif",
    Phase.DONE,
    "ab" * 32,
    Stamp(2**40, 1_700_000_000_123_456_789, "cd" * 32),
    Stamp(5, 6, "ef" * 32),
    {"damage": "12" * 32},
    ("1968/é.tif", "1968/é.mask.png"),
    "print",
    "",
    "all is well",
    2,
    "2026-01-01T00:00:00+00:00",
    "2026-01-01T00:00:09+00:00",
    9.5,
    "cafe",
)


def test_an_entry_comes_back_as_it_went_in(tmp_path):
    with Ledger(tmp_path) as ledger:
        ledger.put(FULL)
        assert ledger.find(FULL.target) == FULL
        assert ledger.find("other.tif") is None
    with Ledger(tmp_path, create=False) as ledger:
        assert ledger.entries() == [FULL]


def test_planning_leaves_what_is_known(tmp_path):
    with Ledger(tmp_path) as ledger:
        ledger.put(FULL)
        ledger.plan([(FULL.target, "/elsewhere"), ("a.tif", "/scans/a.tif")])
        assert ledger.entries() == [FULL, Entry("a.tif", "/scans/a.tif")]


def test_it_stays_off_the_write_ahead_log_which_network_folders_cannot_hold(tmp_path):
    with Ledger(tmp_path) as ledger:
        ledger.put(FULL)
    file = sqlite3.connect(tmp_path / FOLDER / FILE)
    assert file.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    file.close()
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [FILE]


WRITER = """
import sys
from pathlib import PureWindowsPath
from types import SimpleNamespace
from pathlib import Path
from unfade.batch.ledger import Entry, Ledger
with Ledger(Path(sys.argv[1])) as ledger:
    for number in range(10**9):
        ledger.put(Entry(f"{number:06}", "x" * 5000))
        print(number, flush=True)
"""


def test_what_was_written_survives_kill_9_and_nothing_is_torn(tmp_path):
    for _ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        said = [int(writer.stdout.readline()) for _ in range(7)]
        os.kill(writer.pid, signal.SIGKILL)
        said += map(int, writer.stdout.read().split())
        writer.wait()
        with Ledger(tmp_path) as ledger:
            kept = ledger.entries()
        assert {entry.target for entry in kept} >= {f"{number:06}" for number in said}
        assert all(entry.source == "x" * 5000 for entry in kept)


COUNTER = """
import dataclasses, sys
from pathlib import Path
from unfade.batch.ledger import Entry, Ledger
with Ledger(Path(sys.argv[1])) as ledger:
    for number in range(25):
        ledger.put(Entry(f"{sys.argv[2]}-{number}", "x"))
"""


def test_several_processes_write_at_once(tmp_path):
    writers = [
        subprocess.Popen([sys.executable, "-c", COUNTER, str(tmp_path), str(n)]) for n in range(3)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    with Ledger(tmp_path) as ledger:
        assert len(ledger.entries()) == 75


def test_a_folder_without_a_ledger_is_told_apart(tmp_path):
    with pytest.raises(LedgerError, match="expected an output folder"):
        Ledger(tmp_path, create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_ledger_is_refused_and_left_alone(tmp_path):
    with Ledger(tmp_path) as ledger:
        ledger.put(FULL)
    path = tmp_path / FOLDER / FILE
    path.write_bytes(b"not a ledger" * 1000)
    with pytest.raises(LedgerError, match=r"damaged.*--skip-existing"):
        Ledger(tmp_path)
    assert path.read_bytes() == b"not a ledger" * 1000


def test_a_ledger_of_a_newer_program_is_refused(tmp_path):
    Ledger(tmp_path).__exit__(None, None, None)
    file = sqlite3.connect(tmp_path / FOLDER / FILE)
    file.execute("PRAGMA user_version = 99")
    file.close()
    with pytest.raises(LedgerError, match="newer unfade"):
        Ledger(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_read_only_folder_is_one_clear_line(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(LedgerError, match="choose a folder"):
            Ledger(tmp_path / "out")
    finally:
        tmp_path.chmod(0o700)


def test_a_full_disk_is_one_clear_line_and_what_was_there_stays(tmp_path):
    with Ledger(tmp_path) as ledger:
        ledger.put(FULL)
        # SQLite's own limit answers like a full disk does.
        pages = ledger._file.execute("PRAGMA page_count").fetchone()[0]
        ledger._file.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(LedgerError, match=r"full.*run the same command again"):
            for number in range(100):
                ledger.put(dataclasses.replace(FULL, target=f"{number}", message="x" * 4000))
        assert FULL in ledger.entries()


def test_what_a_killed_run_left_half_done_is_rolled_back_by_who_only_reads(tmp_path):
    with Ledger(tmp_path) as ledger:
        ledger.put(Entry("a.jpg", "/in/a.jpg"))
    path = tmp_path / FOLDER / FILE
    before = path.read_bytes()
    file = sqlite3.connect(path, isolation_level=None)
    file.execute("PRAGMA cache_size = 1")
    file.execute("BEGIN IMMEDIATE")
    file.execute("UPDATE photos SET message = ?", ("x" * 100_000,))
    journal = path.with_name(path.name + "-journal").read_bytes()
    half_done = path.read_bytes()
    file.execute("ROLLBACK")
    file.close()
    path.write_bytes(half_done)
    path.with_name(path.name + "-journal").write_bytes(journal)
    with Ledger(tmp_path, create=False) as ledger:
        assert [entry.message for entry in ledger.entries()] == [""]
        with pytest.raises(LedgerError):
            ledger.put(Entry("b.jpg", "/in/b.jpg"))
    assert len(path.read_bytes()) == len(before)


@pytest.mark.parametrize("name", ["../b.jpg", "/etc/b.jpg", "C:/b.jpg", "x/../../b.jpg"])
def test_a_ledger_that_names_what_lies_elsewhere_is_refused(tmp_path, name):
    with Ledger(tmp_path) as ledger:
        ledger.put(Entry("a.jpg", "/in/a.jpg", files=("a.jpg", name)))
        with pytest.raises(LedgerError, match="outside of its folder"):
            ledger.find("a.jpg")


def test_an_entry_that_is_no_entry_is_damage(tmp_path):
    with Ledger(tmp_path) as ledger:
        ledger.put(Entry("a.jpg", "/in/a.jpg"))
        ledger._file.execute("UPDATE photos SET phase = 'eaten'")
        with pytest.raises(LedgerError, match="damaged"):
            ledger.entries()


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        (PureWindowsPath("//server/scans/a b/x.sqlite"), "file:////server/scans/a%20b/x.sqlite"),
        (PureWindowsPath("C:/scans/x.sqlite"), "file:///C:/scans/x.sqlite"),
    ],
)
def test_a_ledger_on_a_share_or_a_drive_has_a_uri(path, uri):
    assert file_uri(SimpleNamespace(absolute=lambda: path)) == uri
