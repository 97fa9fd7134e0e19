"""The tables of the page; a click on a heading sorts them."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .cases import Kind
from .sheet import Row


class Column(NamedTuple):
    """A column: the figure it shows, its heading, and its decimals."""

    figure: str
    heading: str
    digits: int = 2


FULL = (
    Column("psnr", "PSNR dB"),
    Column("psnr_gain", "gain dB"),
    Column("psnr_inside", "PSNR inside"),
    Column("psnr_near", "near"),
    Column("psnr_outside", "outside"),
    Column("ssim", "SSIM", 4),
    Column("ssim_inside", "SSIM inside", 4),
    Column("ms_ssim", "MS-SSIM", 4),
    Column("gmsd", "GMSD", 4),
    Column("delta_e", "ΔE2000"),
    Column("colorfulness_error", "colorfulness off by", 1),
    Column("grain_amplitude_error", "grain off by /255"),
    Column("grain_spectrum_error_db", "grain spectrum dB"),
    Column("mask_f1", "mask F1", 3),
    Column("mask_iou", "mask IoU", 3),
    Column("lpips", "LPIPS", 4),
)

TABLES: Mapping[Kind, tuple[Column, ...]] = {
    Kind.AGED: FULL,
    Kind.PAIR: FULL,
    Kind.CLEAN: (
        Column("identical_share", "identical pixels", 4),
        Column("psnr", "PSNR dB"),
        Column("ssim", "SSIM", 4),
        Column("delta_e", "ΔE2000", 3),
        Column("false_per_megapixel", "false marks per MP", 1),
    ),
    Kind.REAL: (
        Column("changed_share", "changed pixels", 3),
        Column("filled_share", "filled pixels", 3),
        Column("noise_before", "noise /255 before"),
        Column("noise_after", "after"),
        Column("blockiness_before", "JPEG blocks before"),
        Column("blockiness_after", "after"),
        Column("blur_before", "blur before", 3),
        Column("blur_after", "after", 3),
        Column("colorfulness_before", "colorfulness before", 1),
        Column("colorfulness_after", "after", 1),
    ),
}
"""What the table of each kind of case shows."""

TITLES = {
    Kind.AGED: "Aged photos",
    Kind.PAIR: "Pairs of files",
    Kind.CLEAN: "Clean photos: what goes in should come out",
    Kind.REAL: "Real photos, whose truth nobody knows",
}
COST = (
    Column("megapixels_per_second", "MP/s"),
    Column("seconds", "seconds"),
    Column("peak_memory_mib", "peak MiB", 0),
)
DISTANCES = (
    Column("frechet", "Fréchet"),
    Column("sliced_wasserstein", "sliced Wasserstein", 4),
    Column("patches", "patches", 0),
)
POOLED = (Column("roc_auc", "ROC AUC", 3), Column("average_precision", "AP", 3))


def summary_table(summary: Sequence[Mapping[str, Any]], kind: Kind) -> str:
    """Means with their intervals, one line per method and aging; empty without such cases."""
    entries = [entry for entry in summary if entry["kind"] == kind]
    if not entries:
        return ""
    shown = [c for c in TABLES[kind] if any(c.figure in e["figures"] for e in entries)]
    pooled = [c for c in POOLED if any(c.figure in e["damage"] for e in entries)]
    cost = [c for c in COST if any(c.figure in e["cost"] for e in entries)]
    latent = [c for c in DISTANCES if any(c.figure in e["distance"] for e in entries)]
    head = ["method", "aging", "severity", "photos", "failed"]
    head += [column.heading for column in (*shown, *pooled, *latent, *cost)]
    lines = []
    for entry in entries:
        cells = [_text(entry["method"]), _text(entry["preset"])]
        cells.append(_number(entry["severity"], 2))
        cells += [_number(entry[name], 0) for name in ("photos", "failed")]
        cells += [_estimate(entry["figures"].get(c.figure), c.digits) for c in shown]
        cells += [_number(entry["damage"].get(c.figure), c.digits) for c in pooled]
        cells += [_number(entry["distance"].get(c.figure), c.digits) for c in latent]
        cells += [_number(entry["cost"].get(c.figure), c.digits) for c in cost]
        lines.append("<tr>" + "".join(cells) + "</tr>")
    return f"<h2>{TITLES[kind]}</h2>{_table(head, lines)}"


def recall_table(summary: Sequence[Mapping[str, Any]]) -> str:
    """Shares of the defects found, by size and by kind; empty where nobody looked."""
    entries = [entry for entry in summary if entry["damage"].get("recall")]
    if not entries:
        return ""
    names = list(dict.fromkeys(name for e in entries for name in e["damage"]["recall"]))
    lines = []
    for entry in entries:
        cells = [_text(entry["method"]), _text(entry["preset"]), _number(entry["severity"], 2)]
        for name in names:
            known = entry["damage"]["recall"].get(name)
            cells.append(_share(known) if known else "<td></td>")
        lines.append("<tr>" + "".join(cells) + "</tr>")
    words = "<p>Share of the true defects of which at least half is marked, sizes in px².</p>"
    head = ["method", "aging", "severity", *names]
    return f"<h2>Defects found</h2>{words}{_table(head, lines)}"


def photo_table(rows: Sequence[Row]) -> str:
    """One line per photo and method, with the main figures."""
    wanted = [
        c for c in (*FULL, *TABLES[Kind.CLEAN][:1]) if any(c.figure in r.figures for r in rows)
    ]
    head = ["photo", "method", "kind", "aging", "severity"]
    head += [c.heading for c in wanted] + [COST[1].heading]
    lines = []
    for row in rows:
        if row.error:
            continue
        cells = [_text(word) for word in (row.photo, row.method, row.kind, row.preset)]
        cells.append(_number(row.severity, 2))
        cells += [_number(row.figures.get(c.figure), c.digits) for c in wanted]
        cells.append(_number(row.cost.get("seconds"), 2))
        lines.append("<tr>" + "".join(cells) + "</tr>")
    return _table(head, lines)


def _table(head: Sequence[str], lines: Sequence[str]) -> str:
    titles = "".join(f"<th><button>{html.escape(title)}</button></th>" for title in head)
    body = "".join(lines)
    return (
        f'<div class="wide"><table class="sortable"><thead><tr>{titles}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _text(word: str) -> str:
    return f"<td>{html.escape(word)}</td>"


def _number(value: float | None, digits: int) -> str:
    if value is None:
        return "<td></td>"
    return f'<td class="n" data-v="{value!r}">{value:.{digits}f}</td>'


def _estimate(known: Mapping[str, float] | None, digits: int) -> str:
    if known is None:
        return "<td></td>"
    return (
        f'<td class="n" data-v="{known["mean"]!r}">{known["mean"]:.{digits}f}'
        f"<small>{known['low']:.{digits}f} to {known['high']:.{digits}f}</small></td>"
    )


def _share(known: Mapping[str, float]) -> str:
    return (
        f'<td class="n" data-v="{known["recall"]!r}">{known["recall"]:.1%}'
        f"<small>{known['found']:.0f} of {known['present']:.0f}</small></td>"
    )
