"""Arrivals: a file is taken once, when it is whole."""

from unfade.batch.arrivals import Arrivals


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self):
        return self.now


def test_a_file_is_given_once_when_it_has_stood_still(tmp_path):
    clock, path = Clock(), tmp_path / "a.tif"
    arrivals = Arrivals(5, clock)
    path.write_bytes(b"some")
    assert arrivals.look([path]) == []
    clock.now = 4
    path.write_bytes(b"some more")
    assert arrivals.look([path]) == []
    clock.now = 8
    assert arrivals.look([path]) == []
    clock.now = 9
    assert arrivals.look([path]) == [path]
    clock.now = 100
    assert arrivals.look([path]) == []


def test_a_file_that_changes_later_is_given_again(tmp_path):
    clock, path = Clock(), tmp_path / "a.tif"
    arrivals = Arrivals(5, clock)
    path.write_bytes(b"some")
    arrivals.look([path])
    clock.now = 5
    assert arrivals.look([path]) == [path]
    path.write_bytes(b"another")
    arrivals.look([path])
    clock.now = 10
    assert arrivals.look([path]) == [path]


def test_empty_and_vanished_files_are_not_given(tmp_path):
    clock, path = Clock(), tmp_path / "a.tif"
    arrivals = Arrivals(0, clock)
    path.touch()
    assert arrivals.look([path, tmp_path / "gone.tif"]) == []
    clock.now = 9
    assert arrivals.look([path]) == []
    path.write_bytes(b"some")
    assert arrivals.look([path]) == [path]
    assert arrivals.look([]) == []
    assert arrivals.look([path]) == [path]


def test_what_is_forgotten_is_given_again(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"some")
    arrivals = Arrivals(0, Clock())
    assert arrivals.look([path]) == [path]
    arrivals.forget([path])
    assert arrivals.look([path]) == [path]
