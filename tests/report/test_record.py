"""The sidecar: valid by its schema, complete, and refused where it is not one."""

import dataclasses
import json
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.errors import ReadError
from unfade.io.pages import join_pages
from unfade.io.read import read
from unfade.io.write import write, write_plane
from unfade.jobs.job import Job
from unfade.jobs.outcome import State
from unfade.jobs.run import run_job
from unfade.models.zoo import checksum
from unfade.photo import Damage
from unfade.recipe import Recipe
from unfade.report.papers import Papers
from unfade.report.record import Output, read_sidecar, relative, sidecar_dict, sidecar_path
from unfade.report.versions import differences, versions
from unfade.stages import STAGES

jsonschema = pytest.importorskip("jsonschema")
SCHEMA = json.loads(resources.files("unfade.report").joinpath("sidecar.schema.json").read_text())
GRAIN = Recipe("grain", (STAGES["measure"](), STAGES["grain"](seed=3)))


def check(told):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.validate(told, SCHEMA, format_checker=checker)
    return told


def test_a_sidecar_is_valid_by_its_schema(restored, deed, tmp_path):
    output = Output(tmp_path / "out.png", "png", deed.inputs["photo"])
    told = check(sidecar_dict(restored, deed, output, ()))
    assert told["inputs"]["photo"]["path"] == "scan.png"
    assert told["pixels"] == {"untouched": 12 * 16 - 65, "denoised": 64, "filled": 1}
    assert told["weights"] == {"net": "ab" * 32}
    assert [s["value"] for s in told["seeds"] if s["stage"] == "inpaint"] == [7]
    assert [step["marks"] for step in told["steps"]] == ["denoised", "filled"]
    assert told["software"]["openvino"] and "onnxruntime" not in told["software"]


@pytest.mark.parametrize("missing", ["what", "inputs", "recipe", "output", "weights"])
def test_the_schema_notices_what_is_missing_or_unknown(restored, deed, tmp_path, missing):
    output = Output(tmp_path / "out.png", "png", deed.inputs["photo"])
    told = sidecar_dict(restored, deed, output, ())
    for broken in (
        {k: v for k, v in told.items() if k != missing},
        {**told, "surprise": 1},
        {**told, "pixels": {"sharpened": 1}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            check(broken)


def test_the_mask_is_told_by_kind(restored, deed, tmp_path):
    damage, kinds = np.zeros((12, 16), np.float32), np.zeros((12, 16), np.uint8)
    damage[:2], kinds[0], kinds[1] = 1, Damage.DUST, Damage.SCRATCH
    photo = dataclasses.replace(restored, damage=damage, kinds=kinds)
    output = Output(tmp_path / "out.png", "png", deed.inputs["photo"])
    told = check(sidecar_dict(photo, deed, output, ()))["mask"]
    assert told["damaged_pixels"] == 32 and told["kinds"] == {"dust": 16, "scratch": 16}


def test_a_job_leaves_a_sidecar_whose_sums_are_right(scan):
    mask = np.zeros((12, 16), np.float32)
    mask[3:5] = 1
    write_plane(mask, scan.with_name("mask.png"))
    job = Job(
        str(scan),
        str(scan.with_name("new.tif")),
        Recipe("fill", (STAGES["damage"](), STAGES["inpaint"]())),
        mask=str(scan.with_name("mask.png")),
        bits=16,
        save_mask=True,
        papers=Papers(sidecar=True),
    )
    outcome = run_job(job, Darkroom())
    assert outcome.state is State.DONE, outcome.message
    names = [Path(path).name for path in outcome.files]
    assert names == ["new.tif", "new.tif.mask.png", "new.tif.unfade.json"]
    told = check(read_sidecar(sidecar_path(Path(job.target))))
    for entry in (told["output"], *told["inputs"].values(), *told["files"]):
        path = scan.parent / entry["path"]
        assert (checksum(path), path.stat().st_size) == (entry["sha256"], entry["bytes"])
    assert set(told["inputs"]) == {"photo", "mask"}
    assert told["options"] == {"bits": 16}
    assert set(told["weights"]) >= {"inpaint"}
    assert told["pixels"]["filled"] == told["steps"][1]["changed_pixels"] > 0


def test_several_pages_have_one_valid_sidecar(scan, tmp_path):
    for name in ("1.tif", "2.tif"):
        write(read(scan), tmp_path / name)
    join_pages([tmp_path / "1.tif", tmp_path / "2.tif"], tmp_path / "both.tif")
    target = tmp_path / "new.tif"
    job = Job(str(tmp_path / "both.tif"), str(target), GRAIN, papers=Papers(sidecar=True))
    outcome = run_job(job, Darkroom())
    assert outcome.state is State.DONE, outcome.message
    assert outcome.files == (str(target), str(sidecar_path(target)))
    told = check(read_sidecar(sidecar_path(target)))
    assert told["output"]["pages"] == len(told["pages"]) == 2
    signed = dataclasses.replace(job, target=str(tmp_path / "x.tif"), papers=Papers(premis=True))
    assert "one by one with --page" in run_job(signed, Darkroom()).message
    assert not (tmp_path / "x.tif").exists()


def test_a_photo_in_which_nothing_changed_is_told_as_copied(scan):
    job = Job(
        str(scan),
        str(scan.with_name("new.png")),
        Recipe("nothing", ()),
        papers=Papers(sidecar=True),
    )
    assert run_job(job, Darkroom()).state is State.DONE
    told = check(read_sidecar(sidecar_path(Path(job.target))))
    assert told["output"]["copied"] and not told["output"]["embedded"]
    assert told["output"]["sha256"] == told["inputs"]["photo"]["sha256"]
    assert told["pixels"] == {"untouched": 12 * 16}


def test_where_the_papers_fail_nothing_stays(scan, monkeypatch):
    def refuse(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr("unfade.report.papers.premis_xml", refuse)
    papers = Papers(sidecar=True, premis=True)
    job = Job(str(scan), str(scan.with_name("new.png")), GRAIN, papers=papers)
    outcome = run_job(job, Darkroom())
    assert outcome.state is State.FAILED and "disk full" in outcome.message
    assert [path.name for path in scan.parent.iterdir()] == ["scan.png"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected a sidecar in JSON"),
        ("[1]", "got other JSON"),
        ('{"what": "unfade sidecar", "schema": 2}', "expected schema 1, got 2"),
        ("[" * 100_000, "expected a sidecar in JSON"),
    ],
)
def test_what_is_no_sidecar_is_refused(tmp_path, text, words):
    path = tmp_path / "x.unfade.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ReadError, match=words):
        read_sidecar(path)


def test_a_missing_sidecar_is_told_once(tmp_path):
    path = tmp_path / "x.unfade.json"
    with pytest.raises(ReadError) as caught:
        read_sidecar(path)
    assert str(caught.value) == f"{path}: no such file; expected a sidecar (NAME.unfade.json)"


def test_paths_are_told_as_seen_from_the_sidecar(tmp_path):
    assert relative(tmp_path / "in" / "a.tif", tmp_path / "out") == "../in/a.tif"


def test_other_versions_are_told():
    here = versions(("openvino-fp32",))
    assert differences(here, here) == []
    told = differences({**here, "unfade": "0.0.1", "extra": "1"}, here)
    assert told == [f"unfade 0.0.1, here {here['unfade']}", "extra 1, here none"]
