"""An evaluation as a page: one HTML file with plots, tables and pictures, that loads nothing."""

from __future__ import annotations

import html
import string
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from ..color import in_color
from ..darkroom import Darkroom
from ..photo import Photo
from ..report.pictures import change_boxes, picture
from .cases import Case, Kind, Question, open_case
from .methods import Answer, Method
from .plots import Axis, Series, plot
from .sheet import FAILURES, Row, Sheet
from .tables import TABLES, photo_table, recall_table, summary_table

TEMPLATE = Path(__file__).with_name("page.html")
WORST = 10
CROPS = 2
EDGE = 190
SLIDER = 700


class Shown(NamedTuple):
    """A photo that is shown: its row, what was asked and what was answered."""

    row: Row
    question: Question
    answer: Answer


def worst_rows(sheet: Sheet, method: str, most: int = WORST) -> list[Row]:
    """The rows in which a method gained least, or on clean photos lost most; worst first."""
    rows = [row for row in sheet.rows if row.method == method and "psnr" in row.figures]
    gained = [row for row in rows if row.kind != Kind.CLEAN]
    by = "psnr_gain" if gained else "psnr"
    return sorted(gained or rows, key=lambda row: row.figures[by])[:most]


def show(
    rows: Sequence[Row], cases: Sequence[Case], method: Method, darkroom: Darkroom
) -> list[Shown]:
    """Ask again for the pictures of some rows: the same question gives the same answer."""
    found = []
    for row in rows:
        case = next(case for case in cases if _is(case, row))
        try:
            question = open_case(case, darkroom)
            found.append(Shown(row, question, method(question, darkroom)))
        except FAILURES:
            # It went well before, so the file is gone or the program is unwell: nothing to show.
            continue
    return found


def page_html(told: Mapping[str, Any], sheet: Sheet, shown: Sequence[Shown]) -> str:
    """Make the page.

    Args:
        told: From `summary.document`.
        sheet: The rows.
        shown: From `show`, worst first.
    """
    about, summary = told["about"], told["summary"]
    template = string.Template(TEMPLATE.read_text("utf-8"))
    return template.substitute(
        title=html.escape(about["title"]),
        facts="".join(
            f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(str(value))}</dd></div>"
            for name, value in about["facts"].items()
        ),
        tables="".join(summary_table(summary, kind) for kind in TABLES),
        plots="".join(drawings(summary)),
        recall=recall_table(summary),
        worst="".join(_failure(number + 1, item) for number, item in enumerate(shown)),
        worst_of=html.escape(shown[0].row.method if shown else "none"),
        errors=_errors(sheet),
        photos=photo_table(sheet.rows),
        software=html.escape(about["software"]),
    )


def drawings(summary: Sequence[Mapping[str, Any]]) -> list[str]:
    """ROC, precision-recall, quality over speed, and quality over severity, as far as known."""
    found = []
    curves = {_label(e): _columns(e["damage"]["curve"]) for e in summary if _has_curve(e)}
    if curves:
        roc = [Series(name, [0, *c[2]], [0, *c[1]]) for name, c in curves.items()]
        found.append(
            plot("ROC of damaged pixels", roc, Axis("false alarm rate", 0, 1), Axis("recall", 0, 1))
        )
        pr = [Series(name, c[1], c[3]) for name, c in curves.items()]
        found.append(
            plot("Precision and recall", pr, Axis("recall", 0, 1), Axis("precision", 0, 1))
        )
    timed = [e for e in summary if _is_restored(e) and "megapixels_per_second" in e["cost"]]
    if timed:
        found.append(
            plot(
                "Quality over speed",
                _speed_points(timed),
                Axis("megapixels per second", logarithmic=True),
                Axis("PSNR gain (dB)"),
            )
        )
    for figure, title in SEVERITY.items():
        lines = _by_severity(summary, figure)
        if any(len(line.x) > 1 for line in lines):
            found.append(plot(f"{title} by severity", lines, Axis("severity", 0, 1), Axis(title)))
    return found


SEVERITY = {
    "psnr_gain": "PSNR gain (dB)",
    "psnr_gain_inside": "PSNR gain inside the damage (dB)",
    "mask_f1": "F1 of the mask",
}


def _by_severity(summary: Sequence[Mapping[str, Any]], figure: str) -> list[Series]:
    lines: dict[str, list[tuple[float, float]]] = {}
    for entry in summary:
        if entry["kind"] == Kind.AGED and figure in entry["figures"]:
            point = (entry["severity"], entry["figures"][figure]["mean"])
            lines.setdefault(f"{entry['method']}, {entry['preset']}", []).append(point)
    return [_line(name, sorted(points)) for name, points in lines.items()]


def _line(name: str, points: Iterable[Sequence[float]]) -> Series:
    x, y = _columns(points)
    return Series(name, x, y)


def _columns(points: Iterable[Sequence[float]]) -> list[list[float]]:
    return [list(column) for column in zip(*points, strict=True)]


def _has_curve(entry: Mapping[str, Any]) -> bool:
    return "curve" in entry["damage"]


def _is_restored(entry: Mapping[str, Any]) -> bool:
    return "psnr_gain" in entry["figures"]


def _speed_points(entries: Sequence[Mapping[str, Any]]) -> list[Series]:
    """One point per method: the means over all its agings."""
    found: dict[str, list[tuple[float, float]]] = {}
    for entry in entries:
        point = (
            entry["cost"]["megapixels_per_second"],
            entry["figures"]["psnr_gain"]["mean"],
        )
        found.setdefault(entry["method"], []).append(point)
    means = {name: [fmean(c) for c in _columns(points)] for name, points in found.items()}
    return [Series(name, [speed], [gain], dots=True) for name, (speed, gain) in means.items()]


def _label(entry: Mapping[str, Any]) -> str:
    aged = f", {entry['preset']} {entry['severity']:g}" if entry["preset"] else ""
    return f"{entry['method']}{aged}"


def _is(case: Case, row: Row) -> bool:
    aging = case.aging
    same = (str(case.kind), case.name) == (row.kind, row.photo)
    return same and (aging is None or (aging.preset, aging.severity) == (row.preset, row.severity))


def _failure(number: int, item: Shown) -> str:
    row, given = item.row, item.question.given
    after = Photo(item.answer.pixels)
    height, width = given.size
    figures = ", ".join(
        f"{words} {row.figures[name]:.2f}" for name, words in SAID.items() if name in row.figures
    )
    return (
        f'<article class="failure"><h3>{number}. {html.escape(row.photo)}</h3>'
        f"<p>{html.escape(_label_of(row))}{figures}</p>"
        f'<div class="compare" style="aspect-ratio:{width}/{height}">'
        f'<img src="{picture(given.proxy(SLIDER), 85)}" alt="before" loading="lazy">'
        f'<img class="after" src="{picture(after.proxy(SLIDER), 85)}" alt="after" loading="lazy">'
        '<span class="edge"></span><span class="tag l">before</span>'
        '<span class="tag r">after</span><input type="range" min="0" max="100" value="50" '
        'aria-label="How much is shown as it was before, in percent"></div>'
        f"{_crops(item, after)}</article>"
    )


SAID = {
    "psnr_gain": "gain dB",
    "psnr": "PSNR",
    "psnr_inside": "inside",
    "ssim": "SSIM",
    "delta_e": "ΔE2000",
}


def _label_of(row: Row) -> str:
    return f"{row.preset} {row.severity:g}: " if row.preset else ""


def _crops(item: Shown, after: Photo) -> str:
    """At full size, where the answer is farthest from the truth (or from what was given)."""
    truth = item.question.truth
    goal = Photo(_as(after, truth or item.question.given))
    boxes = change_boxes(goal, after)[:CROPS]
    names = {"before": item.question.given, "after": after}
    shown = names if truth is None else {**names, "truth": truth}
    return "".join(
        '<div class="crops">'
        + "".join(
            f"<figure><img src='{picture(_cut(photo, box), 90)}' alt='{name}'>"
            f"<figcaption>{name}</figcaption></figure>"
            for name, photo in shown.items()
        )
        + "</div>"
        for box in boxes
    )


def _cut(photo: Photo, box: tuple[int, int, int, int]) -> Any:
    left, top, right, bottom = box
    return photo.pixels[top : min(bottom, top + EDGE), left : min(right, left + EDGE)]


def _as(after: Photo, other: Photo) -> Any:
    return in_color(other.pixels) if after.pixels.shape[2] == 3 else other.pixels[:, :, :1]


def _errors(sheet: Sheet) -> str:
    failed = [row for row in sheet.rows if row.error]
    if not failed:
        return "<p>Nothing failed.</p>"
    lines = "".join(
        f"<li><b>{html.escape(row.method)}</b> on {html.escape(row.photo)}: "
        f"{html.escape(row.error)}</li>"
        for row in failed
    )
    return f"<ul>{lines}</ul>"
