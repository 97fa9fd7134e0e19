"""A first smooth fill of damaged pixels from their surroundings: the ground for inpainting.

Push-pull interpolation (Gortler et al., "The Lumigraph", SIGGRAPH 1996): averages of the known
pixels are pushed up a pyramid and pulled back down into the holes. The upper levels are taken once
for the whole photo (`coarse_fill`), the lower ones tile by tile on a fixed grid (`smooth_fill`), so
that the result does not depend on the tiles.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .photo import Mask, Pixels
from .scratch import release
from .tiling import round_up

GRID = 16
"""Cells of the coarse fill in pixels; tiles of `smooth_fill` begin on multiples of it."""

HALO = 32
"""Pixels around a tile that `smooth_fill` depends on."""


def coarse_fill(pixels: Pixels, mask: Mask) -> NDArray[np.float32]:
    """Average the known pixels in cells of 16 and fill the cells that have none.

    Args:
        pixels: (H, W, C) float32.
        mask: (H, W) float32; above 0 is unknown.
    Returns:
        (ceil(H / 16), ceil(W / 16), C) float32. All 0.5 where nothing is known at all.
    """
    cells = (-(-pixels.shape[0] // GRID), -(-pixels.shape[1] // GRID))
    weighted = np.empty((*cells, pixels.shape[2] + 1), np.float32)
    for row in range(cells[0]):
        rows = slice(row * GRID, (row + 1) * GRID)
        band = _weighted(pixels[rows], mask[rows])
        weighted[row] = cv2.resize(band, (cells[1], 1), interpolation=cv2.INTER_AREA)
        if row % 16 == 0:
            release(pixels, mask)
    return _pull(_push(weighted, levels=max(weighted.shape[:2]).bit_length()))


def smooth_fill(pixels: Pixels, mask: Mask, coarse: NDArray[np.float32]) -> Pixels:
    """Fill the unknown pixels of a tile smoothly; the known ones come back as they are.

    Args:
        pixels: (H, W, C) float32; its corner lies on a multiple of 16 in the photo.
        mask: (H, W) float32; above 0 is unknown.
        coarse: The cells of `coarse_fill` that cover the tile.
    """
    levels = _push(_weighted(pixels, mask), GRID.bit_length())
    levels[-1] = np.dstack([coarse, np.ones(coarse.shape[:2], np.float32)])
    # Of the finest level nothing is needed but the pixels: each is known, or its cell tells.
    above = _enlarged(_pull(levels[1:]), pixels.shape[:2])
    return np.where(mask[:, :, None] > 0, above, pixels)


def _weighted(pixels: Pixels, mask: Mask) -> NDArray[np.float32]:
    """Known pixels times one, unknown times zero, the weight as last channel, padded to the grid.

    Padding counts as unknown.
    """
    height, width, channels = pixels.shape
    size = (round_up(height, GRID), round_up(width, GRID))
    weighted = np.zeros((*size, channels + 1), np.float32)
    within = weighted[:height, :width]
    within[:, :, :channels], within[:, :, channels] = pixels, 1
    within[mask > 0] = 0
    return weighted


def _push(weighted: NDArray[np.float32], levels: int) -> list[NDArray[np.float32]]:
    pyramid = [weighted]
    for _ in range(levels - 1):
        height, width = pyramid[-1].shape[:2]
        below, right = height % 2, width % 2
        even = cv2.copyMakeBorder(pyramid[-1], 0, below, 0, right, cv2.BORDER_CONSTANT)
        size = ((width + right) // 2, (height + below) // 2)
        half = cv2.resize(even, size, interpolation=cv2.INTER_AREA)
        pyramid.append(np.asarray(half, np.float32))
    return pyramid


def _pull(pyramid: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    top = pyramid[-1]
    filled = np.where(top[:, :, -1:] > 0, top[:, :, :-1] / np.maximum(top[:, :, -1:], 1e-6), 0.5)
    for level in reversed(pyramid[:-1]):
        above = _enlarged(filled, level.shape[:2])
        weight = level[:, :, -1:]
        # A cell that is known by half or more speaks for itself; below that it mixes in.
        trust = np.minimum(weight * 2, 1)
        filled = trust * level[:, :, :-1] / np.maximum(weight, 1e-6) + (1 - trust) * above
    return np.asarray(filled, np.float32)


def _enlarged(cells: NDArray[np.floating], size: tuple[int, ...]) -> NDArray[np.float32]:
    """Twice as large, cut to (height, width) `size`."""
    width, height = cells.shape[1] * 2, cells.shape[0] * 2
    twice = cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(twice, np.float32).reshape(height, width, -1)[: size[0], : size[1]]
