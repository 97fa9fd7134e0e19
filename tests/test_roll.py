"""The frames of a roll are measured together, and a command gives all of them the same."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from unfade.choose import Changes, load_recipe
from unfade.cli.main import unfade
from unfade.darkroom import Darkroom
from unfade.film.density import from_density, to_density
from unfade.io.read import read
from unfade.io.write import write
from unfade.photo import Metadata, Photo
from unfade.roll import measure_roll


def frame(seed, dark, channels=3):
    rng = np.random.default_rng(seed)
    tones = rng.uniform(dark, 0.95, (6, 8, channels)).repeat(8, 0).repeat(8, 1)
    base = np.array([0.25, 0.6, 0.9][:channels], np.float32)
    return from_density(base + 0.6 * (2.4 - to_density(tones.astype(np.float32))))


@pytest.fixture
def rolls(tmp_path):
    """Two folders: a roll of which only the second frame shows the base, and another film."""
    for name, pixels in {
        "one/1.tif": frame(1, 0.5),
        "one/2.tif": frame(2, 0.05),
        "two/1.tif": frame(3, 0.05) ** np.float32(0.9),
    }.items():
        path = tmp_path / "scans" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(Photo(pixels, metadata=Metadata(bits=16)), path)
    return tmp_path / "scans"


def test_the_base_of_a_roll_comes_from_the_frame_that_shows_it(rolls):
    frames = sorted((rolls / "one").iterdir())
    together, first = (
        Changes(negative=True, settings=measure_roll(paths, Darkroom())).apply(load_recipe("print"))
        for paths in (frames, frames[:1])
    )
    base = next(iter(together)).base
    assert base == pytest.approx((0.25, 0.6, 0.9), abs=0.12)
    assert min(np.subtract(next(iter(first)).base, base)) > 0.2


def test_a_file_that_cannot_be_read_and_a_lone_grey_frame_do_not_count(rolls):
    frames = sorted((rolls / "one").iterdir())
    known = measure_roll(frames, Darkroom())
    write(Photo(frame(4, 0.05, channels=1)), rolls / "one" / "grey.tif")
    (rolls / "one" / "broken.tif").write_bytes(b"II*\0nothing")
    assert measure_roll(sorted((rolls / "one").iterdir()), Darkroom()) == known
    assert measure_roll([rolls / "one" / "broken.tif"], Darkroom()) == ()


def restore(rolls, out, *options):
    arguments = ["restore", str(rolls), "-o", str(out), "--only", "measure", *options]
    result = CliRunner().invoke(unfade, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    told = {}
    for path in out.rglob("*.unfade.json"):
        told[path.relative_to(out).as_posix()] = json.loads(path.read_text("utf-8"))
    return told


def bases(text):
    """All values of `base` anywhere in a sidecar."""
    if isinstance(text, dict):
        own = [tuple(text["base"])] if text.get("base") else []
        return own + [base for value in text.values() for base in bases(value)]
    return [base for value in text for base in bases(value)] if isinstance(text, list) else []


def test_a_roll_is_inverted_alike_and_another_folder_is_another_roll(rolls, tmp_path):
    told = restore(rolls, tmp_path / "out", "--negative", "--roll")
    found = {name: set(bases(sidecar)) for name, sidecar in told.items()}
    one, same, two = (found[f"{n}.tif.unfade.json"] for n in ("one/1", "one/2", "two/1"))
    assert len(one) == 1 and one == same != two
    before, after = (read(place / "one" / "2.tif").pixels for place in (rolls, tmp_path / "out"))
    assert np.corrcoef(before[:, :, 0].ravel(), after[:, :, 0].ravel())[0, 1] < -0.8


def test_without_negative_nothing_is_inverted_and_roll_alone_is_a_mistake(rolls, tmp_path):
    restore(rolls, tmp_path / "out")
    for name in ("one/1.tif", "two/1.tif"):
        assert (tmp_path / "out" / name).read_bytes() == (rolls / name).read_bytes()
    result = CliRunner().invoke(unfade, ["restore", str(rolls), "--roll"])
    assert result.exit_code == 2
    assert "--roll says how --negative inverts" in result.output
