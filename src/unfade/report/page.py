"""History as a page: one self-contained HTML file that works from disk, without any network.

Shown are the encoded numbers of the photo as the browser takes them (sRGB), shrunk; the close-ups
come from where the photo changed most.
"""

from __future__ import annotations

import html
import string
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..photo import Origin, Photo, Step
from .history import About, history_dict
from .pictures import (
    LONGEST,
    LOOKS,
    Box,
    Bytes,
    change_boxes,
    mask_overlay,
    origin_overlay,
    overlay_address,
    picture,
)

TEMPLATE = Path(__file__).with_name("page.html")
STYLE = Path(__file__).with_name("look.css")
NUMBERS = {
    "changed_pixels": "Pixels that changed",
    "untouched_pixels_verified": "Pixels of the written file compared and found unchanged",
    "psnr_before_db": "PSNR against the reference, before (dB)",
    "psnr_after_db": "PSNR against the reference, after (dB)",
    "ssim_before": "SSIM against the reference, before",
    "ssim_after": "SSIM against the reference, after",
}
DEEDS = {
    "negative": "negative inverted",
    "veils": "stains and veils lifted",
    "denoise": "noise reduced",
    "fading": "faded tones corrected",
    "grain": "grain given back",
}
"""What a stage did, where it changed something; what is filled is told by its share."""

FILLING = ("damage", "inpaint")

OVERLAYS = {"mask": "Damage found", "origin": "What became of each pixel"}


def page_html(before: Photo, after: Photo, title: str, about: About) -> str:
    """Make the page of one restored photo.

    Args:
        before: As it was read.
        after: As it came out of `run`, with its history.
        title: Name of the photo.
        about: What else to tell.
    Returns:
        An HTML document of some hundred kilobytes to a few megabytes.
    """
    told = history_dict(after, about)
    shares: dict[str, float] = told["origin_share"]
    height, width = after.size
    drawn = {"mask": mask_overlay(after.damage), "origin": origin_overlay(after.origin)}
    layers = {name: layer for name, layer in drawn.items() if layer is not None}
    template = string.Template(TEMPLATE.read_text("utf-8"))
    return template.substitute(
        style=STYLE.read_text("utf-8"),
        title=html.escape(title),
        summary=html.escape(summary(shares, after.history)),
        facts=_facts(told),
        ratio=f"{width} / {height}",
        before=picture(before.proxy(LONGEST), profile=before.metadata.profile),
        after=picture(after.proxy(LONGEST), profile=after.metadata.profile),
        overlays="".join(_overlay(name, layer) for name, layer in layers.items()),
        toggles="".join(_toggle(name) for name in layers),
        legend=_legend(shares),
        details=_details(before, after),
        numbers=_numbers(told["numbers"]),
        steps="\n".join(_step(step) for step in told["steps"]),
        software=html.escape(told["software"]),
    )


def summary(shares: Mapping[str, float], history: Sequence[Step] = ()) -> str:
    """Say in one sentence what was done to a photo.

    Args:
        shares: Of its pixels, by what became of them.
        history: Its steps; where none is known to have changed it, the shares alone are told.
    """
    untouched = shares.get("untouched", 0.0)
    if untouched == 1:
        left = "Left as it is" if history else "Nothing was changed"
        return f"{left}: every pixel is the scanner's own."
    invented = sum(shares.get(mark.name.lower(), 0.0) for mark in Origin if mark >= Origin.FILLED)
    if changed := [step.stage for step in history if step.changed_pixels]:
        return capital(f"{_deeds(changed, invented, untouched, _marks(history))}.")
    filled = f"{percent(invented)} of it was filled in" if invented else "nothing was filled in"
    return capital(f"{percent(untouched)} of the photo is untouched; {filled}.")


def _deeds(changed: Sequence[str], filled: float, untouched: float, marks: str) -> str:
    """What the stages did that changed something, and what share was filled."""
    deeds = [DEEDS.get(stage, f"changed by {stage}") for stage in changed if stage not in FILLING]
    words = [", ".join(dict.fromkeys(deeds)), f"{percent(filled)} filled{marks}"]
    if not filled:
        words[1] = "nothing filled"
    if not deeds and untouched:
        words.append("the rest is untouched")
    return "; ".join(filter(None, words))


def _marks(history: Sequence[Step]) -> str:
    """The number of marks that were found last, in brackets; empty where nobody counted."""
    counts = [step.notes["marks"] for step in history if "marks" in step.notes]
    return f" ({counts[-1]} mark{'' if counts[-1] == 1 else 's'})" if counts else ""


def capital(text: str) -> str:
    """Text that begins like a sentence."""
    return text[:1].upper() + text[1:]


def percent(share: float) -> str:
    """A share as a person reads it: never `0 %` for something or `100 %` for not all."""
    if 0 < share < 0.0005:
        return "less than 0.1 %"
    if 0.9995 < share < 1:
        return "more than 99.9 %"
    return f"{share:.1%}".replace(".0%", "%").replace("%", " %")


def table_row(term: str, value: Any) -> str:
    """One row of a table: a term, and text or a measured value in words; numbers stay whole."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    cell = '<td class="number">' if number else "<td>"
    return (
        f"<tr><th scope='row'>{html.escape(term)}</th>{cell}{html.escape(_value(value))}</td></tr>"
    )


def number_words(name: str) -> str:
    """What a measurement is called on a page."""
    return NUMBERS.get(name, capital(name.replace("_", " ")))


def _overlay(name: str, layer: Bytes) -> str:
    address = overlay_address(layer)
    return f'<img class="layer overlay {name}" src="{address}" alt="{OVERLAYS[name]}">'


def _toggle(name: str) -> str:
    return (
        f'<label class="toggle"><input type="checkbox" id="show-{name}">'
        f'<span class="dot {name}"></span>{OVERLAYS[name]}</label>'
    )


def _legend(shares: Mapping[str, float]) -> str:
    marks = [mark for mark in Origin if mark.name.lower() in shares]
    bars = "".join(
        f'<i style="flex-grow:{shares[mark.name.lower()]:.6f};background:{LOOKS[mark].css}"></i>'
        for mark in marks
    )
    rows = "".join(
        f'<li><span class="swatch" style="background:{LOOKS[mark].css}"></span>'
        f"<b>{percent(shares[mark.name.lower()])}</b> {LOOKS[mark].words}</li>"
        for mark in marks
    )
    return f'<div class="share" aria-hidden="true">{bars}</div><ul class="legend">{rows}</ul>'


def _facts(told: Mapping[str, Any]) -> str:
    size = told["size"]
    megapixels = size["width"] * size["height"] / 1e6
    seconds = sum(step["seconds"] for step in told["steps"])
    facts = [
        ("Recipe", told["recipe"] or "none"),
        ("Chosen because", told["chosen"]),
        ("Size", f"{size['width']} × {size['height']} px ({megapixels:.1f} MP)"),
        ("Depth", f"{told['bits']} bit, {'color' if size['channels'] == 3 else 'grey'}"),
        ("Time", f"{seconds:.1f} s"),
        ("Source", told["source"]),
    ]
    return "".join(_pair(term, value) for term, value in facts if value)


def _pair(term: str, value: str) -> str:
    wide = ' class="wide"' if len(value) > 40 else ""
    return f"<div{wide}><dt>{html.escape(term)}</dt><dd>{html.escape(value)}</dd></div>"


def _details(before: Photo, after: Photo) -> str:
    figures = [_detail(before, after, box) for box in change_boxes(before, after)]
    if not figures:
        return ""
    return (
        "<section><h2>At full size</h2><p>Where the photo changed most, one pixel of the scan "
        f'for one of the screen.</p><div class="details">{"".join(figures)}</div></section>'
    )


def _detail(before: Photo, after: Photo, box: Box) -> str:
    left, top, right, bottom = box
    crop = (slice(top, bottom), slice(left, right))
    pair = "".join(
        f'<img src="{picture(photo.pixels[crop], 92, photo.metadata.profile)}" alt="{words}">'
        for photo, words in ((before, "Before"), (after, "After"))
    )
    place = f"At {left} px from the left, {top} px from the top."
    caption = f"<figcaption>Before, and after below. {place}</figcaption>"
    return f'<figure><div class="pair">{pair}</div>{caption}</figure>'


def _numbers(numbers: Mapping[str, Any]) -> str:
    if not numbers:
        return ""
    rows = "".join(table_row(number_words(name), value) for name, value in numbers.items())
    return f"<section><h2>Numbers</h2><table>{rows}</table></section>"


def _step(step: Mapping[str, Any]) -> str:
    notes = {key: value for key, value in step["notes"].items() if key != "evidence"}
    evidence = str(step["notes"].get("evidence", ""))
    changed = step["changed_pixels"]
    idle = "" if changed or step["models"] else " idle"
    said = (
        f"{changed:,} pixels changed · {step['seconds']:.2f} s" if changed else "changed no pixel"
    )
    models = ", ".join(f"{name} ({digest[:12]})" for name, digest in step["models"].items())
    used = f"{models} on {step['engine']}" if models else ""
    tables = _table("Settings", step["settings"]) + _table("Measured", notes)
    tables += _table("Network", {"weights": used} if used else {})
    return (
        f'<li class="step{idle}"><h3>{html.escape(step["stage"])}</h3>'
        f'<p class="evidence">{html.escape(evidence)}</p><p class="aside">{said}</p>'
        + (
            f"<details><summary>Settings and measurements</summary>{tables}</details>"
            if tables
            else ""
        )
        + "</li>"
    )


def _table(title: str, values: Mapping[str, Any]) -> str:
    rows = "".join(table_row(str(name), value) for name, value in values.items())
    return f"<table><caption>{title}</caption>{rows}</table>" if rows else ""


def _value(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, Mapping):
        return _joined(f"{key} {_value(item)}" for key, item in value.items())
    if isinstance(value, list):
        return _joined(_value(item) for item in value)
    return str(value)


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(parts) or "none"
