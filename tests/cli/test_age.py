import functools
import json
import os

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from unfade.cli import aging
from unfade.cli.aging import COLORS
from unfade.cli.main import unfade
from unfade.cli.sheet import CELL_PX, GAP_PX, _legend
from unfade.degrade.library import library_checksum
from unfade.degrade.particles import STATISTICS
from unfade.io.icc import write_profile
from unfade.io.read import read
from unfade.io.write import write
from unfade.photo import Damage, Metadata, Photo
from unfade.profile import Curve, Profile


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


def test_it_tells_the_sheet_and_not_which_stages_restored(album, tmp_path):
    sheet = tmp_path / "s.png"
    done = call(album, "-o", tmp_path / "old", "--sheet", sheet)
    assert "3 done" in done.output and "photos changed" not in done.output
    assert f"sheet: {sheet}" in done.stderr


def test_what_fails_leaves_nothing(album, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(aging, "write_palette", fail)
    assert call(album, "-o", tmp_path / "old").exit_code == 1
    assert not [path for path in (tmp_path / "old").rglob("*") if path.suffix == ".png"]


def test_the_number_of_processes_changes_nothing(album, tmp_path):
    for jobs in (1, 2):
        done = call(album, "-o", tmp_path / str(jobs), "--jobs", jobs)
        assert done.exit_code == 0, done.output
    assert results(tmp_path / "1") == results(tmp_path / "2")


def test_photos_of_a_process_that_was_killed_fail_in_one_line_each(album, tmp_path, monkeypatch):
    monkeypatch.setattr(aging, "_begin", functools.partial(os._exit, 1))
    done = call(album, "-o", tmp_path / "old", "--jobs", 2)
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit), done.output
    assert "3 failed" in done.output and "was killed" in done.output
    monkeypatch.undo()
    again = call(album, "-o", tmp_path / "old", "--jobs", 2, "--skip-existing")
    assert again.exit_code == 0, again.output


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


def everything(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("more", [(), ("--overwrite",), ("--skip-existing",)])
def test_aging_what_lies_among_the_results_replaces_no_photo(album, tmp_path, more):
    out = tmp_path / "set"
    (out / "clean").mkdir(parents=True)
    photo = Photo.from_array(np.full((40, 50, 3), 99, np.uint8))
    write(photo, out / "clean" / "x.jpg")
    (out / "clean" / "x.png").write_bytes((album / "0.png").read_bytes())
    before = everything(out)
    done = call(out / "clean", "-o", out, *more)
    assert done.exit_code == 2 and "would replace one of the photos" in done.output, done.output
    assert everything(out) == before


def test_a_link_to_a_photo_is_no_place_for_a_result(album, tmp_path):
    (tmp_path / "old" / "mask").mkdir(parents=True)
    (tmp_path / "old" / "mask" / "0.png").hardlink_to(album / "1.png")
    done = call(album, "-o", tmp_path / "old", "--overwrite")
    assert done.exit_code == 2 and "would replace one of the photos" in done.output, done.output


@pytest.mark.parametrize("kind", ["aged", "clean", "mask", "kinds", "classes", "history"])
@pytest.mark.parametrize("more", [(), ("--skip-existing",)])
def test_what_somebody_else_wrote_is_left_alone(album, tmp_path, kind, more):
    out = tmp_path / "old"
    (out / kind).mkdir(parents=True)
    place = out / kind / ("0.json" if kind == "history" else "0.png")
    place.write_bytes(b"{[not ours")
    done = call(album / "0.png", "-o", out, *more)
    assert done.exit_code == 1 and f"{place} exists" in done.output, done.output
    assert place.read_bytes() == b"{[not ours"
    assert not [
        path for path in everything(out) if path not in (place, out / "classes/legend.json")
    ]
    assert call(album / "0.png", "-o", out, "--overwrite").exit_code == 0
    assert place.read_bytes() != b"{[not ours"


def test_a_file_that_is_no_legend_is_left_alone(album, tmp_path):
    legend = tmp_path / "old" / "classes" / "legend.json"
    legend.parent.mkdir(parents=True)
    legend.write_text('{"mine": 1}')
    done = call(album, "-o", tmp_path / "old")
    assert done.exit_code == 1 and "is no legend; use --overwrite" in done.output
    assert legend.read_text() == '{"mine": 1}'
    assert call(album, "-o", tmp_path / "old", "--overwrite").exit_code == 0


def test_what_was_replaced_comes_back_where_the_work_fails(album, tmp_path, monkeypatch):
    out = tmp_path / "old"
    assert call(album, "-o", out).exit_code == 0
    before = everything(out)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(aging, "write_palette", fail)
    assert call(album, "-o", out, "--seed", "5", "--overwrite").exit_code == 1
    assert everything(out) == before


@pytest.mark.parametrize("earlier", [(), ("--seed", "7")])
def test_what_a_killed_run_left_is_done_again(album, tmp_path, monkeypatch, earlier):
    out = tmp_path / "old"
    call(album, "-o", out)
    whole = results(out)

    class Killed(BaseException):
        """Nothing can be tidied up after it."""

    def kill(*_):
        left.update(everything(out))
        raise Killed

    left = {}
    for path in everything(out):
        path.unlink()
    if earlier:
        call(album / "0.png", "-o", out, *earlier)
    monkeypatch.setattr(aging, "write_palette", kill)
    with pytest.raises(Killed):
        call(album, "-o", out, "--overwrite")
    for path in everything(out):
        path.unlink()
    for path, data in left.items():
        path.write_bytes(data)
    monkeypatch.undo()
    assert len(left) > 3
    done = call(album, "-o", out, "--skip-existing")
    assert done.exit_code == 0, done.output
    assert results(out) == whole


def test_the_history_names_a_photo_on_another_drive(album, tmp_path, monkeypatch):
    real = aging.os.path.relpath

    def other_drive(path, start=None):
        if "album" in str(path):
            raise ValueError("path is on mount 'D:', start on mount 'C:'")
        return real(path, start)

    monkeypatch.setattr(aging.os.path, "relpath", other_drive)
    assert call(album / "0.png", "-o", tmp_path / "old").exit_code == 0
    told = json.loads((tmp_path / "old" / "history" / "0.json").read_text())
    assert told["photo"]["path"] == (album / "0.png").as_posix()


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


@pytest.mark.parametrize("count", [1, 2, 8])
def test_a_sheet_is_as_wide_as_its_pictures(album, tmp_path, count):
    sheet = tmp_path / "s.png"
    words = ("-o", tmp_path / "old", "--count", count, "--sheet", sheet, "--beside", album)
    done = call(album / "0.png", *words)
    assert done.exit_code == 0, done.output
    assert read(sheet).size[1] == min(count, 6) * (CELL_PX + GAP_PX)


def test_the_legend_names_every_class_however_narrow_the_sheet():
    one, six = _legend(CELL_PX + GAP_PX), _legend(6 * (CELL_PX + GAP_PX))
    assert one.shape[0] > six.shape[0]
    for strip in (one, six):
        shown = {tuple(pixel) for pixel in np.rint(255 * strip.reshape(-1, 3)).astype(int)}
        assert set(COLORS.values()) <= shown


@pytest.mark.parametrize(
    ("sheet", "says"),
    [
        ("album/0.png", "is one of the photos"),
        ("album/other.png", "other.png exists, and unfade did not write it"),
        ("old/aged/1.png", "is one of the photos"),
        ("old/mask/1.png", "is one of the photos"),
        ("real/r.png", "is one of the photos"),
        ("s.gif", "expected a suffix of"),
    ],
)
def test_a_sheet_replaces_no_photo(album, tmp_path, monkeypatch, sheet, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real").mkdir()
    for path in (album / "other.png", tmp_path / "real" / "r.png"):
        path.write_bytes((album / "0.png").read_bytes())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.png")}
    more = () if "other" in sheet else ("--overwrite",)
    inputs = [album / f"{number}.png" for number in range(3)]
    done = call(*inputs, "-o", "old", "--sheet", sheet, "--beside", "real", *more)
    assert done.exit_code == 2 and says in " ".join(done.output.split()), done.output
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*.png")}


def test_beside_without_a_sheet_is_refused(album, tmp_path):
    done = call(album, "-o", tmp_path / "old", "--beside", album)
    assert done.exit_code == 2
    assert "--beside needs --sheet" in done.output


@pytest.mark.parametrize("preset", ["print-bw", "print-color", "slide"])
def test_a_grey_photo_ages_as_the_same_photo_in_color_does(preset, tmp_path):
    grey = cv2.resize(np.random.default_rng(0).random((6, 8), np.float32), (96, 72))[:, :, None]
    for name, pixels in (("grey", grey), ("color", np.repeat(grey, 3, 2))):
        (tmp_path / name).mkdir()
        write(Photo(pixels), tmp_path / name / "same.png")
        words = ("--preset", preset, "--severity", "0.9", "--seed", "4")
        assert call(tmp_path / name, "-o", tmp_path / "old" / name, *words).exit_code == 0
    assert read(tmp_path / "grey" / "same.png").pixels.shape[2] == 1
    old = results(tmp_path / "old")
    for kind in ("aged", "clean"):
        assert old[f"grey/{kind}/same.png"] == old[f"color/{kind}/same.png"]
    aged = read(tmp_path / "old" / "grey" / "aged" / "same.png").pixels
    assert np.ptp(aged.mean(axis=(0, 1))) > 5 / 255


@pytest.mark.parametrize("bits", [1, 8, 16])
def test_grey_photos_of_any_depth_become_color(bits, tmp_path):
    import pyvips

    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (48, 1))
    if bits == 1:
        image = pyvips.Image.new_from_array((ramp > 0.5).astype(np.uint8) * 255)
        image.cast("uchar").pngsave(str(tmp_path / "g.png"), bitdepth=1)
    else:
        top = 2**bits - 1
        cv2.imwrite(str(tmp_path / "g.png"), np.rint(ramp * top).astype(f"uint{bits}"))
    assert call(tmp_path / "g.png", "-o", tmp_path / "old").exit_code == 0
    clean = read(tmp_path / "old" / "clean" / "g.png")
    assert clean.metadata.bits == max(8, bits)
    wanted = (ramp > 0.5).astype(np.float32) if bits == 1 else ramp
    np.testing.assert_allclose(clean.pixels, np.repeat(wanted[:, :, None], 3, 2), atol=0.6 / 255)


def test_a_grey_profile_is_left_behind_with_its_numbers_turned_into_srgb(tmp_path):
    linear = Profile("linear grey", (Curve(1.0),))
    told = Metadata(profile=linear, fields={"icc-profile-data": write_profile(linear)})
    write(Photo(np.full((40, 60, 1), 0.5, np.float32), metadata=told), tmp_path / "g.tif")
    assert read(tmp_path / "g.tif").metadata.profile is not None
    assert call(tmp_path / "g.tif", "-o", tmp_path / "old").exit_code == 0
    clean = read(tmp_path / "old" / "clean" / "g.png")
    assert clean.metadata.profile is None and "icc-profile-data" not in clean.metadata.fields
    # Half of the light, encoded as sRGB.
    assert clean.pixels.mean() == pytest.approx(0.735, abs=0.01)


def shape_folder(folder):
    """A library with one shape of each class."""
    for name in {name for each in STATISTICS.values() for name in each.pictures} | {"dirt"}:
        (folder / name).mkdir(parents=True)
        cv2.imwrite(str(folder / name / "0.png"), np.full((9, 5 + len(name)), 200, np.uint8))
    return folder


def test_a_library_that_changed_is_noticed_when_going_on(album, tmp_path):
    words = ("-o", tmp_path / "old", "--library", shape_folder(tmp_path / "lib"), "--skip-existing")
    assert call(album, *words).exit_code == 0
    assert call(album, *words).exit_code == 0
    cv2.imwrite(str(tmp_path / "lib" / "dirt" / "0.png"), np.full((9, 5), 90, np.uint8))
    changed = call(album, *words)
    assert changed.exit_code == 1
    assert "was made with another library (or its files changed)" in changed.output


def test_a_library_may_be_moved(album, tmp_path):
    place = shape_folder(tmp_path / "lib")
    before = library_checksum(place)
    assert before == library_checksum(place.rename(tmp_path / "moved"))
    assert library_checksum("") == ""


def test_what_earlier_versions_wrote_is_taken_for_done(album, tmp_path):
    call(album, "-o", tmp_path / "old")
    for path in (tmp_path / "old" / "history").iterdir():
        told = json.loads(path.read_text())
        for name in ("what", "photo", "aged", "library_sha256"):
            del told[name]
        path.write_text(json.dumps(told))
    assert call(album, "-o", tmp_path / "old", "--skip-existing").exit_code == 0


def test_one_photo_that_cannot_be_read_does_not_cost_the_sheet(album, tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    (real / "broken.png").write_bytes((album / "0.png").read_bytes()[:60])
    words = ("-o", tmp_path / "old", "--sheet", tmp_path / "s.png", "--beside", real)
    alone = call(album, *words)
    assert alone.exit_code == 1 and "that can be read" in alone.output
    (real / "whole.png").write_bytes((album / "0.png").read_bytes())
    done = call(album, *words, "--skip-existing")
    assert done.exit_code == 0, done.output
    assert "left off the sheet: " in done.output and "broken.png" in done.output
    assert read(tmp_path / "s.png").size


def replay(*words):
    return CliRunner().invoke(unfade, ["replay", *map(str, words)])


@pytest.mark.parametrize("preset", ["print-bw", "slide", "random-order", "grey-noise-texture"])
def test_the_history_replays_the_aging(preset, album, tmp_path):
    out = tmp_path / "old"
    assert call(album, "-o", out, "--preset", preset, "--severity", "0.9").exit_code == 0
    histories = sorted((out / "history").iterdir())
    done = replay(*histories, "-o", tmp_path / "again")
    assert done.exit_code == 0, done.output
    assert done.output.count(": identical") == 3
    for path in (tmp_path / "again").iterdir():
        assert path.read_bytes() == (out / "aged" / path.name).read_bytes()


def test_an_aging_is_replayed_with_its_library_and_from_a_moved_photo(album, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shape_folder(tmp_path / "lib")
    words = ("-o", "old", "--library", "lib", "--preset", "film-35mm", "--severity", "1")
    assert call("album/0.png", *words).exit_code == 0
    monkeypatch.chdir(album)
    (album / "0.png").rename(album / "moved.png")
    history = tmp_path / "old" / "history" / "0.json"
    lost = replay(history)
    assert lost.exit_code == 1 and "--photo FILE says where it is" in lost.output
    found = replay(history, "--photo", album / "moved.png")
    assert found.exit_code == 0, found.output
    cv2.imwrite(str(tmp_path / "lib" / "dirt" / "1.png"), np.full((9, 5), 90, np.uint8))
    changed = replay(history, "--photo", album / "moved.png")
    assert "the library changed" in changed.output


def test_an_aged_photo_that_was_altered_is_told(album, tmp_path):
    assert call(album / "0.png", "-o", tmp_path / "old").exit_code == 0
    history, aged = tmp_path / "old" / "history" / "0.json", tmp_path / "old" / "aged" / "0.png"
    whole = aged.read_bytes()
    aged.write_bytes((album / "1.png").read_bytes())
    done = replay(history)
    assert done.exit_code == 1 and ": identical" in done.output
    assert f"altered: {aged} is not the one" in done.output and "pixels differ" in done.output
    done = replay(history, "-o", aged.parent, "--overwrite", "--memory", "1G")
    assert done.exit_code == 1 and "pixels differ" in done.output
    assert aged.read_bytes() == whole and replay(history).exit_code == 0


def test_every_path_of_a_history_is_checked(album, tmp_path, monkeypatch):
    from unfade import replay as replaying
    from unfade.cli import reaging

    shapes, seen = shape_folder(tmp_path / "lib"), []
    words = ("--library", shapes, "--preset", "film-35mm", "--severity", "1")
    assert call(album / "0.png", "-o", tmp_path / "old", *words).exit_code == 0
    for module in (replaying, reaging):
        monkeypatch.setattr(module, "check_share", lambda path, home: seen.append(path))
    assert replay(tmp_path / "old" / "history" / "0.json").exit_code == 0
    assert {album / "0.png", tmp_path / "old" / "aged" / "0.png", shapes} <= set(seen)
    assert seen.count(shapes) > 1


def test_what_differs_in_a_replayed_aging_is_named(album, tmp_path):
    assert call(album / "0.png", "-o", tmp_path / "old").exit_code == 0
    history = tmp_path / "old" / "history" / "0.json"
    done = replay(history, "--photo", album / "1.png")
    assert done.exit_code == 1
    assert "the photo changed" in done.output and "pixels differ" in done.output
    told = json.loads(history.read_text())
    del told["what"]
    history.write_text(json.dumps(told))
    assert "an aging of an earlier unfade" in replay(history).output
    history.write_text(json.dumps({"what": "unfade aging"}))
    assert "not as `unfade age` writes it" in replay(history).output
