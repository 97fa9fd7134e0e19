"""Masks of many photos: found, corrected, and given back as a folder."""

import numpy as np
import pytest
from click.testing import CliRunner

from unfade import verbs
from unfade.cli import masks as cli_masks
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


@pytest.mark.parametrize(("rows", "warned"), [(21, True), (6, False)])
def test_restoring_with_a_mask_that_marks_most_is_warned_of(album, tmp_path, rows, warned):
    mask = np.zeros((24, 32), np.float32)
    mask[:rows] = 1
    write_plane(mask, tmp_path / "most.png")
    photo, mask = album / "a.png", tmp_path / "most.png"
    result = call("restore", photo, "--mask", mask, "-o", tmp_path / "x.png")
    assert ("warning: 87.5% of the photo is marked; is" in result.output) is warned


@pytest.mark.parametrize("command", ["restore", "inpaint"])
@pytest.mark.parametrize("what", ["overlay.jpg", "white.png", "faint.png"])
def test_a_photo_in_the_place_of_a_mask_is_refused(album, tmp_path, command, what):
    assert call("detect", album / "a.png", "-o", tmp_path).exit_code == 0
    plane = np.full((24, 32), 1 if what == "white.png" else 1 / 255, np.float32)
    mask = tmp_path / f"a.png.{what}"
    if what != "overlay.jpg":
        write_plane(plane, mask)
    result = call(command, album / "a.png", "--mask", mask, "-o", tmp_path / "x.png")
    assert result.exit_code == 1 and not (tmp_path / "x.png").exists()
    assert (
        f"{mask} marks 100.0 % of the photo; expected a mask, mostly black with white where it is "
        "damaged; this looks like a photo or an overlay: give NAME.mask.png"
    ) in result.output


def test_a_wrong_mask_costs_its_photo_alone(album, tmp_path):
    masks, out = tmp_path / "masks", tmp_path / "out"
    assert call("detect", album, "-o", masks).exit_code == 0
    write_plane(np.ones((24, 32), np.float32), masks / "a.png.mask.png")
    for command in ("restore", "inpaint"):
        result = call(command, album, "--mask", masks, "-o", out / command)
        assert result.exit_code == 1
        assert "2 done, 2 skipped, 1 failed" in result.output, result.output
        assert not (out / command / "a.png").exists()
    planned = call("restore", album, "--mask", masks, "-o", tmp_path / "new", "--dry-run")
    assert "marks 100.0 % of the photo" in planned.output and "2 planned" in planned.output


def test_the_mask_of_a_page_is_looked_at_too(pages, tmp_path):
    photo, masks = pages
    write_plane(np.ones((24, 32), np.float32), masks / "p.tif.page-2.mask.png")
    result = call("restore", photo, "--mask", masks, "-o", tmp_path / "out.tif")
    assert result.exit_code == 1 and "p.tif.page-2.mask.png marks 100.0 %" in result.output


def test_masks_of_photos_that_are_done_are_not_looked_at_again(album, tmp_path, monkeypatch):
    masks, out = tmp_path / "masks", tmp_path / "out"
    assert call("detect", album, "-o", masks).exit_code == 0
    assert call("restore", album, "--mask", masks, "-o", out).exit_code == 0
    monkeypatch.setattr(cli_masks, "marked_share", None)
    again = call("restore", album, "--mask", masks, "-o", out)
    assert again.exit_code == 0 and "5 skipped" in again.output


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


def twins(folder, *names):
    """Photos of one name in folders of their own, each with its own white column."""
    for number, name in enumerate(names):
        pixels = scratched(seed=number)
        pixels[:, 5] = pixels[:, 6]
        pixels[:, 10 + number] = 255
        (folder / name).mkdir(parents=True)
        write(Photo.from_array(pixels), folder / name / "scan.png")
    return [folder / name for name in names]


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1,)])
def test_photos_of_one_name_take_each_its_own_mask(tmp_path, order):
    folders, masks, out = twins(tmp_path, "a", "b"), tmp_path / "masks", tmp_path / "out"
    assert call("detect", *folders, "-o", masks).exit_code == 0
    result = call("restore", *(folders[n] for n in order), "--mask", masks, "-o", out)
    assert result.exit_code == 0, result.output
    for number, name in zip(order, ("scan.png", "scan-2.png"), strict=False):
        assert filled(folders[number] / "scan.png", out / name) == {10 + number}


def test_inpaint_takes_the_photos_own_mask_too(tmp_path):
    folders, masks, out = twins(tmp_path, "a", "b"), tmp_path / "masks", tmp_path / "new.png"
    assert call("detect", *folders, "-o", masks).exit_code == 0
    result = call("inpaint", folders[1] / "scan.png", "--mask", masks, "-o", out)
    assert result.exit_code == 0, result.output
    assert filled(folders[1] / "scan.png", out) == {11}


def filled(photo, result):
    """Columns in which a result differs from its photo."""
    changed = read(photo).to_array() != read(result).to_array()
    return set(np.flatnonzero(changed.any(axis=(0, 2))))


def test_a_mask_of_another_photo_of_that_name_is_refused(tmp_path):
    one, other = twins(tmp_path, "a", "b")
    assert call("detect", one, "-o", tmp_path / "masks").exit_code == 0
    refused = call("restore", other, "--mask", tmp_path / "masks", "-o", tmp_path / "out")
    assert refused.exit_code == 2 and not (tmp_path / "out").exists()
    assert f"scan.png.mask.png there is of {one / 'scan.png'}" in " ".join(refused.output.split())
    both = call("restore", one, other, "--mask", tmp_path / "masks", "-o", tmp_path / "out")
    assert "no mask for 1 of 2 photos" in both.stderr
    assert both.output.count("a mask is given: kept") == 1


def test_masks_are_found_from_another_folder_and_after_the_photos_moved(tmp_path, monkeypatch):
    folders, masks = twins(tmp_path / "here", "a", "b"), tmp_path / "masks"
    monkeypatch.chdir(tmp_path / "here")
    assert call("detect", "a", "b", "-o", masks).exit_code == 0
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").rename(tmp_path / "there")
    moved = [tmp_path / "there" / folder.name for folder in folders]
    out = tmp_path / "out"
    result = call("restore", moved[1], "--mask", masks, "--save-mask", "-o", out)
    assert result.exit_code == 0, result.output
    assert columns(out / "scan.png.mask.png") == {11}
    moved[0].rename(tmp_path / "there" / "c")
    unknown = call("restore", tmp_path / "there" / "c", "--mask", masks, "-o", tmp_path / "o2")
    assert unknown.exit_code == 2


def test_a_mask_alone_of_its_name_follows_its_photo_anywhere(tmp_path):
    (folder,) = twins(tmp_path, "a")
    assert call("detect", folder, "-o", tmp_path / "masks").exit_code == 0
    folder.rename(tmp_path / "z")
    result = call("restore", tmp_path / "z", "--mask", tmp_path / "masks", "-o", tmp_path / "out")
    assert result.exit_code == 0 and "a mask is given: kept" in result.output


def test_pages_of_photos_of_one_name_have_masks_of_their_own(pages, tmp_path):
    photo, _ = pages
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / "p.tif"
    twin.write_bytes(photo.read_bytes())
    masks = tmp_path / "both"
    assert call("detect", photo, twin, "-o", masks).exit_code == 0
    marked(masks / "p.tif.page-2.mask-2.png")
    result = call("restore", twin, "--mask", masks, "-o", tmp_path / "out.tif")
    assert result.exit_code == 0, result.output
    after = read(tmp_path / "out.tif", page=2).to_array()
    assert set(np.flatnonzero((after != scratched()).any(axis=(0, 2)))) == {COLUMN}
