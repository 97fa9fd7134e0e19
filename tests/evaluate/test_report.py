"""What is told of an evaluation: intervals, tables, plots and the page."""

import csv
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.evaluate import make_method, run_cases
from unfade.evaluate.cases import Aging, aged_cases
from unfade.evaluate.damage import Tally
from unfade.evaluate.page import page_html, show, worst_rows
from unfade.evaluate.plots import Axis, Series, plot
from unfade.evaluate.sheet import Result, Row, Sheet
from unfade.evaluate.summary import bootstrap, document, summarize, write_csv
from unfade.io.write import write
from unfade.metrics import Curve
from unfade.photo import Photo


def row(method, photo, psnr, kind="aged", **more):
    figures = {"psnr": psnr, "psnr_gain": psnr - 20, **more.pop("figures", {})}
    cost = {"seconds": 2.0, "megapixels_per_second": 0.5}
    aged = {"preset": "slide", "severity": more.pop("severity", 0.5)} if kind == "aged" else {}
    return Row(method, photo, kind, figures=figures, cost=cost, **aged, **more)


def sheet_of(*rows):
    sheet = Sheet()
    for each in rows:
        sheet.add(Result(each))
    return sheet


def test_an_interval_holds_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    samples = rng.normal(10, 3, (200, 30))
    estimates = [bootstrap(sample) for sample in samples]
    held = np.mean([e.low <= 10 <= e.high for e in estimates])
    assert 0.88 < held <= 1
    width = np.mean([e.high - e.low for e in estimates])
    assert width == pytest.approx(2 * 1.96 * 3 / np.sqrt(30), rel=0.08)
    assert bootstrap(samples[0]) == bootstrap(samples[0])
    assert bootstrap([5.0]).low == bootstrap([5.0]).high == 5


def test_methods_are_compared_with_the_first_photo_by_photo():
    rows = [row("ours", "a", 30), row("theirs", "a", 28), row("ours", "b", 20)]
    rows += [row("theirs", "b", 18), row("ours", "c", 25), row("theirs", "c", 23)]
    ours, theirs = summarize(sheet_of(*rows))
    assert ours["lead"] == {} and ours["figures"]["psnr"]["mean"] == 25
    assert theirs["lead"]["psnr"] == {"mean": -2, "low": -2, "high": -2, "count": 3}
    assert ours["figures"]["psnr"]["low"] < 22 and ours["cost"]["seconds"] == 2


def test_failures_are_counted_and_not_averaged():
    bad = Row("ours", "b", "aged", "slide", 0.5, error="no room")
    (entry,) = summarize(sheet_of(row("ours", "a", 30), bad))
    assert (entry["photos"], entry["failed"]) == (1, 1)


def test_curves_and_tallies_are_pooled():
    sheet = Sheet()
    for photo, score in (("a", 0.9), ("b", 0.2)):
        curve = Curve()
        curve.add(np.array([score, 0.3, 0.1]), np.array([1, 0, 0]))
        tallies = {"size 100-399": Tally(1, 2), "size 25-99": Tally(0, 1)}
        sheet.add(Result(row("ours", photo, 20, tallies=tallies), curve))
    (entry,) = summarize(sheet)
    damage = entry["damage"]
    assert damage["roc_auc"] == pytest.approx(0.75)
    assert damage["f1_at_0.4"] == pytest.approx(2 / 3)
    assert list(damage["recall"]) == ["size 25-99", "size 100-399"]
    assert damage["recall"]["size 100-399"] == {"recall": 0.5, "found": 2, "present": 4}


def test_csv_and_json_hold_every_row(tmp_path):
    rows = [row("ours", "a,b.png", 30, figures={"ssim": 0.9}), row("ours", "c", 31, kind="clean")]
    sheet = sheet_of(*rows)
    write_csv(sheet, tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["photo"] for line in lines] == ["a,b.png", "c"]
    assert (float(lines[0]["ssim"]), lines[1]["ssim"]) == (0.9, "")
    told = document(sheet, {"title": "x"})
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert [Row.from_dict(table) for table in told["rows"]] == sheet.rows


def test_the_worst_rows_are_those_that_gained_least():
    rows = [row("ours", str(n), psnr) for n, psnr in enumerate((25, 15, 22, 30))]
    rows += [row("theirs", "9", 1), row("ours", "8", 2, kind="clean")]
    assert [r.photo for r in worst_rows(sheet_of(*rows), "ours", 2)] == ["1", "2"]
    clean = [row("ours", "x", 60, kind="clean"), row("ours", "y", 50, kind="clean")]
    assert [r.photo for r in worst_rows(sheet_of(*clean), "ours")] == ["y", "x"]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 17), (0.42, 0.47), (5, 5)])
def test_ticks_are_few_round_and_within(low, high):
    axis = Axis("x").fitted([low, high])
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 8
    assert all(axis.low - 1e-6 <= tick <= axis.high + 1e-6 for tick in ticks)
    assert np.ptp(np.diff(ticks)) < 1e-6


def test_a_logarithmic_axis_has_powers_of_ten():
    axis = Axis("x", logarithmic=True).fitted([0.3, 250])
    assert axis.ticks() == [0.1, 1, 10, 100, 1000]
    assert axis.share(10) == pytest.approx(0.5)


def test_a_plot_draws_each_value_where_it_belongs():
    drawn = plot("T", [Series("a <b>", [0, 1], [0, 1])], Axis("x", 0, 1), Axis("y", 0, 1))
    (path,) = re.findall(r'd="M([\d. L]+)" fill="none"', drawn)
    assert path == "58.0 316.0L508.0 14.0"
    assert "a &lt;b&gt;" in drawn and "<b>" not in drawn


class Checker(HTMLParser):
    """Collects addresses, and fails where tags do not close in order."""

    VOID = ("meta", "img", "input", "path", "circle", "link", "br")

    def __init__(self):
        super().__init__()
        self.open, self.addresses = [], []

    def handle_starttag(self, tag, attributes):
        self.addresses += [v for k, v in attributes if k in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a & <b>.png", "c.png"):
        smooth = np.cumsum(rng.random((48, 64, 3)), axis=1) / 64
        write(Photo(smooth.astype(np.float32) / smooth.max().astype(np.float32)), tmp_path / name)
    (tmp_path / "bad.png").write_bytes(b"bad")
    agings = [Aging("film-35mm", severity) for severity in (0.3, 0.9)]
    cases, room = aged_cases(tmp_path, agings), Darkroom(threads=1)
    methods = [make_method(f"baseline:{name}") for name in ("median", "identity")]
    sheet = run_cases(cases, methods, room)
    about = {"title": "t <x>", "facts": {"seed": "0"}, "software": "unfade"}
    told = document(sheet, about)
    shown = show(worst_rows(sheet, "median"), cases, methods[0], room)
    assert len(shown) == 4
    page = page_html(told, sheet, shown)
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert checker.addresses and all(a.startswith("data:image/") for a in checker.addresses)
    assert "a &amp; &lt;b&gt;.png" in page and "<b>.png" not in page
    assert "t &lt;x&gt;" in page
    assert "Clean photos" in page and "PSNR gain (dB) by severity" in page
    assert page.count("got a text file") == 6  # two methods, two agings and clean
