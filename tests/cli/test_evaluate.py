"""`unfade evaluate`, from options to files."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from unfade.cli.main import unfade
from unfade.io.write import write
from unfade.photo import Photo


def call(*arguments):
    return CliRunner().invoke(unfade, ["evaluate", *map(str, arguments)])


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(("a.png", "b.png")):
        pixels = np.linspace(0.1, 0.9, 40 * 48 * 3).reshape(40, 48, 3)
        pixels[:, number * 20 : number * 20 + 8] *= 0.5
        write(Photo(pixels.astype(np.float32)), folder / name)
    return folder


def figures_of(folder):
    rows = json.loads((folder / "evaluation.json").read_text("utf-8"))["rows"]
    return [{**row, "cost": None} for row in rows]


def test_two_runs_with_one_seed_give_identical_figures(photos, tmp_path):
    options = ("--data", photos, "--aging", "film-35mm", "--baseline", "median,identity")
    for name, more in (("one", ()), ("two", ("--no-store",)), ("other", ("--seed", "1"))):
        result = call(*options, "--no-clean", "-o", tmp_path / name, *more)
        assert result.exit_code == 0, result.output
    assert figures_of(tmp_path / "one") == figures_of(tmp_path / "two")
    assert figures_of(tmp_path / "one") != figures_of(tmp_path / "other")
    assert {p.name for p in (tmp_path / "one").iterdir()} == {
        *("index.html", "evaluation.json", "photos.csv", ".results")
    }
    assert not (tmp_path / "two" / ".results").exists()


def test_severities_and_methods_are_all_combined(photos, tmp_path):
    result = call(
        *("--data", photos, "--aging", "slide,print-bw", "--severity", "0.2,0.7", "--json"),
        *("--recipe", "baseline:median", "--baseline", "identity", "-o", tmp_path / "x"),
    )
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert len(told["rows"]) == 2 * (2 * 2 * 2 + 2)
    assert [e["method"] for e in told["summary"][:2]] == ["median", "identity"]
    assert told["about"]["facts"]["aged by"] == "slide 0.2, slide 0.7, print-bw 0.2, print-bw 0.7"


def test_a_bad_file_is_told_and_stops_nothing(photos, tmp_path):
    (photos / "aa.jpg").write_bytes(b"no")
    result = call(
        "--data", photos, "--aging", "slide", "--baseline", "identity", "-o", tmp_path / "x"
    )
    assert result.exit_code == 1
    assert "aa.jpg: identity: slide 0.5 failed" in result.output
    assert sum(not row["error"] for row in figures_of(tmp_path / "x")) == 4


def test_real_photos_pairs_and_the_results_of_others(photos, tmp_path):
    result = call("--data", photos, "--baseline", "median", "-o", tmp_path / "real")
    assert result.exit_code == 0, result.output
    assert {row["kind"] for row in figures_of(tmp_path / "real")} == {"real"}
    theirs = tmp_path / "theirs"
    shutil.copytree(photos, theirs)
    result = call(
        *("--pairs", photos, theirs, "--compare", theirs, "--limit", "1", "-o", tmp_path / "pairs")
    )
    assert result.exit_code == 0, result.output
    (row,) = figures_of(tmp_path / "pairs")
    assert (row["method"], row["photo"], row["figures"]["psnr"]) == ("theirs", "a.png", 100)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "either --data DIR or --pairs"),
        (("--data", ".", "--masks", "."), "--masks goes with --pairs"),
        (("--data", ".", "--severity", "0.2"), "--severity goes with --aging"),
        (("--data", ".", "--seed", "0"), "--seed goes with --aging"),
        (("--data", ".", "--library", "."), "--library goes with --aging"),
        (("--pairs", ".", ".", "--part", "val"), "--part goes with --aging"),
        (("--data", ".", "--network", "gone.onnx"), "gone.onnx: no such file"),
        (("--pairs", ".", ".", "--aging", "slide"), "pairs are aged already"),
        (("--data", ".", "--aging", "fire"), "no aging preset 'fire'"),
        (("--data", ".", "--severity", "2"), "within 0 to 1"),
        (("--data", ".", "--baseline", "magic"), "no baseline 'magic'"),
        (("--data", ".", "--command", "tool"), "must hold {input} and {output}"),
        (("--data", "."), "holds no photo"),
    ],
)
def test_what_does_not_fit_is_told(arguments, says, photos, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    with_photos = {"magic", "tool", "gone.onnx"} & {*arguments}
    monkeypatch.chdir(photos if with_photos else empty)
    result = call(*arguments)
    assert result.exit_code in (1, 2) and says in " ".join(result.output.split())


def test_of_real_photos_it_says_what_changed(photos, tmp_path):
    done = call("--data", photos, "--baseline", "median", "-o", tmp_path / "x")
    lines = [line for line in done.output.splitlines() if "median" in line]
    assert len(lines) == 3
    for line in lines:
        assert re.search(r"noise [\d.e-]+ to [\d.e-]+, blur [\d.]+ to [\d.]+, contrast ", line)
    assert "median, real: 2 photos: noise" in done.output


def test_a_method_that_always_fails_is_told_at_the_end(photos, tmp_path):
    done = call(
        *("--data", photos, "--baseline", "identity", "-o", tmp_path / "x"),
        *("--command", "false {input} {output}"),
    )
    assert done.exit_code == 1
    assert re.search(r"false-\w+, real: 0 photos, 2 failed$", done.output, re.MULTILINE)


def test_baselines_are_listed():
    result = call("--baseline", "list")
    assert "navier-stokes-true-mask" in result.output and "bm3d" in result.output


def test_the_page_of_the_manual_names_every_option_and_no_other():
    from unfade.cli.evaluate import command

    page = Path(__file__).parents[2] / "docs" / "evaluate.md"
    shown = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", page.read_text("utf-8")))
    known = {name for o in command.params for name in (*o.opts, *o.secondary_opts)}
    assert shown <= known
    common = {"--clean", "--engine", "--threads", "--memory", "--json", "--out", "-o"}
    assert known - shown <= common


def test_the_code_of_the_manual_is_python():
    page = Path(__file__).parents[2] / "docs" / "evaluate.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        compile(block, page.name, "exec")


@pytest.mark.parametrize("name", ["index.html", "photos.csv", "evaluation.json"])
def test_what_somebody_else_wrote_is_not_replaced(photos, tmp_path, name):
    out, words = tmp_path / "web", ("--data", photos, "--baseline", "identity", "-o")
    out.mkdir()
    (out / name).write_text("mine", "utf-8")
    refused = call(*words, out)
    assert refused.exit_code == 2, refused.output
    assert f"{name} is there, and unfade did not write it" in " ".join(refused.output.split())
    assert [path.name for path in out.iterdir()] == [name]
    assert (out / name).read_text("utf-8") == "mine"


def test_an_earlier_evaluation_is_replaced(photos, tmp_path):
    words = ("--data", photos, "--baseline", "identity", "-o", tmp_path / "x")
    assert call(*words).exit_code == 0
    (tmp_path / "x" / "evaluation.json").write_bytes(b"")
    again = call(*words)
    assert again.exit_code == 0, again.output
    assert figures_of(tmp_path / "x")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
def test_a_name_that_is_no_unicode_costs_no_evaluation(photos, tmp_path):
    (photos / "a.png").rename(photos / os.fsdecode(b"M\xfcller.png"))
    result = call("--data", photos, "--baseline", "median", "-o", tmp_path / "x")
    assert result.exit_code == 1 and "codec" not in result.output.splitlines()[-1]
    assert [row["photo"] for row in figures_of(tmp_path / "x") if not row["error"]] == ["b.png"]
    names = {row["photo"] for row in figures_of(tmp_path / "x")}
    assert names == {"M\udcfcller.png", "b.png"}
    assert "M\\udcfcller.png" in (tmp_path / "x" / "photos.csv").read_text("utf-8")
    assert "M\\udcfcller.png" in (tmp_path / "x" / "index.html").read_text("utf-8")
