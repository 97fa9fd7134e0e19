"""Ragged lines and rough ground: the geometry that cracks, tears, stains and wear share."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .shapes import Canvas, Rng, fill, fixed

Points = NDArray[np.float64]
"""(n, 2) places, x and y in pixels."""

Field = NDArray[np.float32]
"""(H, W) float32."""


def rough_field(rng: Rng, size: tuple[int, int], scale_px: float, octaves: int = 4) -> Field:
    """Random ground of mean 0 and standard deviation 1, self-similar from `scale_px` downwards.

    Each octave halves the scale and the amplitude, as in Perlin, "An image synthesizer",
    SIGGRAPH 1985 (doi 10.1145/325165.325247); values between the grid points are cubic.
    """
    height, width = size
    field = np.zeros(size, np.float32)
    energy = 0.0
    for octave in range(octaves):
        step, gain = scale_px / 2**octave, 0.5**octave
        if step < 1 and octave:
            break
        cells = (int(width / max(step, 1)) + 3, int(height / max(step, 1)) + 3)
        coarse = rng.random(cells[::-1], dtype=np.float32)
        coarse -= np.float32(0.5)
        cv2.scaleAdd(
            cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), gain, field, field
        )
        energy += gain**2
    # An evenly drawn number has a variance of 1/12; interpolation leaves about half of it.
    field *= np.float32(1 / np.sqrt(energy / 24))
    return field


def bridge(rng: Rng, count: int) -> NDArray[np.float64]:
    """A ragged line of `count` steps that starts and ends at 0; standard deviation about 0.4.

    A sine series whose amplitudes fall as k^-1.3: fractional Brownian motion of a Hurst exponent
    of 0.8, which is that of fracture lines (Bouchaud, "Scaling properties of cracks", Journal of
    Physics: Condensed Matter 9, 1997, doi 10.1088/0953-8984/9/21/002).
    """
    orders = np.arange(1, max(2, min(count // 2, 64)))
    waves = np.sin(np.pi * np.outer(np.linspace(0, 1, count), orders))
    return np.asarray(0.5 * waves @ (rng.standard_normal(len(orders)) * orders**-1.3))


def ragged_path(
    rng: Rng, start: Points, stop: Points, wander: float, jitter_px: float, step_px: float = 3.0
) -> Points:
    """Draw a way from one point to another: it wanders widely and jitters from step to step.

    Args:
        start, stop: (2,) x and y in pixels.
        wander: Sideways drift over the length, standard deviation.
        jitter_px: Sideways standard deviation of single points, in pixels.
        step_px: Distance of the points.
    """
    span = stop - start
    length = max(float(np.hypot(*span)), 1.0)
    count = int(np.clip(length / step_px, 6, 600))
    side = bridge(rng, count) * wander * length * 2.5 + rng.normal(0, jitter_px, count)
    normal = np.array([-span[1], span[0]]) / length
    return np.asarray(start + np.linspace(0, 1, count)[:, None] * span + side[:, None] * normal)


def normals(path: Points) -> Points:
    """Unit vectors (n, 2) across a path, to the left of its direction."""
    along = np.gradient(path, axis=0)
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)
    return np.asarray(np.stack([-along[:, 1], along[:, 0]], axis=1) / length[:, None])


def draw_line(canvas: Canvas, path: Points, width_px: float, opacity: float = 1.0) -> None:
    """Draw a line of one width; one thinner than a pixel covers part of it."""
    stroke = max(1, round(width_px - 0.4))
    value = int(255 * opacity * min(1.0, width_px / 1.2))
    cv2.polylines(canvas, [fixed(path)], False, value, stroke, cv2.LINE_AA, 4)


def draw_band(
    canvas: Canvas, path: Points, left_px: Points | float, right_px: Points | float, value: int
) -> None:
    """Fill the band between two distances from a path, given for each point or for all."""
    across = normals(path)
    left = path + across * np.reshape(left_px, (-1, 1))
    right = path - across * np.reshape(right_px, (-1, 1))
    fill(canvas, np.concatenate([left, right[::-1]]), value)


def draw_chip(canvas: Canvas, rng: Rng, center: Points, radius: float, value: int = 255) -> None:
    """Draw a flake that broke off: a polygon of few corners and straight edges."""
    corners = int(rng.integers(4, 8))
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    reach = radius * rng.uniform(0.45, 1.3, corners)
    points = np.stack([np.cos(angle) * reach, np.sin(angle) * reach], axis=1)
    fill(canvas, center + points, value)


def shifted(field: Field, x: float, y: float) -> Field:
    """Move a picture by whole or part pixels; what comes in repeats the border."""
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
    size = (field.shape[1], field.shape[0])
    moved = cv2.warpAffine(
        field, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, field.dtype)


def runs(flags: NDArray[np.bool_]) -> list[slice]:
    """The stretches where flags are true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.view(np.int8), [0]])))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
