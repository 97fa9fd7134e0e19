"""Pairs for training: clean photos, cropped at scan scale and aged on the fly; nothing stored."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ..errors import ReadError

Maker = Callable[[NDArray[np.float32], np.random.Generator], tuple[NDArray[np.float32], ...]]
"""Makes one example from a clean crop: input(s) first, then target(s)."""

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}


def find_photos(folder: Path) -> list[Path]:
    """List the pictures below a folder, sorted by path.

    Raises:
        ReadError: The folder holds none.
    """
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not found:
        raise ReadError(f"no pictures in {folder}; expected {', '.join(sorted(SUFFIXES))}")
    return found


def held_out(path: Path) -> bool:
    """Whether a picture belongs to the few that are kept from training (1 in 32, by content)."""
    return hashlib.sha256(path.read_bytes()).digest()[0] % 32 == 0


def load_photos(paths: Sequence[Path]) -> list[NDArray[np.uint8]]:
    """Decode pictures to (H, W, 3) uint8 RGB, leaving out those that cannot be read.

    Raises:
        ReadError: None of them can be read.
    """
    pictures = [cv2.imread(str(path), cv2.IMREAD_COLOR) for path in paths]
    photos = [np.asarray(p[:, :, ::-1], np.uint8) for p in pictures if p is not None]
    if not photos:
        raise ReadError(f"none of {len(paths)} pictures could be read")
    return photos


def random_crop(
    photo: NDArray[np.uint8], side: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Cut a square at a random place and scale, flipped at random.

    Scans are soft at pixel level: a lens and film resolve less than a scanner samples. Nearly
    half of the crops are therefore enlarged 1.2 to 4 times; the others stay as sharp as they are.

    Args:
        photo: (H, W, 3) uint8.
        side: Of the crop in pixels.
    Returns:
        (side, side, 3) float32 in [0, 1].
    """
    scale = float(np.exp(rng.uniform(np.log(1.2), np.log(4.0)))) if rng.random() < 0.45 else 1.0
    height, width = photo.shape[:2]
    scale = max(scale, side / min(height, width))
    span = min(round(side / scale), height, width)
    top, left = int(rng.integers(height - span + 1)), int(rng.integers(width - span + 1))
    crop = photo[top : top + span, left : left + span].astype(np.float32) / 255
    if span != side:
        crop = np.asarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)
        crop = np.clip(crop, 0, 1)
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    if rng.random() < 0.25:
        crop = crop.transpose(1, 0, 2)
    return np.ascontiguousarray(crop)


class Crops(Dataset[tuple[Tensor, ...]]):
    """An endless supply of examples, the n-th always the same for a seed.

    Args:
        photos: Decoded clean photos.
        make: Turns a clean crop and a random generator into arrays (H, W, C) or (H, W).
        side: Of the crops in pixels.
        length: Examples in one epoch.
        seed: Fixes every example.
        first: Number of the first example; a resumed run goes on with those it has not seen.
    """

    def __init__(
        self,
        photos: Sequence[NDArray[np.uint8]],
        make: Maker,
        side: int,
        length: int,
        seed: int = 0,
        first: int = 0,
    ) -> None:
        self.photos, self.make, self.side = photos, make, side
        self.length, self.seed, self.first = length, seed, first

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        rng = np.random.default_rng((self.seed, self.first + index))
        photo = self.photos[int(rng.integers(len(self.photos)))]
        return tuple(to_tensor(a) for a in self.make(random_crop(photo, self.side, rng), rng))


def to_tensor(array: NDArray[np.float32]) -> Tensor:
    """(H, W, C) or (H, W) to a (C, H, W) float32 tensor."""
    planes = array[:, :, None] if array.ndim == 2 else array
    return torch.from_numpy(np.ascontiguousarray(planes.transpose(2, 0, 1), np.float32))
