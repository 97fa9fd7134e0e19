"""Two processes at the same photo, without a ledger: one wins, and keeps all that is its own."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from unfade.darkroom import Darkroom
from unfade.errors import WriteError
from unfade.jobs.files import write_apart
from unfade.jobs.job import Existing, Job
from unfade.jobs.outcome import State
from unfade.jobs.run import run_job
from unfade.photo import Edit, Origin
from unfade.recipe import Finding, Recipe
from unfade.report.papers import Papers
from unfade.report.sidecar import write_text


@dataclasses.dataclass(frozen=True)
class Overtaken:
    """During the first call another process does the same photo."""

    name: ClassVar[str] = "overtaken"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.FILLED
    other: ClassVar[list[Callable[[], None]]] = []

    def look(self, photo, darkroom):
        return Finding(True, "will be inverted")

    def __call__(self, photo, darkroom):
        while self.other:
            self.other.pop()()
        return Edit(pixels=1 - photo.pixels)


def held(folder):
    """The files of a folder: bytes by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def race(source, target, **wish):
    """Who came second, who overtook it, and what the folder held when that was done."""
    job = Job(str(source), str(target), Recipe("race", (Overtaken(),)), **wish)
    first, seen = [], {}

    def overtake():
        first.append(run_job(job, Darkroom()))
        seen.update(held(target.parent))

    Overtaken.other.append(overtake)
    return run_job(job, Darkroom()), first[0], seen


WISHES = [
    {"save_mask": True},
    {"save_origin": True},
    {"report": True},
    {"keep_steps": True},
    {"also": ("web", "jpeg:64")},
    {"papers": Papers(sidecar=True)},
    {"papers": Papers(sidecar=True, premis=True), "save_mask": True, "keep_times": True},
]


@pytest.mark.parametrize("wish", WISHES, ids="-".join)
def test_who_comes_second_leaves_all_that_the_first_wrote(scan, tmp_path, content, wish):
    second, first, seen = race(scan, tmp_path / "out" / "new.png", **wish)
    assert first.state is State.DONE and second.state is State.FAILED
    assert "exists" in second.message and ".part" not in second.message
    assert set(seen) == {Path(name).name for name in first.files}
    assert content(tmp_path / "out") == seen


@pytest.mark.parametrize("wish", [*WISHES[:6], {}], ids="-".join)
def test_pages_of_who_comes_second_leave_what_the_first_wrote(pages, tmp_path, content, wish):
    second, first, seen = race(pages, tmp_path / "out" / "p.tif", **wish)
    assert first.state is State.DONE and second.state is State.FAILED
    assert {Path(name).name for name in first.files} <= set(seen)
    assert content(tmp_path / "out") == {
        Path(name).name: seen[Path(name).name] for name in first.files
    }


def test_who_may_replace_does(scan, tmp_path):
    wish = {"save_mask": True, "report": True, "papers": Papers(sidecar=True)}
    out = tmp_path / "new.png"
    second, first, _ = race(scan, out, existing=Existing.OVERWRITE, **wish)
    assert first.state is second.state is State.DONE


def test_a_text_is_not_written_over_another_unless_it_may(tmp_path):
    path = tmp_path / "x.json"
    write_text(path, "theirs")
    with pytest.raises(WriteError, match="stays as it is"):
        write_text(path, "ours", replace=False)
    assert path.read_text() == "theirs" and [*tmp_path.iterdir()] == [path]


def test_a_file_that_cannot_be_made_is_told_by_its_own_name(tmp_path):
    path = tmp_path / "a.png.mask.png"

    def refuse(place):
        raise WriteError(f"{place}: cannot be written: No space left on device")

    with pytest.raises(WriteError) as caught:
        write_apart(path, False, refuse)
    assert str(caught.value) == f"{path}: cannot be written: No space left on device"
    assert [*tmp_path.iterdir()] == []
