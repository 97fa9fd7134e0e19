"""How photos of a ledger stand, looked at from outside."""

import pytest

from unfade.batch import standing as module
from unfade.batch.fingerprint import stamp
from unfade.batch.ledger import Entry, Phase
from unfade.batch.standing import standing


@pytest.fixture
def done(tmp_path):
    """The entry of a result that is there."""
    path = tmp_path / "a.png"
    path.write_bytes(b"result")
    return Entry("a.png", "/scans/a.png", Phase.DONE, after=stamp(path))


def test_a_result_is_compared_with_what_was_written(tmp_path, done):
    assert standing(tmp_path, done, verify=True) == "done"
    (tmp_path / "a.png").write_bytes(b"RESULT")
    assert standing(tmp_path, done) == "done"
    assert standing(tmp_path, done, verify=True) == "altered"
    (tmp_path / "a.png").unlink()
    assert standing(tmp_path, done, verify=True) == "missing"


def test_a_result_that_cannot_be_read_is_told_and_stops_nothing(tmp_path, done, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(module, "checksum", refuse)
    assert standing(tmp_path, done, verify=True) == "unreadable"
    assert standing(tmp_path, done) == "done"


def test_a_result_in_a_closed_folder_is_told_too(tmp_path, done, monkeypatch):
    def refuse(path, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.stat", refuse)
    assert standing(tmp_path, done) == "unreadable"
