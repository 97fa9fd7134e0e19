"""benchmarks/strokes.py: what is painted, and what is measured of it."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from unfade.io.write import write
from unfade.photo import Photo

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import strokes

    yield strokes
    sys.modules.pop("strokes")


def test_a_person_sees_what_is_large_and_clear(script):
    artifacts = np.zeros((60, 60), np.float32)
    artifacts[5:15, 5:15] = 0.3
    artifacts[30:34, 5:9] = 0.3  # Too small: 16 px.
    artifacts[40:50, 40:50] = 0.05  # Too faint.
    seen = script.seen_by_a_person(artifacts)
    assert seen[5:15, 5:15].all()
    assert seen.sum() == 100


def test_a_brush_reaches_beyond_the_damage_and_is_off_by_no_more_than_half(script):
    truth = np.zeros((80, 80), bool)
    truth[40, 40] = True
    for seed in range(20):
        strokes = script.paint(truth, 8, np.random.default_rng(seed))
        assert strokes[40, 40] == 1  # Never so far off that the damage is missed.
        assert 180 <= strokes.sum() <= 225
        middle = np.argwhere(strokes).mean(axis=0) - 40
        assert np.abs(middle).max() <= 4.01


def test_every_preset_and_brush_is_measured(script, monkeypatch, tmp_path):
    slope = np.linspace(0.2, 0.8, 260, dtype=np.float32)
    (tmp_path / "photos").mkdir()
    pixels = np.repeat((slope[:, None] * slope[None])[:, :, None], 3, axis=2)
    write(Photo(pixels), tmp_path / "photos" / "0.png")
    monkeypatch.setattr(script, "BRUSHES_PX", (6,))
    monkeypatch.setattr(script, "PRESETS", ("film-35mm",))
    words = ["strokes.py", str(tmp_path / "photos"), "--json", str(tmp_path / "told.json")]
    monkeypatch.setattr(sys, "argv", words)
    script.main()
    (row,) = json.loads((tmp_path / "told.json").read_text("utf-8"))
    assert (row["preset"], row["brush_px"], row["photos"]) == ("film-35mm", 6, 1)
    assert row["exact"] > row["damaged"]
    assert row["f1_within"] > row["f1_whole"]
    assert 0 < row["painted_share"] < 1
