"""A TIFF of several pages: all of it or nothing, and nothing of anybody else's."""

import dataclasses
import json
import os
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.errors import Cancelled, ModelError, ReadError, WriteError
from unfade.io.pages import join_pages
from unfade.io.read import count_pages, read
from unfade.jobs.files import companions
from unfade.jobs.job import Existing, Job
from unfade.jobs.outcome import State
from unfade.jobs.parts import parts
from unfade.jobs.run import run_job
from unfade.photo import Edit, Origin
from unfade.recipe import Finding, Recipe
from unfade.replay import replay_sidecar
from unfade.report.album import write_failure
from unfade.report.entries import read_entries
from unfade.report.papers import Papers
from unfade.report.record import sidecar_path
from unfade.settings import setting
from unfade.stages import STAGES


@dataclasses.dataclass(frozen=True)
class Grey:
    """Make a photo grey, or break where it is of so many rows."""

    name: ClassVar[str] = "grey"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.FILLED
    tone: float = setting(0.5, "grey", low=0, high=1)
    breaks_at: int = setting(0, "rows of the photo that cannot be done", low=0, high=100)
    error: type[BaseException] = ModelError

    def look(self, photo, darkroom):
        return Finding(True, "will be grey")

    def __call__(self, photo, darkroom):
        if photo.size[0] == self.breaks_at:
            raise self.error("weights are missing")
        return Edit(pixels=np.full_like(photo.pixels, self.tone), notes={"evidence": "made grey"})


def recipe(**settings):
    return Recipe("grey", (Grey(**settings),))


ALL = {
    "save_mask": True,
    "save_origin": True,
    "report": True,
    "keep_steps": True,
    "also": ("web",),
    "papers": Papers(sidecar=True),
}
EACH = ("mask.png", "origin.png", "report.html", "web.jpg")
STEP = "step-1-grey.tif"


def restore(source, out, existing=Existing.REFUSE, tone=0.5, breaks_at=0, **options):
    wanted = recipe(tone=tone, breaks_at=breaks_at)
    job = Job(str(source), str(out / source.name), wanted, existing=existing, **options)
    return run_job(job, Darkroom())


def test_what_is_written_beside_the_pages_is_known_beforehand(pages, tmp_path, content):
    out = tmp_path / "out"
    outcome = restore(pages, out, **ALL)
    assert outcome.state is State.DONE, outcome.message
    foreseen = [out / "p.tif", *companions(outcome.job)]
    steps = [out / f"p.tif.page-{n}.tif.{STEP}" for n in (1, 2)]
    assert {*map(str, foreseen), *map(str, steps)} == set(outcome.files)
    assert set(content(out)) == {Path(name).name for name in outcome.files}
    assert {f"p.tif.page-{n}.tif.{end}" for n in (1, 2) for end in EACH} < set(content(out))


def test_a_page_taken_alone_is_one_photo(pages, tmp_path):
    job = Job(str(pages), str(tmp_path / "new.tif"), page=2, save_mask=True)
    assert parts(job) == (job,)
    assert companions(job) == (tmp_path / "new.tif.mask.png",)


def test_a_source_that_cannot_be_read_counts_as_one_photo(tmp_path):
    job = Job(str(tmp_path / "gone.tif"), str(tmp_path / "new.tif"), save_mask=True)
    assert companions(job) == (tmp_path / "new.tif.mask.png",)


@pytest.mark.parametrize("breaks_at", [12, 20], ids=["page 1", "page 2"])
def test_where_a_page_fails_what_was_to_be_replaced_stays(pages, tmp_path, content, breaks_at):
    out = tmp_path / "out"
    restore(pages, out, **ALL)
    before = content(out)
    failed = restore(pages, out, Existing.OVERWRITE, 0.2, breaks_at, **ALL)
    assert failed.state is State.FAILED
    assert content(out) == before
    again = restore(pages, out, Existing.OVERWRITE, 0.2, **ALL)
    assert again.state is State.DONE and content(out).keys() == before.keys()
    assert all(content(out)[name] != before[name] for name in ("p.tif", "p.tif.unfade.json"))


def test_where_a_page_fails_the_first_time_nothing_stays(pages, tmp_path, content):
    out = tmp_path / "out"
    assert restore(pages, out, breaks_at=20, **ALL).state is State.FAILED
    assert content(out) == {}


def test_a_kept_step_of_one_photo_comes_back_too(scan, tmp_path, content):
    out = tmp_path / "out"
    restore(scan, out, keep_steps=True)
    before = content(out)
    wanted = Recipe("breaks", (Grey(0.2), Grey(breaks_at=12)))
    job = Job(str(scan), str(out / "scan.png"), wanted, existing=Existing.OVERWRITE)
    assert run_job(dataclasses.replace(job, keep_steps=True)).state is State.FAILED
    assert content(out) == before


@pytest.mark.parametrize("existing", [Existing.REFUSE, Existing.OVERWRITE])
def test_files_called_as_pages_would_be_are_left_alone(pages, tmp_path, content, existing):
    out = tmp_path / "out"
    out.mkdir()
    mine = {f"p.tif.page-1.tif{end}": b"mine" for end in ("", ".unfade.json", ".premis.xml")}
    for name, data in mine.items():
        (out / name).write_bytes(data)
    outcome = restore(pages, out, existing, papers=Papers(sidecar=True))
    assert outcome.state is State.DONE, outcome.message
    assert content(out).items() > mine.items()
    assert set(content(out)) == {*mine, "p.tif", "p.tif.unfade.json"}
    assert count_pages(out / "p.tif") == (1, 2)


def test_what_comes_with_a_page_replaces_nothing_unless_asked(pages, tmp_path, content):
    out = tmp_path / "out"
    out.mkdir()
    (out / "p.tif.page-2.tif.mask.png").write_bytes(b"mine")
    outcome = restore(pages, out, save_mask=True)
    assert outcome.state is State.FAILED and "p.tif.page-2.tif.mask.png exists" in outcome.message
    assert content(out) == {"p.tif.page-2.tif.mask.png": b"mine"}


def test_the_joined_file_and_pictures_of_its_pages_get_the_time_of_the_scan(pages, tmp_path):
    os.utime(pages, (10**9, 10**9))
    outcome = restore(pages, tmp_path / "out", keep_times=True, also=("web",))
    assert outcome.state is State.DONE, outcome.message
    assert {Path(name).stat().st_mtime for name in outcome.files} == {10**9}
    assert len(outcome.files) == 3


def test_a_scan_that_changes_after_its_last_page_is_not_kept(pages, tmp_path, monkeypatch, content):
    def late(*arguments):
        os.utime(pages, (10**9, 10**9))
        return join_pages(*arguments)

    monkeypatch.setattr("unfade.jobs.pages.join_pages", late)
    outcome = restore(pages, tmp_path / "out")
    assert outcome.state is State.FAILED and "changed while it was worked on" in outcome.message
    assert content(tmp_path / "out") == {}


def listed(album):
    return sorted((entry.name, entry.state) for entry in read_entries(album))


def test_an_album_lists_the_pages_or_that_they_failed_never_both(pages, tmp_path):
    album, out = tmp_path / "album", tmp_path / "out"
    shown = {"papers": Papers(album=str(album)), "existing": Existing.OVERWRITE}
    both = [("p.tif, page 1", "done"), ("p.tif, page 2", "done")]
    for _ in range(2):
        failed = restore(pages, out, breaks_at=20, **shown)
        assert "done" not in {state for _, state in listed(album)}
        write_failure(album, pages, out / "p.tif", failed.message)
        assert listed(album) == [("p.tif", "failed")]
        assert restore(pages, out, **shown).state is State.DONE
        assert listed(album) == both
        write_failure(album, pages, out / "p.tif", "broken")
        assert listed(album) == [("p.tif", "failed")]
        assert len(list((album / "photos").iterdir())) == 1


def test_an_album_keeps_no_page_of_a_photo_that_was_stopped(pages, tmp_path):
    album = tmp_path / "album"
    stops = Recipe("stops", (Grey(breaks_at=20, error=Cancelled),))
    job = Job(str(pages), str(tmp_path / "p.tif"), stops, papers=Papers(album=str(album)))
    with pytest.raises(Cancelled):
        run_job(job, Darkroom())
    assert listed(album) == []


def test_the_failure_of_one_photo_takes_no_other_out_of_an_album(pages, tmp_path):
    album, out = tmp_path / "album", tmp_path / "out"
    papers = Papers(album=str(album))
    restore(pages, out, papers=papers)
    write_failure(album, pages, out / "else" / "p.tif", "broken")
    write_failure(album, pages.with_name("p.png"), out / "p.png", "broken")
    assert [state for _, state in listed(album)].count("done") == 2


@pytest.fixture
def replayable(pages, tmp_path):
    """The sidecar of a TIFF of two pages."""
    told = Recipe("all", (STAGES["measure"](),))
    target = tmp_path / "done" / "p.tif"
    job = Job(str(pages), str(target), told, papers=Papers(sidecar=True))
    outcome = run_job(job)
    assert outcome.state is State.DONE, outcome.message
    return sidecar_path(target)


def test_a_replay_leaves_files_called_as_pages_would_be(replayable, tmp_path, content):
    again = tmp_path / "again"
    again.mkdir()
    mine = {f"p.tif.page-{n}.tif{end}": b"mine" for n in (1, 2) for end in ("", ".unfade.json")}
    for name, data in mine.items():
        (again / name).write_bytes(data)
    for existing in (Existing.REFUSE, Existing.OVERWRITE):
        assert replay_sidecar(replayable, again / "p.tif", existing=existing).identical
        assert content(again).items() > mine.items()
        assert set(content(again)) == {*mine, "p.tif", "p.tif.unfade.json"}
    third = replay_sidecar(again / "p.tif.unfade.json", tmp_path / "third" / "p.tif")
    assert third.identical and third.differs == ()


def test_a_replay_that_breaks_off_leaves_what_it_was_to_replace(
    replayable, tmp_path, content, monkeypatch
):
    again = tmp_path / "again"
    replay_sidecar(replayable, again / "p.tif")
    before = content(again)
    monkeypatch.setattr("unfade.replay.verdict", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        replay_sidecar(replayable, again / "p.tif", existing=Existing.OVERWRITE)
    assert content(again) == before


def test_a_replay_replaces_no_sidecar_unless_asked(replayable, tmp_path, content):
    again = tmp_path / "again"
    again.mkdir()
    (again / "p.tif.unfade.json").write_bytes(b"mine")
    with pytest.raises(WriteError, match="exists"):
        replay_sidecar(replayable, again / "p.tif")
    assert content(again) == {"p.tif.unfade.json": b"mine"}


def test_a_replay_is_a_tiff_whatever_it_is_called(replayable, tmp_path):
    assert replay_sidecar(replayable, tmp_path / "again.png").identical


@pytest.mark.parametrize("number", ["../../evil", -1, None])
def test_a_page_of_a_sidecar_is_a_number(replayable, tmp_path, number):
    told = json.loads(replayable.read_text("utf-8"))
    told["pages"][1]["options"]["page"] = number
    replayable.write_text(json.dumps(told), "utf-8")
    with pytest.raises(ReadError, match="page"):
        replay_sidecar(replayable, tmp_path / "again" / "p.tif")


def test_pages_come_out_as_they_went_in(pages, tmp_path):
    restore(pages, tmp_path / "out")
    sizes = [read(tmp_path / "out" / "p.tif", page=n).size for n in (1, 2)]
    assert sizes == [(12, 16), (20, 16)]
