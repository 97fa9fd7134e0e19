"""The tables of docs/benchmarks.md come from JSON and replace each other."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "write_page.py"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("write_page", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ENTRY = {
    "method": "print",
    "kind": "aged",
    "preset": "slide",
    "severity": 0.5,
    "photos": 3,
    "figures": {"psnr": {"mean": 25.125, "low": 24.5, "high": 26, "count": 3}},
    "cost": {"megapixels_per_second": 1.234},
    "damage": {"roc_auc": 0.9, "recall": {"kind dust": {"recall": 0.5, "found": 1, "present": 2}}},
}
EVALUATION = {
    "about": {"title": "print on x", "software": "unfade", "facts": {"seed": "0"}},
    "summary": [ENTRY],
}


def test_every_figure_stands_in_the_table(script):
    text = script.evaluation(EVALUATION)
    assert "25.12 (24.50 to 26.00)" in text or "25.13 (24.50 to 26.00)" in text
    assert "| 1.23 |" in text and "| 0.900 |" in text and "50.0% of 2" in text


def test_what_stands_around_the_tables_is_kept_and_a_second_time_changes_nothing(script):
    page = "# Benchmarks\n\nWords.\n"
    first = script.replaced(page, script.quality({"clean": {"psnr": 51.234}}))
    assert first.startswith(page) and "| clean | psnr | 51.23 |" in first
    assert script.replaced(first, script.quality({"clean": {"psnr": 51.234}})) == first
    after = script.replaced(first + "\nMore.\n", "new")
    assert "51.23" not in after and after.endswith("\nMore.\n")
    with pytest.raises(SystemExit, match="end of tables"):
        script.replaced(script.BEGIN, "x")
