"""`--rough`: masks painted with a broad brush, with the networks that ship."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import unfade as library
from unfade.cli.main import unfade
from unfade.io.read import read, read_mask
from unfade.io.write import write, write_plane
from unfade.photo import Photo


def call(*arguments):
    return CliRunner().invoke(unfade, [*map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def scan(tmp_path):
    """A textured slope with a white tear of 5 px, and a brush of 40 px over it."""
    rng = np.random.default_rng(3)
    pixels = np.tile(np.linspace(0.2, 0.5, 240, dtype=np.float32), (200, 1))[:, :, None]
    pixels = np.repeat(pixels + rng.normal(0, 0.01, (200, 240, 1)).astype(np.float32), 3, axis=2)
    pixels[98:103, 60:180] = 0.95
    strokes = np.zeros((200, 240), np.float32)
    strokes[80:120, 50:190] = 1
    write(Photo(np.clip(pixels, 0, 1)), tmp_path / "scan.png")
    write_plane(strokes, tmp_path / "strokes.png")
    return tmp_path


def changed(folder, name):
    return (read(folder / name).pixels != read(folder / "scan.png").pixels).any(axis=2)


@pytest.mark.parametrize("verb", ["restore", "inpaint"])
def test_only_the_tear_in_the_stroke_is_filled(scan, verb):
    more = ["--only", "damage,inpaint", "--save-mask"] if verb == "restore" else []
    words = ["--mask", scan / "strokes.png", "--rough", "-o", scan / "new.png", *more]
    result = call(verb, scan / "scan.png", *words)
    assert result.exit_code == 0, result.output
    assert "1 stroke given" in result.output
    moved = changed(scan, "new.png")
    assert moved[98:103, 60:180].mean() > 0.98
    assert not moved[:90].any()
    assert not moved[112:].any()
    assert read(scan / "new.png").pixels[100, 60:180].max() < 0.7


def test_what_was_found_is_a_mask_to_use_again(scan):
    first = ["--mask", scan / "strokes.png", "--rough", "-o", scan / "new.png", "--save-mask"]
    call("restore", scan / "scan.png", "--only", "damage,inpaint", *first)
    mask = read_mask(scan / "new.png.mask.png", (200, 240))
    assert mask[98:103, 60:180].all()
    assert mask.sum() < 0.3 * 40 * 140
    again = ["--mask", scan / "new.png.mask.png", "-o", scan / "again.png"]
    call("restore", scan / "scan.png", "--only", "damage,inpaint", *again)
    assert np.array_equal(read(scan / "again.png").pixels, read(scan / "new.png").pixels)


def test_the_sidecar_does_it_again(scan):
    words = ["--mask", scan / "strokes.png", "--rough", "-o", scan / "new.png"]
    call("restore", scan / "scan.png", "--only", "damage,inpaint", *words)
    told = json.loads((scan / "new.png.unfade.json").read_text("utf-8"))
    assert "painted_px" in json.dumps(told)
    assert call("replay", scan / "new.png.unfade.json").exit_code == 0


def test_rough_without_a_mask_is_refused(scan):
    result = CliRunner().invoke(unfade, ["restore", str(scan / "scan.png"), "--rough"])
    assert result.exit_code == 2
    assert "--rough says how --mask was painted" in result.output


def test_from_python(scan):
    pixels, strokes = read(scan / "scan.png").to_array(), np.zeros((200, 240), bool)
    strokes[80:120, 50:190] = True
    filled = library.inpaint(pixels, strokes, rough=True)
    moved = (filled != pixels).any(axis=2)
    assert moved[98:103, 60:180].mean() > 0.98
    assert not moved[:90].any()
    whole = library.inpaint(pixels, strokes)
    assert (whole != pixels).any(axis=2)[80:96, 60:180].mean() > 0.9
