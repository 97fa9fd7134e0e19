"""Campaigns of TIFFs of several pages: done once, and again only for what is missing."""

import numpy as np
import pytest
from pooled import Silence, acting

from unfade.batch.campaign import run_campaign
from unfade.batch.inside import Inside
from unfade.batch.leftovers import sweep
from unfade.batch.resume import Wish
from unfade.batch.stop import Stop
from unfade.darkroom import Darkroom
from unfade.io.pages import join_pages
from unfade.io.write import write
from unfade.jobs.job import Job
from unfade.jobs.outcome import State
from unfade.photo import Photo
from unfade.report.papers import Papers


@pytest.fixture
def book(tmp_path):
    """A TIFF of two pages."""
    singles = [tmp_path / f"{number}.tif" for number in (1, 2)]
    for path in singles:
        pixels = np.random.default_rng(1).integers(0, 256, (12, 16, 3), dtype=np.uint8)
        write(Photo.from_array(pixels), path)
    join_pages(singles, tmp_path / "book.tif")
    return tmp_path / "book.tif"


def campaign(book, out, **options):
    """The outcome of a campaign of one TIFF."""
    job = Job(str(book), str(out / "book.tif"), acting(), **options)
    execute = Inside(lambda equipment: Darkroom(), Stop(), Silence())
    (outcome,) = run_campaign([job], execute, Wish(out))
    return outcome


def wishes(tmp_path):
    return [
        {"save_mask": True},
        {"save_origin": True},
        {"report": True},
        {"also": ("web",)},
        {"keep_steps": True},
        {"papers": Papers(sidecar=True)},
        {"papers": Papers(album=str(tmp_path / "album"))},
    ]


@pytest.mark.parametrize("number", range(7))
def test_pages_are_done_once_whatever_is_wanted_beside_them(book, tmp_path, number):
    wish, out = wishes(tmp_path)[number], tmp_path / "out"
    first = campaign(book, out, **wish)
    assert first.state is State.DONE, first.message
    again = campaign(book, out, **wish)
    assert again.state is State.SKIPPED, again.message


def test_pages_are_done_again_where_a_picture_of_one_is_missing(book, tmp_path):
    out = tmp_path / "out"
    campaign(book, out, save_mask=True, report=True)
    gone = out / "book.tif.page-2.tif.mask.png"
    gone.unlink()
    assert campaign(book, out, save_mask=True, report=True).state is State.DONE
    assert gone.is_file()
    assert campaign(book, out, save_mask=True, report=True).state is State.SKIPPED


def test_a_file_of_a_person_that_is_called_as_a_mask_of_a_page_stays(book, tmp_path):
    out = tmp_path / "out"
    campaign(book, out)
    mine = out / "book.tif.page-2.tif.mask.png"
    mine.write_bytes(b"mine")
    outcome = campaign(book, out, save_mask=True)
    assert outcome.state is State.FAILED and "did not write it here" in outcome.message
    assert mine.read_bytes() == b"mine"


def test_pages_that_an_album_lacks_are_done_again_for_it(book, tmp_path):
    out, album = tmp_path / "out", tmp_path / "album"
    wish = {"papers": Papers(album=str(album))}
    campaign(book, out, **wish)
    entry = sorted((album / "photos").glob("*.json"))[1]
    entry.unlink()
    assert campaign(book, out, **wish).state is State.DONE
    assert entry.is_file()


def test_leftovers_of_pages_go_with_their_folders(tmp_path):
    ours = [
        ".a.tif.page-2.tif.mask.png.0123abcd.part",
        ".a.tif.page-12.tif.report.html.x_y01234",
        ".a.tif.page-1.tif.step-1-grey.tif.0123abcd.part",
    ]
    theirs = [".a.tif.page-x.tif.mask.png.0123abcd.part", ".b.tif.page-2.tif.mask.png.0123abcd"]
    folders = [".a.tif.0123ab_d", ".a.tif.mask.png.0123ab_d", ".a.tif.page-1.tif.mask.png.0123ab_d"]
    for name in (*ours, *theirs):
        (tmp_path / name).touch()
    for name in folders:
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.tif").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".a.tif.0123abce").symlink_to(tmp_path / "elsewhere")
    gone = {*ours, *folders, ".a.tif.0123abce"}
    assert {path.name for path in sweep(tmp_path / "a.tif")} == gone
    assert {path.name for path in tmp_path.iterdir()} == {*theirs, "elsewhere"}
