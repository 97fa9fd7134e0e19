"""The shapes of damage: opacity pictures of specks, hairs, scratches, stains, creases and tears.

Every function draws on a canvas (H, W) uint8 in place, 255 being opaque, anti-aliased by OpenCV
(coordinates in 1/16 px). Sizes and counts follow the hand-annotated 35 mm scans of Ivanova et al.,
"Simulating analogue film damage to analyse and improve artefact restoration on high-resolution
scans", Computer Graphics Forum 42(2), 2023 (arXiv 2302.10004).
"""

from __future__ import annotations

import dataclasses
import functools
import gzip
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import ReadError

Canvas = NDArray[np.uint8]
Rng = np.random.Generator

_SHIFT = 4
_ONE = 1 << _SHIFT


def fixed(points: NDArray[np.floating]) -> NDArray[np.int32]:
    """Points in OpenCV's fixed-point coordinates of 1/16 px."""
    return np.rint(points * _ONE).astype(np.int32).reshape(-1, 1, 2)


def fill(canvas: Canvas, points: NDArray[np.floating], value: int) -> None:
    """Fill an outline: (n, 2) points, x and y in pixels, anti-aliased."""
    cv2.fillPoly(canvas, [fixed(points)], value, cv2.LINE_AA, _SHIFT)


def draw_speck(
    canvas: Canvas, rng: Rng, center: NDArray[np.float64], radius: float, opacity: float = 1.0
) -> None:
    """Draw an irregular blob: a circle with random harmonics, drawn out along one axis.

    Its area is about 2.4 times the squared radius.
    """
    corners = 10 if radius < 4 else 24
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    outline = np.ones(corners)
    for order in (2, 3, 5):
        outline += rng.normal(0, 0.28 / order) * np.cos(order * angle + rng.uniform(0, 6.28))
    stretch = rng.uniform(0.55, 1.0)
    turn = rng.uniform(0, np.pi)
    x, y = np.cos(angle) * outline, np.sin(angle) * outline * stretch
    points = radius * np.stack(
        [x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], axis=1
    )
    fill(canvas, points + center, int(255 * opacity))


def draw_fiber(
    canvas: Canvas,
    rng: Rng,
    center: NDArray[np.float64],
    length: float,
    width: int,
    curl: float,
    opacity: float = 1.0,
) -> None:
    """Draw a hair or lint: a smooth random walk of the direction.

    Args:
        length: Of the fiber, in pixels.
        width: Of the stroke, in pixels.
        curl: Standard deviation of the turn over the whole length, in radians.
        opacity: In [0, 1].
    """
    steps = max(4, min(48, int(length / 3)))
    bend = cv2.GaussianBlur(rng.standard_normal((1, steps)), (0, 0), 2.5)[0]
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(bend) * curl / np.sqrt(steps) * 2.5
    walk = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0)
    points = (walk - walk.mean(axis=0)) * (length / steps) + center
    value = int(255 * opacity)
    cv2.polylines(canvas, [fixed(points)], False, value, width, cv2.LINE_AA, _SHIFT)


def draw_scratch(
    canvas: Canvas,
    rng: Rng,
    start: NDArray[np.float64],
    direction: float,
    length: float,
    width: int,
    opacity: float = 1.0,
) -> None:
    """Draw a nearly straight scratch that breaks off and starts again."""
    pieces = int(rng.integers(1, 4))
    bend = rng.normal(0, 0.02)
    position = 0.0
    for _ in range(pieces):
        span = length / pieces * rng.uniform(0.5, 1.0)
        along = position + np.linspace(0, span, 8)
        side = bend * along**2 / max(length, 1) + rng.normal(0, 0.4)
        points = start + np.stack(
            [
                along * np.cos(direction) - side * np.sin(direction),
                along * np.sin(direction) + side * np.cos(direction),
            ],
            axis=1,
        )
        value = int(255 * opacity * rng.uniform(0.6, 1))
        cv2.polylines(canvas, [fixed(points)], False, value, width, cv2.LINE_AA, _SHIFT)
        position += span + length / pieces * rng.uniform(0, 0.3)


def draw_jagged_line(
    canvas: Canvas,
    rng: Rng,
    ends: NDArray[np.float64],
    width: float,
    roughness: float,
    value: int = 255,
) -> NDArray[np.float64]:
    """Draw a crease or the edge of a tear: a broken line whose width changes along the way.

    Args:
        ends: (2, 2) first and last point, x and y in pixels.
        width: Mean width in pixels.
        roughness: Standard deviation of the sideways jumps, in pixels.
        value: Opacity, 0 to 255.
    Returns:
        (n, 2) points of the middle line.
    """
    span = ends[1] - ends[0]
    length = max(float(np.hypot(*span)), 1.0)
    count = max(6, int(length / 5))
    drift = np.cumsum(rng.standard_normal(count)) * roughness / np.sqrt(count) * 3
    drift -= np.linspace(drift[0], drift[-1], count)
    side = drift + rng.normal(0, roughness * 0.3, count)
    normal = np.array([-span[1], span[0]]) / length
    middle = ends[0] + np.linspace(0, 1, count)[:, None] * span + side[:, None] * normal
    half = np.maximum(0.25, width / 2 * (1 + rng.normal(0, 0.45, count)))[:, None] * normal
    band = np.concatenate([middle + half, (middle - half)[::-1]])
    fill(canvas, band, value)
    return np.asarray(middle)


def blob_outline(rng: Rng, radius: float, roughness: float) -> NDArray[np.float64]:
    """Outline of a large ragged area around the origin, as (n, 2) points in pixels."""
    corners = int(np.clip(radius * 2, 16, 160))
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    outline = np.ones(corners)
    for order in range(1, 9):
        outline += rng.normal(0, roughness / order) * np.cos(order * angle + rng.uniform(0, 6.28))
    outline = np.maximum(0.15, outline + rng.normal(0, roughness * 0.06, corners))
    return np.asarray(radius * outline[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1))


def smooth_field(rng: Rng, size: tuple[int, int], cells: int) -> NDArray[np.float32]:
    """Smooth random values in [0, 1]: a coarse grid of about `cells` across, drawn large."""
    coarse = rng.random((cells + 1, cells + 1), dtype=np.float32)
    field = cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    return np.clip(field, 0, 1)


def paste_shape(canvas: Canvas, shape: Canvas, center: NDArray[np.float64]) -> None:
    """Lay an opacity picture on a canvas by maximum, cut at the border."""
    height, width = shape.shape
    left, top = int(center[0] - width / 2), int(center[1] - height / 2)
    rows = slice(max(0, top), min(canvas.shape[0], top + height))
    cols = slice(max(0, left), min(canvas.shape[1], left + width))
    if rows.start >= rows.stop or cols.start >= cols.stop:
        return
    part = shape[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]
    np.maximum(canvas[rows, cols], part, out=canvas[rows, cols])


def turned(shape: Canvas, rng: Rng, scale: float) -> Canvas:
    """Scale an opacity picture and turn it by a random angle."""
    if scale < 0.8:
        size = (max(1, round(shape.shape[1] * scale)), max(1, round(shape.shape[0] * scale)))
        shape = np.asarray(cv2.resize(shape, size, interpolation=cv2.INTER_AREA), np.uint8)
        scale = 1.0
    height, width = shape.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(0, 360), scale)
    matrix = np.asarray(turn, np.float64)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = (int(height * sine + width * cosine) + 3, int(height * cosine + width * sine) + 3)
    matrix[:, 2] += np.array([size[0] - width, size[1] - height]) / 2
    return np.asarray(cv2.warpAffine(shape, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)


@dataclasses.dataclass(frozen=True)
class Picture:
    """An artefact picture: opacity (H, W) uint8, and the sum of its opacities in px²."""

    opacity: Canvas
    mass: float


@functools.lru_cache(maxsize=4)
def shape_library(folder: str, part: str = "all") -> Mapping[str, tuple[Picture, ...]]:
    """Load artefact pictures from a folder with one subfolder per class.

    Args:
        folder: Holds `<class>/*.png` or `*.webp`, or `synthetic/<class>/...`: grey pictures,
            value = opacity.
        part: `all`, or `train` or `val`: nine tenths and one tenth, split by the file's name, so
            that no shape is in both.
    Raises:
        ReadError: There are no pictures.
    """
    root = Path(folder) / "synthetic"
    root = root if root.is_dir() else Path(folder)
    found: dict[str, tuple[Picture, ...]] = {}
    for place in sorted(root.iterdir()) if root.is_dir() else ():
        files = sorted(file for file in place.glob("*.*") if _in_part(_key(file), part))
        pictures = [_grey_picture(file) for file in files if file.is_file()]
        shapes = tuple(_reduced(p) for p in pictures if p is not None and p.any())
        if shapes:
            found[place.name] = shapes
    if not found:
        raise ReadError(f"no artefact shapes in {folder}; expected <class>/*.png or *.webp")
    return found


def _grey_picture(file: Path) -> Canvas | None:
    """A picture as (H, W) uint8, or None where it is none."""
    # `cv2.imread` cannot open names outside of the code page on Windows, and says nothing.
    data = np.frombuffer(file.read_bytes(), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    return None if picture is None else np.asarray(picture, np.uint8)


@dataclasses.dataclass(frozen=True)
class Outlines:
    """Annotated outlines of one class, by rising area.

    Attributes:
        areas: (n,) float64 in px² of the annotated scans.
        points: n arrays (k, 2), x and y in pixels around the middle.
    """

    areas: NDArray[np.float64]
    points: tuple[NDArray[np.float64], ...]


@functools.lru_cache(maxsize=4)
def outline_library(folder: str, part: str = "all") -> Mapping[str, Outlines]:
    """Load outlines of real artefacts from `folder/real/polygons.jsonl.gz`, if it is there.

    Each line is an object with `label`, `scan`, `id`, `area` in px² and `points`.

    Args:
        folder: Of the library.
        part: `all`, or `train` or `val`, split by scan and number.
    Returns:
        Outlines by label; nothing where the library has none.
    """
    file = Path(folder) / "real" / "polygons.jsonl.gz"
    if not file.is_file():
        return {}
    found: dict[str, list[tuple[float, NDArray[np.float64]]]] = {}
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["area"] > 0 and _in_part(f"{entry['scan']}/{entry['id']}", part):
                points = np.asarray(entry["points"], np.float64)
                centered = points - (points.min(axis=0) + points.max(axis=0)) / 2
                found.setdefault(entry["label"], []).append((entry["area"], centered))
    ordered = {label: sorted(each, key=lambda pair: pair[0]) for label, each in found.items()}
    return {
        label: Outlines(np.array([a for a, _ in each]), tuple(p for _, p in each))
        for label, each in ordered.items()
    }


def _reduced(picture: NDArray[Any], longest: int = 160) -> Picture:
    """Shrink a picture that is larger than what is usually pasted, so that pasting is fast."""
    factor = longest / max(picture.shape)
    if factor < 1:
        picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return Picture(np.asarray(picture, np.uint8), max(1.0, float(picture.sum()) / 255))


def _key(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


def _in_part(key: str, part: str) -> bool:
    if part == "all":
        return True
    return (hashlib.sha256(key.encode()).digest()[0] % 10 == 0) == (part == "val")
