"""Masks of many photos: found, corrected, and given back as a folder."""

import numpy as np
import pytest
from click.testing import CliRunner

from unfade import verbs
from unfade.cli.main import unfade
from unfade.io.pages import join_pages
from unfade.io.read import read
from unfade.io.write import write, write_plane
from unfade.photo import Photo

from .conftest import STUBS, scratched

pytestmark = pytest.mark.usefixtures("house")

COLUMN = 20
"""Marked in the masks of these tests; what the stub finds is column 5."""


@pytest.fixture(autouse=True)
def stubs(monkeypatch):
    monkeypatch.setattr(verbs, "STAGES", STUBS)


def call(*arguments):
    return CliRunner().invoke(unfade, [*map(str, arguments)], catch_exceptions=False)


def marked(place):
    """A mask of one column, as a person might draw it."""
    mask = np.zeros((24, 32), np.float32)
    mask[:, COLUMN] = 1
    place.parent.mkdir(parents=True, exist_ok=True)
    write_plane(mask, place)


def columns(place):
    return set(np.flatnonzero(read(place).pixels[:, :, 0].all(axis=0)))


def test_masks_that_detect_wrote_come_back_corrected_to_their_photos(album, tmp_path):
    masks, out = tmp_path / "masks", tmp_path / "out"
    assert call("detect", album, "-o", masks).exit_code == 0
    marked(masks / "1968" / "b.tif.mask.png")
    result = call("restore", album, "--mask", masks, "--save-mask", "-o", out)
    assert result.exit_code == 0, result.output
    assert columns(out / "1968" / "b.tif.mask.png") == {COLUMN}
    assert columns(out / "a.png.mask.png") == {5}
    assert result.output.count("a mask is given: kept") == 3 and "warning" not in result.output


def test_damage_is_looked_for_in_photos_without_a_mask_which_is_told(album, tmp_path):
    marked(tmp_path / "masks" / "a.mask.png")
    result = call("restore", album, "--mask", tmp_path / "masks", "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert "no mask for 2 of 3 photos, in which damage is looked for: b.tif, c.jpg" in result.stderr
    assert result.output.count("a mask is given: kept") == 1


def test_a_mask_without_a_suffix_is_not_shared_by_two_photos(album, tmp_path):
    (album / "a.tif").write_bytes((album / "1968" / "b.tif").read_bytes())
    marked(tmp_path / "masks" / "a.mask.png")
    marked(tmp_path / "masks" / "a.tif.mask.png")
    result = call("restore", album, "--mask", tmp_path / "masks", "-o", tmp_path / "out")
    assert "no mask for 3 of 4 photos" in result.stderr


@pytest.fixture
def pages(tmp_path):
    """A TIFF of two pages, and the masks that `detect` wrote, the second corrected by hand."""
    singles = [tmp_path / "1.tif", tmp_path / "2.tif"]
    for path in singles:
        write(Photo.from_array(scratched()), path)
    (tmp_path / "book").mkdir()
    join_pages(singles, tmp_path / "book" / "p.tif")
    masks = tmp_path / "masks"
    assert call("detect", tmp_path / "book", "-o", masks).exit_code == 0
    marked(masks / "p.tif.page-2.mask.png")
    return tmp_path / "book" / "p.tif", masks


@pytest.mark.parametrize("command", ["restore", "inpaint"])
def test_each_page_of_a_tiff_takes_its_own_mask(pages, tmp_path, command):
    photo, masks = pages
    result = call(command, photo, "--mask", masks, "-o", tmp_path / "out.tif")
    assert result.exit_code == 0, result.output
    for page, column in ((1, 5), (2, COLUMN)):
        after = read(tmp_path / "out.tif", page=page).to_array()
        assert set(np.flatnonzero((after != scratched()).any(axis=(0, 2)))) == {column}


def test_a_mask_of_one_page_is_taken_with_that_page_alone(pages, tmp_path):
    photo, masks = pages
    out = tmp_path / "out.tif"
    result = call("restore", photo, "--page", "2", "--mask", masks, "-o", out, "--save-mask")
    assert result.exit_code == 0, result.output
    assert columns(tmp_path / "out.tif.mask.png") == {COLUMN}
    (masks / "p.tif.page-2.mask.png").unlink()
    missing = call("restore", photo, "--page", "2", "--mask", masks, "-o", tmp_path / "y.tif")
    assert missing.exit_code == 2


@pytest.mark.parametrize("command", ["restore", "inpaint"])
def test_a_mask_that_is_not_there_is_a_mistake_told_once(album, tmp_path, command):
    result = call(command, album, "--mask", tmp_path / "maks", "-o", tmp_path / "out")
    assert result.exit_code == 2 and not (tmp_path / "out").exists()
    assert result.output.count("no such file or folder") == 1


def test_restoring_with_a_mask_that_marks_most_is_warned_of(album, tmp_path):
    write_plane(np.ones((24, 32), np.float32), tmp_path / "all.png")
    photo, mask = album / "a.png", tmp_path / "all.png"
    result = call("restore", photo, "--mask", mask, "-o", tmp_path / "x.png")
    assert "warning: 100.0% of the photo is marked; is" in result.output


@pytest.mark.parametrize("command", ["restore", "inpaint"])
def test_a_folder_that_has_no_mask_of_any_photo_is_a_mistake(album, tmp_path, command):
    (tmp_path / "masks").mkdir()
    result = call(command, album, "--mask", tmp_path / "masks", "-o", tmp_path / "out")
    assert result.exit_code == 2 and not (tmp_path / "out").exists()
    assert "expected such as" in result.output and ".mask.png" in result.output


def test_inpaint_fills_each_photo_by_its_own_mask_and_tells_those_without(album, tmp_path):
    out = tmp_path / "out"
    marked(tmp_path / "masks" / "a.png.mask.png")
    result = call("inpaint", album, "--mask", tmp_path / "masks", "-o", out)
    assert result.exit_code == 1 and "1 done, 2 skipped, 2 failed" in result.output
    assert "no mask of it in" in result.output
    changed = (read(out / "a.png").to_array() != read(album / "a.png").to_array()).any(axis=(0, 2))
    assert set(np.flatnonzero(changed)) == {COLUMN}
    assert not (out / "1968").exists()
