"""What a file is known by again."""

import os
import sys
import threading

import pytest

from unfade.batch.fingerprint import stamp
from unfade.batch.receipt import run_with_receipt
from unfade.jobs.job import Job
from unfade.jobs.outcome import State

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")


@pytest.fixture
def pipe(tmp_path):
    """A pipe; who opens it all the same meets its end, and does not hang as with an idle one."""
    path, done = tmp_path / "a.jpg", threading.Event()
    os.mkfifo(path)

    def end():
        while not done.is_set():
            path.open("wb").close()

    threading.Thread(target=end, daemon=True).start()
    yield path
    done.set()
    os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))


def test_a_pipe_has_no_stamp_and_is_not_opened(pipe):
    with pytest.raises(OSError, match="pipe"):
        stamp(pipe)


def test_a_job_on_a_pipe_fails_without_a_stamp(pipe, tmp_path):
    receipt = run_with_receipt(Job(str(pipe), str(tmp_path / "out.jpg")))
    assert receipt.outcome.state is State.FAILED
    assert "pipe" in receipt.outcome.message and receipt.before is None
