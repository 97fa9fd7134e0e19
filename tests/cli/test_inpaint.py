"""`unfade inpaint`: pages, and masks that are probably a mistake."""

import json

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


def call(*arguments):
    return CliRunner().invoke(unfade, ["inpaint", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture(autouse=True)
def stubs(house, monkeypatch):
    monkeypatch.setattr(verbs, "STAGES", STUBS)


def mask_of(path, rows, height=24):
    plane = np.zeros((height, 32), np.float32)
    plane[:rows] = 1
    write_plane(plane, path)
    return path


def test_one_page_of_a_tiff_can_be_filled(tmp_path):
    singles = [tmp_path / "1.tif", tmp_path / "2.tif"]
    for path, height in zip(singles, (24, 20), strict=True):
        write(Photo.from_array(scratched(height)), path)
    join_pages(singles, tmp_path / "p.tif")
    mask = mask_of(tmp_path / "m.png", 2, height=20)
    refused = call(tmp_path / "p.tif", "--mask", mask)
    assert refused.exit_code == 1 and "--page" in refused.output
    result = call(tmp_path / "p.tif", "--mask", mask, "--page", "2", "-o", tmp_path / "new.tif")
    assert result.exit_code == 0, result.output
    changed = (read(tmp_path / "new.tif").to_array() != scratched(20)).any(axis=2)
    assert changed[:2].all() and not changed[2:].any()


@pytest.mark.parametrize(("rows", "warned"), [(6, False), (18, True)])
def test_a_mask_that_marks_most_of_a_photo_is_warned_of_and_used(album, tmp_path, rows, warned):
    mask, out = mask_of(tmp_path / "m.png", rows), tmp_path / "new.png"
    result = call(album / "a.png", "--mask", mask, "-o", out)
    assert result.exit_code == 0, result.output
    assert (f"warning: {rows / 24:.1%} of the photo is marked" in result.output) is warned
    assert (f"is {mask} inverted" in result.output) is warned
    assert (read(out).to_array() != scratched(seed=0)).any(axis=2).sum() == rows * 32


def test_the_warning_is_in_the_json_too(album, tmp_path):
    mask = mask_of(tmp_path / "m.png", 21)
    result = call(album / "a.png", "--mask", mask, "-o", tmp_path / "new.png", "--json")
    (outcome,) = json.loads(result.stdout)["outcomes"]
    assert outcome["evidence"][0]["stage"] == "mask"
    assert "87.5% of the photo" in outcome["evidence"][0]["says"]
