"""Plots as SVG: lines and points on plain axes, in colors that all eyes tell apart."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Sequence

WIDTH, HEIGHT = 520, 360
LABEL_WIDTH, LABEL_HEIGHT = 150, 14
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 14, 44
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5c3e", "#888888")
"""After Okabe and Ito; further series repeat them with dashes."""


@dataclasses.dataclass(frozen=True)
class Series:
    """A line, or points where `dots` is set, with its name."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    dots: bool = False


@dataclasses.dataclass(frozen=True)
class Axis:
    """An axis; without limits it takes in all that is drawn."""

    title: str
    low: float | None = None
    high: float | None = None
    logarithmic: bool = False

    def fitted(self, values: Sequence[float]) -> Axis:
        """The axis with limits for these values."""
        inner = [value for value in values if not self.logarithmic or value > 0]
        low, high = (min(inner), max(inner)) if inner else (0.0, 1.0)
        if self.logarithmic:
            low, high = 10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high) + 1e-9)
        else:
            room = 0.06 * (high - low) or 0.5
            low, high = low - room, high + room
        chosen = (low if self.low is None else self.low, high if self.high is None else self.high)
        return dataclasses.replace(self, low=chosen[0], high=chosen[1])

    def share(self, value: float) -> float:
        """Where a value lies between the limits, 0 to 1."""
        assert self.low is not None and self.high is not None
        low, high = self.low, self.high
        if self.logarithmic:
            value, low, high = (math.log10(max(v, 1e-12)) for v in (value, low, high))
        return (value - low) / (high - low) if high > low else 0.5

    def ticks(self) -> list[float]:
        """About five round values between the limits."""
        assert self.low is not None and self.high is not None
        if self.logarithmic:
            powers = range(round(math.log10(self.low)), round(math.log10(self.high)) + 1)
            return [10.0**power for power in powers]
        span = self.high - self.low
        step = 10 ** math.floor(math.log10(span / 4)) if span > 0 else 1.0
        step *= next((m for m in (1, 2, 5, 10) if span / (step * m) <= 6), 10)
        first = math.ceil(self.low / step - 1e-9)
        count = math.floor(self.high / step + 1e-9) - first + 1
        return [round((first + k) * step, 10) for k in range(count)]


def plot(title: str, series: Sequence[Series], x: Axis, y: Axis) -> str:
    """Draw series; the legend stands below.

    Returns:
        A figure in HTML with an SVG that takes its text color from the page.
    """
    x = x.fitted([value for line in series for value in line.x])
    y = y.fitted([value for line in series for value in line.y])
    marks = "".join(_drawn(line, number, x, y) for number, line in enumerate(series))
    marks += _labels([line for line in series if line.dots], x, y)
    names = "".join(_named(line, number) for number, line in enumerate(series))
    return (
        f'<figure class="plot"><figcaption>{html.escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">'
        f"{_axes(x, y)}{marks}</svg><ul class='names'>{names}</ul></figure>"
    )


def _across(axis: Axis, value: float) -> float:
    return LEFT + axis.share(value) * (WIDTH - LEFT - RIGHT)


def _up(axis: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - axis.share(value) * (HEIGHT - TOP - BOTTOM)


def _axes(x: Axis, y: Axis) -> str:
    lines = []
    for value in x.ticks():
        at = _across(x, value)
        lines.append(
            f'<path class="grid" d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}"/>'
            f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{value:g}</text>'
        )
    for value in y.ticks():
        at = _up(y, value)
        lines.append(
            f'<path class="grid" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>'
            f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{value:g}</text>'
        )
    middle = (TOP + HEIGHT - BOTTOM) / 2
    lines.append(
        f'<text class="title" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" '
        f'text-anchor="middle">{html.escape(x.title)}</text>'
        f'<text class="title" transform="translate(14 {middle}) rotate(-90)" '
        f'text-anchor="middle">{html.escape(y.title)}</text>'
    )
    return "".join(lines)


def _drawn(line: Series, number: int, x: Axis, y: Axis) -> str:
    color, dash = _look(number)
    places = [(_across(x, a), _up(y, b)) for a, b in zip(line.x, line.y, strict=True)]
    title = f"<title>{html.escape(line.name)}</title>"
    dots = "".join(
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{5 if line.dots else 3}" fill="{color}">'
        f"{title}</circle>"
        for a, b in (places if line.dots or len(places) < 12 else [])
    )
    if line.dots:
        return dots
    path = "L".join(f"{a:.1f} {b:.1f}" for a, b in places)
    return (
        f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="2"{dash}>{title}</path>'
        + dots
    )


def _labels(points: Sequence[Series], x: Axis, y: Axis) -> str:
    """Names beside points; one that would lie on another is left to the legend."""
    drawn: list[tuple[float, float]] = []
    texts = []
    for point in points:
        at, up = _across(x, point.x[0]), _up(y, point.y[0])
        if any(abs(at - a) < LABEL_WIDTH and abs(up - b) < LABEL_HEIGHT for a, b in drawn):
            continue
        drawn.append((at, up))
        anchor, shift = ("end", -8) if at > WIDTH * 0.7 else ("start", 8)
        texts.append(
            f'<text x="{at + shift:.1f}" y="{up + 4:.1f}" text-anchor="{anchor}">'
            f"{html.escape(point.name)}</text>"
        )
    return "".join(texts)


def _named(line: Series, number: int) -> str:
    color, dash = _look(number)
    return (
        f'<li><svg viewBox="0 0 22 8"><path d="M1 4H21" stroke="{color}" stroke-width="3"{dash}/>'
        f"</svg>{html.escape(line.name)}</li>"
    )


def _look(number: int) -> tuple[str, str]:
    dash = ' stroke-dasharray="6 4"' if number >= len(COLORS) else ""
    return COLORS[number % len(COLORS)], dash
