"""The page of an album: every photo before and after, what became of it, and what failed."""

from __future__ import annotations

import html
import os
import string
import urllib.parse
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..photo import Origin
from .entries import PHOTOS, Entry, read_entries
from .page import STYLE, capital, number_words, percent, summary, table_row
from .pictures import LOOKS
from .record import sidecar_path

TEMPLATE = Path(__file__).with_name("album.html")


def make_page(folder: Path, title: str, software: str) -> str:
    """The page of all photos that lie in an album, as HTML."""
    entries = read_entries(folder)
    template = string.Template(TEMPLATE.read_text("utf-8"))
    return template.substitute(
        style=STYLE.read_text("utf-8"),
        title=html.escape(title),
        summary=html.escape(_summary(entries)),
        totals=_totals(entries),
        legend=_legend(entries),
        failures=_failures(entries),
        cards="\n".join(_card(entry, folder) for entry in entries if entry.state != "failed"),
        software=html.escape(software),
    )


def _summary(entries: Sequence[Entry]) -> str:
    count = {
        state: sum(e.state == state for e in entries) for state in ("done", "copied", "failed")
    }
    parts = [
        f"{count['done']} restored" if count["done"] else "",
        f"{count['copied']} needed nothing" if count["copied"] else "",
        f"{count['failed']} failed" if count["failed"] else "",
    ]
    photos = "photo" if len(entries) == 1 else "photos"
    return f"{len(entries)} {photos}: {', '.join(filter(None, parts)) or 'none'}."


def _totals(entries: Sequence[Entry]) -> str:
    pixels = sum(sum(entry.pixels.values()) for entry in entries)
    seconds = sum(entry.seconds for entry in entries)
    facts = {
        "Pixels": f"{pixels / 1e6:,.1f} MP" if pixels else "",
        "Time of the stages": f"{seconds:,.1f} s" if seconds else "",
        "Per megapixel": f"{seconds / pixels * 1e6:.2f} s" if pixels and seconds else "",
    }
    return "".join(
        f"<div><dt>{term}</dt><dd>{value}</dd></div>" for term, value in facts.items() if value
    )


def _legend(entries: Sequence[Entry]) -> str:
    counts = {
        mark: sum(entry.pixels.get(mark.name.lower(), 0) for entry in entries) for mark in Origin
    }
    whole = sum(counts.values()) or 1
    rows = (
        f'<li><span class="swatch" style="background:{LOOKS[mark].css}"></span>'
        f"<b>{percent(count / whole)}</b> {LOOKS[mark].words}</li>"
        for mark, count in counts.items()
        if count
    )
    return f'<ul class="legend">{"".join(rows)}</ul>'


def _failures(entries: Iterable[Entry]) -> str:
    rows = "".join(
        table_row(entry.name, entry.message) for entry in entries if entry.state == "failed"
    )
    if not rows:
        return ""
    return f'<section class="failures"><h2>What failed</h2><table>{rows}</table></section>'


def _card(entry: Entry, folder: Path) -> str:
    name, shares = html.escape(entry.name), entry.shares
    height, width = entry.size
    changed = 1 - shares.get("untouched", 0.0)
    filled = sum(shares.get(mark.name.lower(), 0.0) for mark in Origin if mark >= Origin.FILLED)
    layers = "".join(
        f'<img class="layer overlay {layer}" loading="lazy" alt="" '
        f'src="{_address(entry, f"{layer}.png")}">'
        for layer in entry.pictures
    )
    return (
        f'<article class="card" id="{html.escape(entry.key)}" '
        f'data-state="{html.escape(entry.state)}" data-name="{name}" '
        f'data-changed="{changed:.6f}" data-filled="{filled:.6f}" '
        f'data-seconds="{entry.seconds:.3f}">'
        f'<div class="compare" style="--ratio: {width} / {height}">'
        f"{_picture(entry, 'before')}{_picture(entry, 'after')}{layers}"
        '<span class="edge"></span>'
        '<span class="tag l">Before</span><span class="tag r">After</span>'
        f'<input type="range" min="0" max="100" value="50" aria-label="{name}: share shown as it '
        'was before, in percent"></div>'
        f"<h3>{name}</h3><p>{_words(entry.did or summary(shares))}</p>"
        f'<div class="row"><button type="button" class="open">Open<span class="hidden"> '
        f"{name}</span></button>{_links(entry, folder)}</div>{_details(entry)}</article>"
    )


def _words(text: str) -> str:
    """Text for a page, in which a number keeps its percent sign on its line."""
    return html.escape(text.replace(" %", "\u00a0%"))


def _picture(entry: Entry, when: str) -> str:
    words = "Before restoring" if when == "before" else "After restoring"
    large = _address(entry, f"{when}.large.jpg")
    return (
        f'<img class="layer {when}" loading="lazy" decoding="async" alt="{words}" '
        f'src="{_address(entry, f"{when}.small.jpg")}" data-large="{large}">'
    )


def _address(entry: Entry, ending: str) -> str:
    return html.escape(urllib.parse.quote(f"{PHOTOS}/{entry.key}.{ending}"))


def _links(entry: Entry, folder: Path) -> str:
    """Links to the result and to its sidecar, as far as they are there."""
    if not entry.target:
        return ""
    target = Path(entry.target)
    return "".join(
        f'<a href="{html.escape(urllib.parse.quote(path.as_posix(), errors="surrogateescape"))}">'
        f"{words}</a>"
        for words, path in (("result", target), ("sidecar", sidecar_path(target)))
        if os.path.exists(folder / path)  # noqa: PTH110
    )


def _details(entry: Entry) -> str:
    height, width = entry.size
    shares = {
        LOOKS[mark].words: percent(entry.shares[mark.name.lower()])
        for mark in Origin
        if mark.name.lower() in entry.shares
    }
    facts = {
        "Size": f"{width} × {height} px",
        "Recipe": f"{entry.recipe}: {entry.chosen}" if entry.chosen else entry.recipe,
        "Time": f"{entry.seconds:.1f} s",
        **{capital(term): value for term, value in (*shares.items(), *entry.steps)},
        **{number_words(name): value for name, value in entry.numbers.items()},
    }
    rows = "".join(table_row(term, value) for term, value in facts.items() if value != "")
    return f"<details><summary>Numbers</summary><table>{rows}</table></details>"
