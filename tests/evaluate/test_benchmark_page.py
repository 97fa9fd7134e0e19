"""The tables of docs/benchmarks.md come from JSON, all of them, and replace each other."""

import copy
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import write_page

    yield write_page
    for name in ("write_page", "plan"):
        sys.modules.pop(name)


def estimate(mean, low=0, high=1):
    return {"mean": mean, "low": low, "high": high, "count": 3}


ENTRY = {
    "method": "print",
    "kind": "aged",
    "preset": "slide",
    "severity": 0.5,
    "photos": 3,
    "figures": {"psnr": estimate(25.125, 24.5, 26), "psnr_inside": estimate(20)},
    "cost": {"megapixels_per_second": 1.25},
    "damage": {
        "roc_auc": 0.9,
        "recall": {"kind dust": {"recall": 0.5, "found": 1, "present": 2}},
        "curve": [[0, 0, 0, 0]],
    },
    "distance": {},
}
EVALUATION = {
    "about": {
        "title": "print on x",
        "software": "unfade",
        "facts": {"seed": "0"},
        "networks": {"unet": {"parameters": 2_160_000}},
    },
    "summary": [ENTRY, ENTRY | {"method": "unet", "figures": {"psnr_inside": estimate(19)}}],
}
STAGES = [
    {
        "stage": "damage",
        "seconds": 6.0,
        "processor_seconds": 11.0,
        "network_seconds": 5.0,
        "network_processor_seconds": 10.0,
        "gflop": 600.0,
        "share_of_peak": 0.6,
    },
    {
        "stage": "grain",
        "seconds": 1.0,
        "processor_seconds": 1.5,
        "network_seconds": 0.0,
        "gflop": 0.0,
    }
    | {"network_seconds": 0.0, "network_processor_seconds": 0.0},
]
CONTESTANTS = [
    {
        "name": "unfade restore",
        "engine": "auto",
        "kind": "whole",
        "megapixels": 12.0,
        "seconds_per_megapixel": 0.625,
        "processor_seconds_per_megapixel": 1.2,
        "rounds": [
            {"processor_seconds": 15.0, "read_bytes": 3_000_000, "written_bytes": 5_000_000}
        ],
    },
    {
        "name": "recipe print",
        "engine": "openvino-fp32",
        "kind": "stages",
        "megapixels": 12.0,
        "seconds_per_megapixel": 0.583,
        "processor_seconds_per_megapixel": 1.1,
        "rounds": [
            {
                "seconds": 7.0,
                "stages": STAGES,
                "gflops_per_second": 200.0,
                "gflop_per_processor_second": 120.0,
            }
        ],
    },
    {
        "name": "Restormer",
        "engine": "torch-fp32",
        "kind": "published",
        "megapixels": 0.25,
        "gflop": 1239.0,
        "seconds_per_megapixel": 62.5,
        "processor_seconds_per_megapixel": 120.0,
        "rounds": [{"seconds": 15.625}],
    },
]
SPEED = {
    "machine": {"processor": "A processor, 2 cores"},
    "threads": 2,
    "load": [0.25],
    "contestants": CONTESTANTS,
    "ratios": {
        "Restormer": {"seconds": [100.0], "median_seconds": 100.0, "median_processor_seconds": 99.5}
    },
}


SPEEDUPS = {
    "machine": {"processor": "A processor, 2 cores"},
    "megapixels": 12.01,
    "stages": [
        {"stage": "inpaint", "seconds": [4.0, 2.5], "ratio": 1.61, "read": [3.2, 1.9]}
        | {"difference": 0.001}
    ],
}


def page_of(*names):
    return "".join(f"<!-- begin {n} -->\nold 51.23\n<!-- end {n} -->\nWords.\n" for n in names)


def test_every_figure_stands_in_the_table(script):
    text = script.evaluation(EVALUATION)
    assert "25.12 (24.50 to 26.00)" in text or "25.13 (24.50 to 26.00)" in text
    assert "| 0.800 |" in text and "| 0.900 |" in text and "50.0% of 2" in text
    assert "| unet | 2.16 M | slide 0.5 |" in text


def test_a_speed_up_stands_beside_what_it_changed(script):
    text = script.speedups(SPEEDUPS)
    assert "12 MP, A processor, 2 cores." in text
    assert "| inpaint | 4.00 | 2.50 | 1.61 × | 3.20 | 1.90 | 0.26 |" in text


def test_what_stands_around_the_tables_is_kept_and_a_second_time_changes_nothing(script):
    results = {"speed": SPEED, "evaluation-mine": EVALUATION, "quality": {"c": {"psnr": 50.125}}}
    page = "# Benchmarks\n\n" + page_of("quality", "goals", "speed", "evaluation mine", "plan")
    first = script.written(page, results)
    assert first.startswith("# Benchmarks\n") and first.count("Words.") == 5
    assert "51.23" not in first and "| c | psnr | 50.12 |" in first
    assert script.written(first, results) == first


def test_what_was_not_measured_is_said(script):
    text = script.written(page_of("roofline", "evaluation print", "goals"), {})
    assert "there is no `roofline.json`" in text and "no `evaluation-print.json`" in text
    assert "51.23" not in text


def test_a_mark_that_nobody_knows_and_a_page_without_marks_are_refused(script):
    with pytest.raises(SystemExit, match="no table 'sped'"):
        script.written(page_of("sped"), {})
    with pytest.raises(SystemExit, match="has no marks"):
        script.written("# Benchmarks\n", {})


def test_goals_say_what_was_reached_and_what_was_not(script):
    text = script.goals({"speed": SPEED, "evaluation-mine": EVALUATION})
    assert "12 MP, 2 cores, MP/s | 1.5 | 1.60 | 1.67 | yes |" in text
    assert "60% | 60% | 50% | yes |" in text
    assert "Restormer | 150 × | 100 × | 100 × | **no** |" in text
    assert "first on slide 0.5 (mine) | print | PSNR inside: print |  | yes |" in text
    other = copy.deepcopy(EVALUATION)
    other["summary"][1]["figures"]["psnr_inside"]["mean"] = 21
    assert "PSNR inside: unet |  | **no** |" in script.goals({"evaluation-mine": other})
    other["summary"][1]["method"] = "telea-true-mask"
    other["summary"].append(EVALUATION["summary"][1])
    assert "PSNR inside: print |  | yes |" in script.goals({"evaluation-mine": other})
    other["about"]["networks"]["print"] = {"parameters": 1}
    assert "first on" not in script.goals({"evaluation-mine": other, "speed": SPEED})


def test_the_plan_is_measured_seconds_times_photos(script):
    plan = sys.modules["plan"]
    million, billion = plan.plan(SPEED, 24.0, 20.0)["photos"]
    assert million["core_hours"] == pytest.approx(30 / 3600 * 1e6)
    assert million["read_tb"] == pytest.approx(6) and million["written_tb"] == pytest.approx(10)
    assert million["gpu_hours"] == pytest.approx(1200 / 20e3 / 3600 * 1e6)
    assert million["core_hours_beside_gpu"] == pytest.approx(5 / 3600 * 1e6)
    assert billion["core_hours"] == pytest.approx(1000 * million["core_hours"])
    with pytest.raises(ValueError, match="lacks `unfade restore`"):
        plan.plan({**SPEED, "contestants": CONTESTANTS[1:]}, 12.0, 20.0)
    assert "| 10^6 | 4,167 |" in script.on_paper(SPEED)


def test_agreement_has_a_table_for_engines_and_one_for_tiles(script):
    row = {"engines": "a, b", "within_2": 0.9995, "within_2_worst_photo": 0.99}
    tile = {"engine": "a", "stage": "damage", "256": 0.0, "1024": 2e-3}
    tile["above_1e-3"] = 0.00015
    told = {
        "machine": SPEED["machine"],
        "photos": 8,
        "engines": [row | {"difference_at_99.9_percent": 1.5}],
        "tiles": [tile],
    }
    text = script.agreement(told)
    assert "| a, b | 99.950% | 99.000% | 1.50 |" in text
    assert "| a | damage | 0.0e+00 | 2.0e-03 | 0.0150% |" in text


def test_an_evaluation_is_kept_without_rows_and_curves(script, tmp_path):
    source = tmp_path / "evaluation.json"
    told = copy.deepcopy(EVALUATION) | {"rows": [1, 2]}
    told["about"]["facts"] = {"library": "/home/me/damage, part val", "seed": "0"}
    source.write_text(json.dumps(told), "utf-8")
    kept = json.loads(script.take("mine", source, tmp_path / "results").read_text("utf-8"))
    assert set(kept) == {"about", "summary"}
    assert "curve" not in kept["summary"][0]["damage"]
    assert kept["about"]["facts"] == {"library": "damage, part val", "seed": "0"}
    found = script.results_in(tmp_path / "results")["evaluation-mine"]
    assert script.evaluation(found) == script.evaluation(kept)
    assert script._entries(kept["summary"], {}) == script._entries(EVALUATION["summary"], {})


def test_the_page_is_what_its_results_make_of_it(script):
    page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    assert script.written(page, script.results_in(script.RESULTS)) == page


def test_the_page_shows_every_table_there_is(script):
    page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    shown = {mark.partition(" ")[0] for mark in re.findall(r"<!-- begin ([\w -]+?) -->", page)}
    assert shown == set(script.TABLES)
