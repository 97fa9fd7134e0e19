"""benchmarks/film.py: film damage alone, what is compared and what it is compared with."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from unfade.degrade.damage import VISIBLE
from unfade.io.write import write
from unfade.photo import Photo

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import film

    yield film
    sys.modules.pop("film")


@pytest.fixture
def photos(tmp_path):
    slope = np.linspace(0.2, 0.8, 300, dtype=np.float32)
    (tmp_path / "photos").mkdir()
    for number in range(2):
        pixels = np.repeat((slope[:, None] * slope[None])[:, :, None], 3, axis=2)
        write(Photo(pixels[number:]), tmp_path / "photos" / f"{number}.png")
    return tmp_path / "photos"


def measure(script, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["film.py", *map(str, words)])
    script.main()


def test_the_true_mask_takes_film_damage_away(script, photos, monkeypatch, tmp_path):
    target = tmp_path / "film.json"
    measure(script, monkeypatch, photos, "--limit", 2, "--severity", 0.8, "--json", target)
    told = json.loads(target.read_text())
    assert told["photos"] == 2 and set(told["sizes"]) == {"full size", "crops of 256 px"}
    for rows in told["sizes"].values():
        untouched, told_truth = rows["untouched"], rows["fill, told the true mask"]
        assert told_truth["psnr_inside"] > untouched["psnr_inside"] + 6
        assert all(np.isfinite(list(row.values())).all() for row in rows.values())


def test_every_pair_has_damage_and_nothing_else_happened(script, photos):
    from argparse import Namespace

    from unfade.darkroom import Darkroom
    from unfade.io.read import read

    given = [script.middle(read(path)) for path in sorted(photos.iterdir())]
    args = Namespace(severity=0.3, library="", part="val")
    pairs = list(script.damaged(iter(given), args, Darkroom()))
    assert len(pairs) == len(given)
    for pair, photo in zip(pairs, given, strict=True):
        assert pair.aged.size == (256, 256) and (pair.artifacts >= VISIBLE).any()
        elsewhere = pair.artifacts == 0
        assert elsewhere.any()
        np.testing.assert_allclose(
            pair.aged.pixels[elsewhere], photo.pixels[elsewhere], atol=0.6 / 255
        )


def test_a_table_is_made_of_it(script, monkeypatch):
    import write_page

    figures = dict.fromkeys(("ssim", "s_per_mp", *script.FIGURES), 0.5)
    rows = {"untouched": figures, "find and fill": figures}
    table = write_page.film({"photos": 3, "severity": 0.5, "sizes": {"full size": rows}})
    assert "3 photos" in table and "| full size | find and fill | 0.50 | 0.5000 |" in table
