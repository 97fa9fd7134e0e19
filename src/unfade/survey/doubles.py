"""Which photos are there twice: byte for byte, or as the same picture in another file.

The fingerprint is the sign pattern of low frequencies against their median (Zauner,
"Implementation and Benchmarking of Perceptual Image Hash Functions", 2010): scaling, compression,
fading and small damage leave most of its bits. Pairs that it proposes are compared once more.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..color import luma
from ..models.zoo import checksum
from ..photo import Pixels

SIDE, LOW = 32, 8
MOST_BITS = 12
"""Of 63 bits, so many may differ; unrelated photos differ in 32, give or take 4."""

LEAST_LIKENESS = 0.95
"""Correlation of the tiny pictures of a double."""

FLAT = 2 / 255
"""A picture with less contrast than this has no fingerprint: all such would be alike."""

TINY = 16
EMPTY = -1


def picture_hash(pixels: Pixels) -> int:
    """The fingerprint of a picture.

    Args:
        pixels: (H, W, C) in [0, 1].
    Returns:
        63 bits, or `EMPTY` for a picture without contrast.
    """
    small = cv2.resize(luma(pixels), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    if float(small.std()) < FLAT:
        return EMPTY
    # The first coefficient is the mean brightness, which fading changes.
    low = cv2.dct(np.asarray(small, np.float32))[:LOW, :LOW].ravel()[1:]
    bits = (low > np.median(low)).astype(np.uint8)
    return int("".join(map(str, bits)), 2)


def tiny(pixels: Pixels) -> bytes:
    """A picture of 16 x 16 grey values, one byte each."""
    small = cv2.resize(luma(pixels), (TINY, TINY), interpolation=cv2.INTER_AREA)
    return bytes(np.rint(np.clip(small, 0, 1) * 255).astype(np.uint8).tobytes())


def same_bytes(paths: list[str], sizes: list[int]) -> list[list[int]]:
    """Groups of files that are equal byte for byte; only those of equal size are read.

    Returns:
        Indices into `paths`, two or more per group, each ascending.
    """
    by_size: dict[int, list[int]] = {}
    for index, size in enumerate(sizes):
        by_size.setdefault(size, []).append(index)
    by_content: dict[str, list[int]] = {}
    for group in by_size.values():
        for index in group if len(group) > 1 else ():
            by_content.setdefault(_content(paths[index]), []).append(index)
    return [group for content, group in by_content.items() if content and len(group) > 1]


def same_picture(fingerprints: list[int], tinies: list[bytes]) -> list[list[int]]:
    """Groups of photos that show the same picture.

    Args:
        fingerprints: As `picture_hash` gives them; `EMPTY` belongs to no group.
        tinies: As `tiny` gives them.
    Returns:
        Indices, two or more per group, each ascending. What is like a member belongs to a group.
    """
    known = [index for index, value in enumerate(fingerprints) if value != EMPTY]
    hashes = np.array([fingerprints[index] for index in known], np.uint64)
    parent = list(range(len(known)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for first in range(len(known) - 1):
        apart = np.bitwise_count(hashes[first + 1 :] ^ hashes[first])
        for other in np.flatnonzero(apart <= MOST_BITS) + first + 1:
            if likeness(tinies[known[first]], tinies[known[other]]) >= LEAST_LIKENESS:
                parent[root(int(other))] = root(first)
    groups: dict[int, list[int]] = {}
    for place, index in enumerate(known):
        groups.setdefault(root(place), []).append(index)
    return [group for group in groups.values() if len(group) > 1]


def likeness(one: bytes, other: bytes) -> float:
    """Correlation of two tiny pictures, -1 to 1; brightness and contrast do not count."""
    a, b = (_centered(data) for data in (one, other))
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale else 0.0


def _centered(data: bytes) -> NDArray[np.float32]:
    values = np.frombuffer(data, np.uint8).astype(np.float32)
    return values - values.mean()


def _content(path: str) -> str:
    try:
        return checksum(Path(path))
    except OSError:
        return ""
