"""The commands that measure everything: their options exist, and the page has a place for each."""

import re
import sys
from argparse import Namespace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import measure

    yield measure
    sys.modules.pop("measure")


@pytest.fixture
def args(script, tmp_path):
    for name in (*script.DETECTORS[:2], *script.RESTORERS[:1]):
        for suffix in ("onnx", "toml"):
            (tmp_path / f"{name}.{suffix}").touch()
    folders = dict.fromkeys(("data", "library", "baselines"), tmp_path)
    extras = {"dncnn": tmp_path / "net.mat", "grey": [tmp_path / "grey.onnx"], "old": ["old"]}
    extras["film"] = [tmp_path / "film.onnx"]
    return Namespace(**folders, **extras, work=tmp_path / "work", list=True)


def commands(script, args, tmp_path):
    (tmp_path / "crops").mkdir()
    return [
        [str(word) for word in command]
        for step in script.STEPS.values()
        for command in step(args, tmp_path)
    ]


def test_every_evaluation_that_is_run_is_understood(script, args, tmp_path):
    from unfade.cli.evaluate import command as evaluate
    from unfade.evaluate.baselines import BASELINES

    found = [
        c[4:] for c in commands(script, args, tmp_path) if c[1:4] == ["-m", "unfade", "evaluate"]
    ]
    assert len(found) == 6
    for words in found:
        asked = evaluate.make_context("evaluate", list(words)).params
        assert set(asked["baselines"]) <= set(BASELINES) and asked["aging"]
    (detectors,) = (w for w in found if "--network" in w and "identity" not in w)
    assert [Path(w).stem for w in detectors if w.endswith(".onnx")] == list(script.DETECTORS[:2])


def test_every_script_that_is_run_is_there_and_names_its_result(script, args, tmp_path):
    scripts = [c[1:] for c in commands(script, args, tmp_path) if c[1] != "-m"]
    assert all(Path(words[0]).is_file() for words in scripts)
    results = {Path(words[-1]).name for words in scripts if "--json" in words}
    measured = ("speed", "roofline", "scaling", "speedups", "quality", "agreement")
    others = ("inpainting", "denoising", "grey", "film", "veils", "judged-held", "judged-val")
    assert results == {f"{name}.json" for name in (*measured, *others)}
    (denoising,) = (words for words in scripts if words[0].endswith("denoising.py"))
    assert denoising[denoising.index("--dncnn") + 1] == str(args.dncnn)


def test_the_page_has_a_place_for_every_evaluation(script, args, tmp_path):
    taken = {
        words[-1].partition("=")[0]
        for words in commands(script, args, tmp_path)
        if "--take" in words
    }
    page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    assert taken == set(re.findall(r"<!-- begin evaluation ([\w-]+) -->", page))
