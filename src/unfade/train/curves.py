"""The curves of a run as one picture, drawn from its log with OpenCV alone."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Points = Sequence[tuple[float, float]]

SIZE = (440, 240)
MARGIN = (58, 30)
INK, PALE, LINE = (60, 60, 60), (225, 225, 225), (160, 90, 20)


def read_log(folder: Path) -> dict[str, list[tuple[float, float]]]:
    """Read every curve of a run folder: (steps done, value) by name.

    A run that was resumed has several logs; where two hold the same step the later one counts.
    """
    logs = sorted(
        folder.glob("log/version_*/metrics.csv"), key=lambda p: int(p.parent.name.split("_")[1])
    )
    curves: dict[str, dict[float, float]] = {}
    for log in logs:
        with log.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                step = float(row.pop("step")) + 1
                for name, text in row.items():
                    if text and name != "epoch" and math.isfinite(float(text)):
                        curves.setdefault(name, {})[step] = float(text)
    return {name: sorted(points.items()) for name, points in curves.items()}


def draw_curves(curves: Mapping[str, Points]) -> NDArray[np.uint8]:
    """Draw one panel per curve, two beside each other.

    Returns:
        (H, W, 3) uint8, blue first as OpenCV writes it.
    """
    panels = [_panel(name, points) for name, points in curves.items() if points]
    if len(panels) % 2:
        panels.append(np.full_like(panels[0], 255))
    rows = [np.hstack(panels[k : k + 2]) for k in range(0, len(panels), 2)]
    return np.vstack(rows) if rows else np.full((*SIZE[::-1], 3), 255, np.uint8)


def write_curves(folder: Path) -> Path:
    """Draw the curves of a run folder to `curves.png` in it."""
    path = folder / "curves.png"
    write_png(path, draw_curves(read_log(folder)))
    return path


def write_png(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a picture (H, W, 3) uint8, blue first, whatever the folder is called."""
    # `cv2.imwrite` cannot open names outside of the code page on Windows, and says nothing.
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())


def _panel(name: str, points: Points) -> NDArray[np.uint8]:
    panel = np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)
    steps, values = (np.array(v) for v in zip(*points, strict=True))
    low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    span = high - low
    left, top = MARGIN
    width, height = SIZE[0] - left - 16, SIZE[1] - 2 * top
    for share in (0.0, 0.5, 1.0):
        y = top + round(height * (1 - share))
        cv2.line(panel, (left, y), (left + width, y), PALE, 1)
        _write(panel, f"{low + span * share:.4g}", (4, y + 4))
    last = float(steps[-1])
    xs = left + steps / last * width
    ys = top + height * (1 - (values - low) / span)
    line = np.rint(np.stack([xs, ys], 1)).astype(np.int32)
    cv2.polylines(panel, [line], False, LINE, 1, cv2.LINE_AA)
    for x, y in line[-1:]:
        cv2.circle(panel, (int(x), int(y)), 3, LINE, -1, cv2.LINE_AA)
    _write(panel, f"{name}  {values[-1]:.4g}", (left, 18))
    _write(panel, "0", (left, SIZE[1] - 8))
    _write(panel, f"{last:.0f} steps", (left + width - 90, SIZE[1] - 8))
    return panel


def _write(panel: NDArray[np.uint8], text: str, place: tuple[int, int]) -> None:
    cv2.putText(panel, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1, cv2.LINE_AA)
