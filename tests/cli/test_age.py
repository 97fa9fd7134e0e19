import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from unfade.cli.aging import COLORS
from unfade.cli.main import unfade
from unfade.io.read import read
from unfade.io.write import write
from unfade.photo import Damage, Photo


@pytest.fixture
def album(tmp_path):
    folder = tmp_path / "album"
    folder.mkdir()
    for number in range(3):
        ground = np.random.default_rng(number).random((6, 8, 3), np.float32)
        write(Photo(np.repeat(np.repeat(ground, 12, 0), 12, 1)), folder / f"{number}.png")
    return folder


def call(*words):
    return CliRunner().invoke(unfade, ["age", *map(str, words)])


def results(out):
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*.png")
        if path.parent.name != "history"
    }


def test_classes_kinds_and_mask_agree(album, tmp_path):
    out = tmp_path / "old"
    assert call(album, "-o", out, "--severity", "1").exit_code == 0
    for name in ("0.png", "1.png", "2.png"):
        mask = cv2.imread(str(out / "mask" / name), cv2.IMREAD_GRAYSCALE)
        kinds = cv2.imread(str(out / "kinds" / name), cv2.IMREAD_GRAYSCALE)
        seen = cv2.imread(str(out / "classes" / name))[:, :, ::-1]
        np.testing.assert_array_equal(kinds > 0, mask == 255)
        np.testing.assert_array_equal(seen, np.array([COLORS[Damage(k)] for k in range(8)])[kinds])
    legend = json.loads((out / "classes" / "legend.json").read_text())
    assert [legend[str(int(kind))]["name"] for kind in Damage] == [k.name.lower() for k in Damage]


def test_the_number_of_processes_changes_nothing(album, tmp_path):
    for jobs in (1, 2):
        done = call(album, "-o", tmp_path / str(jobs), "--jobs", jobs)
        assert done.exit_code == 0, done.output
    assert results(tmp_path / "1") == results(tmp_path / "2")


def test_a_broken_off_run_goes_on_where_it_was(album, tmp_path):
    out = tmp_path / "old"
    call(album, "-o", out)
    whole = results(out)
    kept = (out / "aged" / "1.png").stat().st_mtime_ns
    (out / "aged" / "0.png").unlink()
    (out / "mask" / "2.png").unlink()
    again = call(album, "-o", out, "--skip-existing")
    assert again.exit_code == 0, again.output
    assert results(out) == whole
    assert (out / "aged" / "1.png").stat().st_mtime_ns == kept


def test_results_of_other_settings_are_not_taken_for_done(album, tmp_path):
    call(album, "-o", tmp_path / "old", "--seed", "1")
    other = call(album, "-o", tmp_path / "old", "--seed", "2", "--skip-existing")
    assert other.exit_code == 1
    assert "was made with another seed" in other.output
    refused = call(album, "-o", tmp_path / "old", "--seed", "1")
    assert refused.exit_code == 1
    assert "use --overwrite or --skip-existing" in refused.output


def test_a_contact_sheet_shows_aged_damage_and_real_photos(album, tmp_path):
    sheet = tmp_path / "sheets" / "s.png"
    done = call(album, "-o", tmp_path / "old", "--sheet", sheet, "--beside", album)
    assert done.exit_code == 0, done.output
    with_real = read(sheet).size
    call(album, "-o", tmp_path / "old", "--skip-existing", "--sheet", sheet)
    assert read(sheet).size[1] == with_real[1]
    assert read(sheet).size[0] < with_real[0]


def test_beside_without_a_sheet_is_refused(album, tmp_path):
    done = call(album, "-o", tmp_path / "old", "--beside", album)
    assert done.exit_code == 2
    assert "--beside needs --sheet" in done.output
