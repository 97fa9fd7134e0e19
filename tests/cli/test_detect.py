"""`unfade detect`: names, what is there already, pages, and sides that no JPEG holds."""

import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner

from unfade import verbs
from unfade.choose import Choice, load_recipe
from unfade.cli import detecting
from unfade.cli.main import unfade
from unfade.io.pages import join_pages
from unfade.io.read import read
from unfade.io.write import write
from unfade.photo import Photo

from .conftest import STUBS, recipe_text, scratched

ENDINGS = ("mask.png", "overlay.jpg", "damage.json")


def call(*arguments):
    return CliRunner().invoke(unfade, ["detect", *map(str, arguments)], catch_exceptions=False)


def files(folder):
    return sorted(p.name for p in folder.iterdir() if p.is_file())


@pytest.fixture(autouse=True)
def stubs(house, monkeypatch):
    monkeypatch.setattr(verbs, "STAGES", STUBS)


@pytest.fixture
def pages(tmp_path):
    """A TIFF of two pages; the second one is smaller."""
    singles = [tmp_path / "1.tif", tmp_path / "2.tif"]
    for path, height in zip(singles, (24, 20), strict=True):
        write(Photo.from_array(scratched(height)), path)
    (tmp_path / "scans").mkdir()
    join_pages(singles, tmp_path / "scans" / "p.tif")
    return tmp_path / "scans" / "p.tif"


def test_a_side_that_no_jpeg_holds_still_gives_mask_and_statistics(tmp_path):
    long = np.full((8, 66_000, 3), 90, np.uint8)
    long[:, 40_000:40_400] = 255
    write(Photo.from_array(long), tmp_path / "long.png")
    result = call(tmp_path / "long.png", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert files(tmp_path / "out") == sorted(f"long.png.{ending}" for ending in ENDINGS)
    assert read(tmp_path / "out" / "long.png.mask.png").pixels.sum() == 8 * 400
    overlay = read(tmp_path / "out" / "long.png.overlay.jpg").pixels
    assert overlay.shape[1] <= 65_500
    red = overlay[0, round(40_200 / 66_000 * overlay.shape[1])]
    assert red[0] > red[1] + 0.2


def test_two_photos_of_one_name_have_companions_of_their_own(tmp_path):
    folder = tmp_path / "twins"
    folder.mkdir()
    for suffix in (".png", ".tif"):
        write(Photo.from_array(scratched()), folder / f"p{suffix}")
    assert call(folder).exit_code == 0
    written = {f"{name}.{ending}" for name in ("p.png", "p.tif") for ending in ENDINGS}
    assert set(files(folder)) == {"p.png", "p.tif"} | written
    again = call(folder, "--overwrite")
    assert "2 done" in again.output and set(files(folder)) == {"p.png", "p.tif"} | written


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_there_is_kept_unless_asked(album, ending):
    precious = album / f"a.png.{ending}"
    precious.write_bytes(b"precious")
    before = files(album)
    refused = call(album / "a.png")
    assert refused.exit_code == 1 and f"{precious} exists; use --overwrite" in refused.output
    assert precious.read_bytes() == b"precious" and files(album) == before
    added = call(album / "a.png", "--skip-existing")
    assert added.exit_code == 0 and "1 marks on" in added.output
    assert precious.read_bytes() == b"precious"
    assert {f"a.png.{each}" for each in ENDINGS} <= set(files(album))
    skipped = call(album / "a.png", "--skip-existing")
    assert skipped.exit_code == 0 and "1 skipped" in skipped.output
    assert precious.read_bytes() == b"precious"
    assert call(album / "a.png", "--overwrite").exit_code == 0
    assert precious.read_bytes() != b"precious"


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_missing_of_a_page_is_written_and_no_other_page_looked_at(pages, ending):
    assert call(pages).exit_code == 0
    before = {path: path.read_bytes() for path in pages.parent.iterdir()}
    lost = pages.with_name(f"p.tif.page-2.{ending}")
    lost.unlink()
    result = call(pages, "--skip-existing")
    assert result.exit_code == 0 and "page 2: 1 marks on" in result.output
    assert "page 1" not in result.output
    assert {path: path.read_bytes() for path in pages.parent.iterdir()} == before


def test_what_was_to_be_replaced_stays_where_the_work_breaks_off(album, monkeypatch):
    def full(path, told):
        raise OSError("no space left on device")

    for ending in ENDINGS:
        (album / f"a.png.{ending}").write_bytes(b"precious")
    monkeypatch.setattr(detecting, "_write_json", full)
    assert call(album / "a.png", "--overwrite").exit_code == 1
    assert {(album / f"a.png.{ending}").read_bytes() for ending in ENDINGS} == {b"precious"}


def test_every_page_of_a_tiff_gets_a_mask_of_its_own(pages):
    result = call(pages)
    assert result.exit_code == 0, result.output
    written = {f"p.tif.page-{n}.{ending}" for n in (1, 2) for ending in ENDINGS}
    assert set(files(pages.parent)) == {"p.tif"} | written
    assert read(pages.parent / "p.tif.page-2.mask.png").size == (20, 32)
    assert json.loads((pages.parent / "p.tif.page-2.damage.json").read_text())["page"] == 2
    assert "page 2: 1 marks on" in result.output and "page 2 marks 1" in result.output
    assert call(pages).exit_code == 1


def test_one_page_can_be_taken_alone(pages):
    result = call(pages, "--page", "2")
    assert result.exit_code == 0, result.output
    assert set(files(pages.parent)) == {"p.tif", *(f"p.tif.{ending}" for ending in ENDINGS)}
    assert read(pages.parent / "p.tif.mask.png").size == (20, 32)
    assert call(pages, "--page", "3", "--overwrite").exit_code == 1
    assert call(pages, "--page", "0").exit_code == 2


def test_a_sensitivity_that_is_no_number_is_a_mistake(album):
    assert call(album, "--sensitivity", "nan").exit_code == 2


@pytest.mark.parametrize("recipe", ["clean", "print"])
def test_what_it_marks_is_what_restoring_by_default_would_fill(tmp_path, monkeypatch, recipe):
    asked = []

    def choose(photo, darkroom, changes):
        asked.append(photo.size)
        return Choice(load_recipe(recipe), "as the test wants")

    monkeypatch.setattr("unfade.choose.choose_recipe", choose)
    write(Photo.from_array(scratched()), tmp_path / "p.png")
    assert call(tmp_path / "p.png").exit_code == 0
    told = json.loads((tmp_path / "p.png.damage.json").read_text())
    damage = next(stage for stage in load_recipe(recipe) if stage.name == "damage")
    assert asked and told["sensitivity"] == damage.sensitivity
    assert call(tmp_path / "p.png", "--overwrite", "--sensitivity", "0.7").exit_code == 0
    assert json.loads((tmp_path / "p.png.damage.json").read_text())["sensitivity"] == 0.7


def test_settings_and_recipes_are_taken_as_restore_takes_them(album, tmp_path):
    told = album / "a.png.damage.json"
    assert call(album / "a.png", "--set", "damage.sensitivity=0.25").exit_code == 0
    assert json.loads(told.read_text())["sensitivity"] == 0.25
    mine = tmp_path / "mine.toml"
    mine.write_text(
        recipe_text("mine").replace('use = "damage"', 'use = "damage"\nsensitivity = 0.9')
    )
    assert call(album / "a.png", "--overwrite", "--recipe", mine).exit_code == 0
    assert json.loads(told.read_text())["sensitivity"] == 0.9


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--set", "inpaint.volume=3"), "volume"),
        (("--set", "damage.sensitivity=3"), "sensitivity"),
        (("--recipe", "nobody"), "no recipe 'nobody'"),
    ],
)
def test_what_no_recipe_has_is_a_mistake_before_any_photo_is_read(album, arguments, told):
    result = CliRunner().invoke(unfade, ["detect", str(album), *arguments])
    assert result.exit_code != 0
    assert told in f"{result.output} {result.exception}"
    assert not list(album.rglob("*.mask.png"))


def test_it_says_what_was_left_and_what_more_sensitivity_would_bring(album, monkeypatch):
    class Leaving(STUBS["damage"]):
        def __call__(self, photo, darkroom):
            edit = super().__call__(photo, darkroom)
            beyond = "2 more at sensitivity 0.7"
            return dataclasses.replace(edit, notes={"marks": 1, "too_large": 3, "beyond": beyond})

    monkeypatch.setattr(verbs, "STAGES", STUBS | {"damage": Leaving})
    monkeypatch.setattr("unfade.choose.STAGES", STUBS | {"damage": Leaving})
    result = call(album / "a.png")
    said = " ".join(result.output.split())
    assert "; 3 too large to fill left alone; 2 more at sensitivity 0.7" in said


def test_a_recipe_that_looks_for_no_damage_is_told(album, tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(recipe_text("mine", ("measure", "denoise")))
    result = call(album / "a.png", "--recipe", mine)
    assert result.exit_code == 1 and "mine does not look for damage" in result.output


def test_on_a_negative_damage_is_looked_for_once_it_is_inverted(tmp_path):
    write(Photo.from_array(255 - scratched()), tmp_path / "n.png")
    assert call(tmp_path / "n.png").exit_code == 0
    mask = tmp_path / "n.png.mask.png"
    assert read(mask).pixels.sum() == 0
    assert call(tmp_path / "n.png", "--overwrite", "--negative").exit_code == 0
    assert read(mask).pixels.sum() == 24
    assert json.loads((tmp_path / "n.png.damage.json").read_text())["veiled_share"] == 0
    overlay = read(tmp_path / "n.png.overlay.jpg").pixels
    assert abs(overlay[:, 12:].mean() - (255 - scratched())[:, 12:].mean() / 255) < 0.02
