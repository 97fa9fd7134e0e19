"""Crops: a random piece of a random picture, made into an example; the n-th is always the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

Maker = Callable[[NDArray[np.float32], np.random.Generator], tuple[NDArray[np.float32], ...]]
"""Makes one example from a clean crop: input(s) first, then target(s)."""

Examples: TypeAlias = "Dataset[tuple[Tensor, ...]]"


class Draw(NamedTuple):
    """Which example to make.

    Attributes:
        number: Seeds it.
        side: Of the crop in pixels.
        photos: Only the first so many pictures are drawn from; 0 is all.
    """

    number: int
    side: int
    photos: int = 0

    def one_of(self, pictures: Sequence[Any], rng: np.random.Generator) -> Any:
        """Draw one of the pictures that may be drawn from."""
        count = min(self.photos or len(pictures), len(pictures))
        return pictures[int(rng.integers(count))]


class Phase(NamedTuple):
    """A part of a run: until which step, how large the crops and batches, of how many photos."""

    until: int
    side: int
    batch: int
    photos: int = 0


def phases(
    steps: int, batch: int, sides: Sequence[int], grow: Sequence[int] = ()
) -> tuple[Phase, ...]:
    """Divide a run into equal parts, crops growing from part to part, photos too.

    A batch shrinks as its crops grow, so that its pixels stay about the same: 8 crops of 128 px
    become 5, 4, 2, 1 and 1 of 160, 192, 256, 320 and 384, as Restormer was trained.

    Args:
        steps: Optimizer steps in all.
        batch: Crops in a batch of the first side.
        sides: Sides of the crops in pixels, at least one.
        grow: Numbers of photos; none means all.
    """
    # Each list is cut into equal parts on its own; a phase ends where one of them goes on.
    ends = sorted({steps * (k + 1) // len(v) for v in (sides, grow) for k in range(len(v))})
    parts, begin = [], 0
    for until in ends:
        side, photos = _at(sides, begin, steps), _at(grow, begin, steps) if grow else 0
        size = max(1, round(batch * sides[0] ** 2 / side**2))
        parts.append(Phase(until, side, size, photos))
        begin = until
    return tuple(parts)


def _at(values: Sequence[int], step: int, steps: int) -> int:
    """That of some values, each used for an equal part of a run, which is used at a step.

    Part k begins at step `steps * k // len(values)`, rounded down; turned around, rounded up.
    """
    return values[((step + 1) * len(values) - 1) // steps]


class Batches:
    """The examples of each step of a run, from a given step on; a resumed run misses none.

    Args:
        parts: Of the run.
        first: Step to begin with.
        rank, world: Which of how many processes this is; each has examples of its own.
    """

    def __init__(
        self, parts: Sequence[Phase], first: int = 0, rank: int = 0, world: int = 1
    ) -> None:
        self.parts, self.first, self.rank, self.world = parts, first, rank, world

    def __len__(self) -> int:
        """Steps of the whole run: Lightning counts those already done itself."""
        return self.parts[-1].until

    def __iter__(self) -> Iterator[list[Draw]]:
        begin = number = 0
        for until, side, batch, photos in self.parts:
            skipped = min(max(self.first - begin, 0), until - begin)
            number += skipped * batch * self.world
            for _ in range(begin + skipped, until):
                own = number + self.rank * batch
                yield [Draw(own + k, side, photos) for k in range(batch)]
                number += batch * self.world
            begin = until


class Crops(Dataset[tuple[Tensor, ...]]):
    """Crops of clean pictures, made into examples.

    Args:
        photos: Decoded clean photos, (H, W, 3) uint8.
        make: Turns a clean crop and a random generator into arrays (H, W, C) or (H, W).
        seed: Fixes every example.
    """

    def __init__(self, photos: Sequence[NDArray[np.uint8]], make: Maker, seed: int = 0) -> None:
        self.photos, self.make, self.seed = photos, make, seed

    def __getitem__(self, draw: Draw) -> tuple[Tensor, ...]:
        rng = np.random.default_rng((self.seed, draw.number))
        photo = draw.one_of(self.photos, rng)
        return tuple(to_tensor(a) for a in self.make(random_crop(photo, draw.side, rng), rng))


class Mixed(Dataset[tuple[Tensor, ...]]):
    """Examples of two kinds, the n-th always of the same kind.

    Args:
        first, second: Where they come from.
        share: Of the second, 0 to 1.
        salt: Another one for a mixture that holds a mixture; with the same both choose alike.
    """

    def __init__(self, first: Examples, second: Examples, share: float, salt: int = 0) -> None:
        self.first, self.second, self.share, self.salt = first, second, share, salt

    def __getitem__(self, draw: Draw) -> tuple[Tensor, ...]:
        chance = np.random.default_rng((draw.number, 1, self.salt)).random()
        return (self.second if chance < self.share else self.first)[draw]


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
    return cut_square(photo, min(round(side / scale), height, width), side, rng)


def cut_most(photo: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Cut a square of most of a photo, `side` or more wide; as `cut_square`."""
    shorter = min(photo.shape[:2])
    return cut_square(photo, int(rng.integers(min(side, shorter), shorter + 1)), side, rng)


def shrunk_to(picture: NDArray[Any], longer: int) -> NDArray[Any]:
    """A picture (H, W, C), its longer side at most so many pixels."""
    scale = longer / max(picture.shape[:2])
    if scale >= 1:
        return picture
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), picture.dtype)


def squeezed(plane: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """A square (S, S) or (S, S, C) in [0, 1], in `side` pixels."""
    small = cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(small, 0, 1), np.float32)


def cut_square(
    photo: NDArray[np.uint8], span: int, side: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Cut a square of `span` pixels at a random place, flipped at random, `side` or more wide.

    Returns:
        (S, S, 3) float32 in [0, 1], S the larger of both: a smaller square is enlarged.
    """
    height, width = photo.shape[:2]
    top, left = int(rng.integers(height - span + 1)), int(rng.integers(width - span + 1))
    crop = photo[top : top + span, left : left + span].astype(np.float32) / np.float32(255)
    if span < side:
        crop = np.asarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)
        crop = np.clip(crop, 0, 1)
    return turned(crop, rng)


def turned(crop: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Mirror half of the crops (S, S, C), and lay a quarter on their side: a copy."""
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    if rng.random() < 0.25:
        crop = crop.transpose(1, 0, 2)
    return np.array(crop, order="C")


def relit(colors: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Colors in [0, 1], of any shape, lighter or darker: a copy."""
    gain, lift = rng.uniform(0.7, 1.2), rng.uniform(-0.1, 0.1)
    return np.asarray(np.clip(colors * np.float32(gain) + np.float32(lift), 0, 1), np.float32)


def to_tensor(array: NDArray[np.float32]) -> Tensor:
    """(H, W, C) or (H, W) to a (C, H, W) float32 tensor."""
    planes = array[:, :, None] if array.ndim == 2 else array
    return torch.from_numpy(np.ascontiguousarray(planes.transpose(2, 0, 1), np.float32))
