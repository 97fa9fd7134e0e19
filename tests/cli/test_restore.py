"""`unfade restore`: files, folders, patterns, bad files, dry runs, Ctrl-C."""

import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from click.testing import CliRunner

from unfade.cli.main import unfade
from unfade.io.read import read
from unfade.io.write import write_plane
from unfade.recipe import Finding

from .conftest import STUBS, USUAL

pytestmark = pytest.mark.usefixtures("house")


def call(*arguments):
    return CliRunner().invoke(unfade, ["restore", *map(str, arguments)], catch_exceptions=False)


def files(folder, sidecars=False):
    """All that lies in a folder, but for the ledger."""
    found = (
        p.relative_to(folder).as_posix()
        for p in folder.rglob("*")
        if p.is_file() and ".unfade" not in p.parts
    )
    return sorted(name for name in found if sidecars or not name.endswith(".unfade.json"))


def bomb(path, side=60_000):
    """A PNG of a few bytes that says it is enormous."""

    def chunk(name, data):
        crc = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + crc

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def test_a_folder_is_mirrored_and_the_originals_stay(album, tmp_path):
    before = {name: (album / name).read_bytes() for name in files(album)}
    result = call(album, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert files(tmp_path / "out") == ["1968/b.tif", "1968/summer/c.jpg", "a.png"]
    assert {name: (album / name).read_bytes() for name in files(album)} == before
    assert "3 done, 2 skipped" in result.output
    assert ".DS_Store: not a photo" in result.output


def test_every_output_has_a_sidecar_unless_none_is_wanted(album, tmp_path):
    call(album, "-o", tmp_path / "out")
    written = files(tmp_path / "out")
    assert files(tmp_path / "out", sidecars=True) == sorted(
        [*written, *(f"{name}.unfade.json" for name in written)]
    )
    call(album, "-o", tmp_path / "bare", "--no-sidecar", "--premis")
    assert files(tmp_path / "bare", sidecars=True) == sorted(
        [*written, *(f"{name}.premis.xml" for name in written)]
    )


def test_an_album_shows_all_photos_and_what_failed(album, tmp_path):
    (album / "empty.jpg").write_bytes(b"")
    page = tmp_path / "page" / "index.html"
    result = call(album, "-o", tmp_path / "out", "--album", page.parent)
    assert result.exit_code == 1 and f"album: {page}" in result.output
    text = page.read_text("utf-8")
    assert "4 photos: 3 restored, 1 failed." in text and "empty.jpg" in text
    (album / "empty.jpg").write_bytes((album / "1968" / "summer" / "c.jpg").read_bytes())
    call(album, "-o", tmp_path / "out", "--album", page.parent)
    assert "4 photos: 4 restored." in page.read_text("utf-8")


def test_a_certificate_that_does_not_do_is_told_before_any_photo_is_read(album, tmp_path):
    pytest.importorskip("c2pa")
    (tmp_path / "key.pem").write_text("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END")
    files_of = ("--c2pa-cert", tmp_path / "key.pem", "--c2pa-key", tmp_path / "key.pem")
    cases = ((files_of, 1, "PKCS #8"), (files_of[:2], 2, "only one was given"))
    for options, code, words in cases:
        result = CliRunner().invoke(
            unfade, ["restore", str(album), "-o", str(tmp_path / "out"), *map(str, options)]
        )
        assert result.exit_code == code and words in result.output
    assert not (tmp_path / "out").exists()


def test_only_the_scratch_is_changed(album, tmp_path):
    call(album / "a.png", "-o", tmp_path / "new.png")
    before, after = read(album / "a.png").to_array(), read(tmp_path / "new.png").to_array()
    assert (after[:, 5] == 128).all()
    assert np.array_equal(np.delete(after, 5, axis=1), np.delete(before, 5, axis=1))


def test_without_out_the_result_lies_beside_the_photo(album):
    result = call(album / "a.png")
    assert result.exit_code == 0
    assert (album / "a.restored.png").is_file()


def test_a_folder_restored_twice_is_not_restored_again_from_its_results(album):
    call(album)
    result = call(album, "--skip-existing")
    assert result.exit_code == 0
    assert not [name for name in files(album) if "restored.restored" in name]
    assert "exists" in result.output and "an earlier result" in result.output


def test_a_folder_that_holds_its_album_is_restored_again_without_it(album, tmp_path, monkeypatch):
    monkeypatch.chdir(album)
    for _ in range(2):
        result = call(".", "-o", "out", "--album", "page")
        assert result.exit_code == 0, result.output
    assert "photos: an album of earlier results" in result.output
    assert files(album / "out") == ["1968/b.tif", "1968/summer/c.jpg", "a.png"]


def test_a_folder_restored_into_itself_twice_does_not_restore_its_results(album):
    folder = album / "1968" / "summer"
    for _ in range(2):
        result = call(folder, "-o", folder, "--format", "png")
        assert result.exit_code == 0, result.output
    assert files(folder) == ["c.jpg", "c.png"]
    assert "c.png: an earlier result" in result.output


def test_a_batch_goes_on_under_its_names_after_its_folder_moved(album, tmp_path, monkeypatch):
    calm, out = STUBS["inpaint"].__call__, tmp_path / "out"

    def interrupt(stage, photo, darkroom):
        os.kill(os.getpid(), signal.SIGINT)
        return calm(stage, photo, darkroom)

    with monkeypatch.context() as first:
        first.setattr(STUBS["inpaint"], "__call__", interrupt)
        assert call(album, "-o", out).exit_code == 130
    moved = album.rename(tmp_path / "moved")
    result = call(moved, "-o", out)
    assert result.exit_code == 0, result.output
    assert files(out) == ["1968/b.tif", "1968/summer/c.jpg", "a.png"]


def test_existing_results_are_kept_unless_asked(album, tmp_path):
    out = tmp_path / "out"
    call(album / "a.png", "-o", out)
    (out / "a.png").write_bytes(b"precious")
    refused = call(album / "a.png", "-o", out)
    assert refused.exit_code == 1 and "--overwrite" in refused.output
    assert call(album / "a.png", "-o", out, "--skip-existing").exit_code == 0
    assert (out / "a.png").read_bytes() == b"precious"
    assert call(album / "a.png", "-o", out, "--overwrite").exit_code == 0
    assert (out / "a.png").read_bytes() != b"precious"
    assert call(album, "--overwrite", "--skip-existing").exit_code == 2


def test_a_folder_restored_again_does_only_what_changed(album, tmp_path):
    out = tmp_path / "out"
    assert "3 done" in call(album, "-o", out).output
    again = call(album, "-o", out)
    assert again.exit_code == 0
    assert "5 skipped" in again.output and "nothing changed since" in again.output
    assert "3 done" in call(album, "-o", out, "--only", "damage").output
    (album / "a.png").write_bytes((album / "1968" / "b.tif").read_bytes())
    assert "1 done, 4 skipped" in call(album, "-o", out, "--only", "damage").output


def test_failed_photos_are_tried_again_when_asked(album, tmp_path):
    out = tmp_path / "out"
    (album / "empty.jpg").write_bytes(b"")
    call(album, "-o", out)
    assert "--retry-failed tries it again" in call(album, "-o", out).output
    again = call(album, "-o", out, "--retry-failed")
    assert "1 failed" in again.output and "--retry-failed" not in again.output
    assert call(album, "--retry-failed").exit_code == 2


@pytest.mark.parametrize("jobs", ["0", "many", "-1"])
def test_a_number_of_processes_that_is_none_is_a_mistake(album, tmp_path, jobs):
    assert call(album, "-o", tmp_path / "out", "--jobs", jobs).exit_code == 2


def test_several_processes_restore_a_folder(album, tmp_path):
    out = tmp_path / "out"
    options = ["--jobs", "2", "--timeout", "120"]
    recipe = tmp_path / "mine.toml"
    recipe.write_text('name = "mine"\n', "utf-8")
    result = call(album, "-o", out, *options, "--recipe", recipe)
    assert "3 done" in result.output, result.output
    assert files(out) == ["1968/b.tif", "1968/summer/c.jpg", "a.png"]


def test_results_never_replace_their_originals(album):
    before = (album / "a.png").read_bytes()
    result = call(album / "a.png", "-o", album, "--overwrite")
    assert result.exit_code == 1 and "original" in result.output
    assert (album / "a.png").read_bytes() == before


def test_bad_files_are_reported_and_the_others_are_done(album, tmp_path):
    photo = (album / "1968" / "summer" / "c.jpg").read_bytes()
    (album / "truncated.jpg").write_bytes(photo[: len(photo) // 2])
    (album / "empty.jpg").write_bytes(b"")
    (album / "text.jpg").write_text("dear diary")
    bomb(album / "bomb.png")
    out = tmp_path / "out"
    result = call(album, "-o", out)
    assert result.exit_code == 1
    assert "3 done, 2 skipped, 4 failed" in result.output
    for name in ("truncated.jpg", "empty.jpg", "text.jpg", "bomb.png"):
        assert any(
            line.startswith("  failed") and name in line for line in result.output.split("\n")
        )
    assert files(out) == ["1968/b.tif", "1968/summer/c.jpg", "a.png"]


def test_a_non_photo_is_an_error_only_where_it_is_named(album, tmp_path):
    assert call(album, "-o", tmp_path / "x").exit_code == 0
    assert call(album / ".DS_Store", "-o", tmp_path / "y").exit_code == 1
    assert call(album / "a.png", album / "notes.txt", "-o", tmp_path / "z").exit_code == 1
    assert files(tmp_path / "z") == ["a.png"]


def test_a_folder_without_photos_is_an_error(tmp_path):
    (tmp_path / "empty").mkdir()
    result = call(tmp_path / "empty")
    assert result.exit_code == 1 and "no photos" in result.output


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(album, tmp_path):
    before = files(tmp_path)
    result = call(album, "-o", tmp_path / "out", "--dry-run", "--report", "--save-mask")
    assert result.exit_code == 0
    assert files(tmp_path) == before
    assert "3 planned" in result.output and "about" in result.output
    assert str(tmp_path / "out" / "1968" / "b.tif") in result.output
    assert "depends on what damage finds" in result.output


def test_a_dry_run_in_short_is_a_line_for_each_photo(album, tmp_path):
    lines = call(album, "-o", tmp_path / "out", "--dry-run", "--brief").stdout.splitlines()
    photo = album / "a.png"
    assert any(
        re.fullmatch(rf"{re.escape(str(photo))}: clean; damage looked for; \d\.\d s", line)
        for line in lines
    )
    assert sum(line.startswith(str(album)) for line in lines) == 3
    assert "->" not in "".join(lines) and any("3 planned" in line for line in lines)


def test_json_is_one_document_and_nothing_else(album, tmp_path):
    (album / "empty.jpg").write_bytes(b"")
    result = call(album, "-o", tmp_path / "out", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert told["counts"] == {"done": 3, "skipped": 2, "failed": 1, "planned": 0}
    done = next(o for o in told["outcomes"] if o["state"] == "done")
    assert [line["stage"] for line in done["evidence"]] == list(USUAL)


def test_the_recipe_is_edited_as_asked(album, tmp_path):
    out = tmp_path / "new.png"
    before = read(album / "a.png").to_array()
    for options in (["--without", "inpaint,denoise"], ["--only", "damage"], ["--strength", "0"]):
        assert call(album / "a.png", "-o", out, "--overwrite", *options).exit_code == 0
        assert np.array_equal(read(out).to_array(), before)
    result = call(album / "a.png", "-o", out, "--overwrite", "--set", "inpaint.strength=0.5")
    assert result.exit_code == 0
    assert abs(int(read(out).to_array()[0, 5, 0]) - 191) <= 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--without", "sharpen"], "no stage 'sharpen'"),
        (["--set", "inpaint.volume=11"], "no setting 'volume'"),
        (["--set", "inpaint.strength=2"], "within 0 to 1"),
        (["--recipe", "polaroid"], "no recipe 'polaroid'"),
        (["--engine", "steam"], "no engine 'steam'"),
        (["--memory", "plenty"], "2G or 512M"),
        (["--memory", "1M"], "at least 64 MiB"),
        (["--strength", "1.5"], "1.5"),
    ],
)
def test_a_mistake_is_told_in_one_line_before_any_photo_is_read(album, tmp_path, options, words):
    result = CliRunner().invoke(
        unfade, ["restore", str(album), "-o", str(tmp_path / "out"), *options]
    )
    assert result.exit_code in (1, 2)
    assert words in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_a_recipe_of_my_own_is_used(album, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\n[[stage]]\nuse = "damage"\n', "utf-8")
    result = call(album / "a.png", "-o", tmp_path / "new.png", "--recipe", path)
    assert result.exit_code == 0 and "recipe mine" in result.output


def test_masks_steps_and_reports_are_written_when_asked(album, tmp_path):
    options = ["--save-mask", "--keep-steps", "--report"]
    result = call(album / "a.png", "-o", tmp_path / "out", *options)
    assert result.exit_code == 0, result.output
    assert files(tmp_path / "out") == [
        "a.png",
        "a.png.mask.png",
        "a.png.report.html",
        "a.png.step-3-inpaint.png",
    ]


def test_a_dry_run_knows_what_is_done_already(album, tmp_path):
    options = ("-o", tmp_path / "out", "--only", "damage")
    call(album, *options)
    result = call(album, *options, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "5 skipped" in result.output and "done already" in result.output


def test_a_photo_with_the_name_of_another_that_comes_later_changes_nothing(album, tmp_path):
    out, options = tmp_path / "out", ("--format", "tiff", "--only", "damage")
    assert call(album / "a.png", "-o", f"{out}/", *options).exit_code == 0
    before = (out / "a.tif").read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(album / "1968" / "summer" / "c.jpg", other / "a.jpg")
    result = call(other / "a.jpg", album / "a.png", "-o", out, *options)
    assert result.exit_code == 0, result.output
    assert (out / "a.tif").read_bytes() == before and (out / "a-2.tif").exists()
    assert "1 done" in result.output and "1 skipped" in result.output


def test_my_own_mask_is_used(album, tmp_path):
    mask = np.zeros((24, 32), np.float32)
    mask[:3] = 1
    write_plane(mask, tmp_path / "mine.png")
    call(album / "a.png", "-o", tmp_path / "new.png", "--mask", tmp_path / "mine.png")
    changed = (read(tmp_path / "new.png").pixels != read(album / "a.png").pixels).any(axis=2)
    assert np.array_equal(changed, mask > 0)


def test_format_and_depth_can_be_chosen(album, tmp_path):
    result = call(album, "-o", tmp_path / "out", "--format", "tiff", "--bits", "16")
    assert result.exit_code == 0, result.output
    assert files(tmp_path / "out") == ["1968/b.tif", "1968/summer/c.tif", "a.tif"]
    assert read(tmp_path / "out" / "a.tif").metadata.bits == 16


@pytest.mark.parametrize(("presses", "done"), [(1, 2), (2, 1)])
def test_ctrl_c_finishes_the_photo_at_work_and_twice_leaves_it(
    album, tmp_path, monkeypatch, presses, done
):
    calm, seen = STUBS["inpaint"].__call__, []

    def interrupt(stage, photo, darkroom):
        seen.append(photo.metadata.source)
        if len(seen) == 2:
            for _ in range(presses):
                os.kill(os.getpid(), signal.SIGINT)
        return calm(stage, photo, darkroom)

    monkeypatch.setattr(STUBS["inpaint"], "__call__", interrupt)
    before = signal.getsignal(signal.SIGINT)
    out = tmp_path / "out"
    result = call(album, "-o", out, "--save-mask", "--keep-steps", "--report")
    assert result.exit_code == 130
    assert f"{done} done" in result.output and "not begun or stopped" in result.output
    finished = tuple(n.removesuffix(".mask.png") for n in files(out) if n.endswith(".mask.png"))
    assert len(finished) == done
    assert all(name.startswith(finished) for name in files(out))
    assert len(seen) == 2
    assert signal.getsignal(signal.SIGINT) is before


def test_a_recipe_is_chosen_and_the_reason_told(album, tmp_path, monkeypatch):
    result = call(album / "a.png", "-o", tmp_path / "a.png")
    assert "recipe clean: taken as clean: nothing certain is seen" in result.output
    monkeypatch.setattr(STUBS["denoise"], "look", lambda *_: Finding(True, "noise 9.0/255"))
    result = call(album / "a.png", "-o", tmp_path / "b.png")
    assert "recipe print: taken as a print: no sign of film" in result.output
    assert "noise to reduce" in result.output


def test_many_photos_are_told_in_short_and_summed_up(album, tmp_path):
    result = call(album, "-o", tmp_path / "out", "--brief")
    assert "a.png: inpaint  (" in result.output and "recipe" not in result.output
    assert "photos changed: inpaint 3, unchanged 0" in result.output
    for number in range(3):
        shutil.copy(album / "a.png", album / f"a{number}.png")
    call(album, "-o", tmp_path / "out", "--brief")
    again = call(album, "-o", tmp_path / "out", "--brief").output
    assert "skipped  6 files: done already" in again and again.count("done already") == 1


def test_a_name_that_the_terminal_cannot_show_ends_no_batch(album, tmp_path):
    shutil.copy(album / "a.png", album / "Łódź.png")
    done = subprocess.run(
        [sys.executable, "-m", "unfade", "restore", album, "-o", tmp_path / "out"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
    )
    assert done.returncode == 0, done.stderr
    assert b"4 done" in done.stdout and (tmp_path / "out" / "Łódź.png").is_file()
