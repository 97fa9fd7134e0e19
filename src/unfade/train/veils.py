"""Training of the network that lifts veils: a whole photo goes in, small; per pixel, what to undo.

A stain covers whole crops at full size, where nothing tells it from a dark wall. So the network
sees the photo from afar. The loss undoes the veil with the answer, differentiably, and compares
the picture with the same one that never had a veil, all other wear equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ..color import in_color
from ..darkroom import Darkroom
from ..degrade.damage import spared
from ..degrade.films import draw_film_pixel
from ..degrade.veils import draw_veil, under
from ..photo import Photo, Pixels
from ..pipeline import run
from ..recipe import Recipe
from ..stages.veils import MOST_GAIN
from .aging import draw_any_aging
from .crops import Draw, cut_most, shrunk_to, squeezed, to_tensor
from .losses import entropy_dice
from .task import Batch, Task, psnr_where

CACHE_SIDE = 256
"""Longer side of what is kept of a photo."""

VEILED, TWICE = 0.65, 0.3
"""Share of examples under a veil, and of these under two."""

SPARED = 0.5
"""Share of examples without any other damage."""

OFTEN = {
    "stains": 0.28,
    "tape": 0.1,
    "leaks": 0.12,
    "silver": 0.12,
    "foxing": 0.08,
    "fingerprints": 0.22,
    "chemistry": 0.08,
}

BESIDE = 0.05
"""How much a pixel beside the veil counts."""

Rng = np.random.Generator


def undo(picture: Tensor, answer: Tensor) -> Tensor:
    """The picture (N, 3, H, W) without its veil, as if all of it were under one; not clipped.

    The differentiable twin of `stages.veils.read_answer`.
    """
    gain = MOST_GAIN * torch.tanh(answer[:, 1:4])
    return picture * torch.exp(gain) + torch.tanh(answer[:, 4:7])


def lift(picture: Tensor, answer: Tensor) -> Tensor:
    """The picture without its veil, where the network sees one: (N, 3, H, W), not clipped."""
    return torch.lerp(picture, undo(picture, answer), torch.sigmoid(answer[:, :1]))


class VeilTask(Task):
    """Lift veils: where they are, as for damage, and the error of the picture under them.

    Batches: the veiled picture (N, 3, H, W) in [0, 1]; the same without the veil; how visible the
    veil is (N, 1, H, W), 1 from a change of 10/255 on. Between 0.3 and 1 it is neither there nor
    not.
    """

    def loss(self, batch: Batch) -> Tensor:
        picture, clear, visible = batch
        answer = self(picture).float()
        counts = ((visible >= 0.99) | (visible < 0.3)).float()
        truth = (visible >= 0.99).float()
        seen = entropy_dice(answer[:, :1], truth, counts)
        # What the correction would be where there is no veil matters little: nobody will see it.
        weight = BESIDE + visible
        off = (undo(picture, answer) - clear).abs().mean(1, keepdim=True) * weight
        return seen + 4 * off.sum() / weight.sum()

    def measure(self, batch: Batch) -> dict[str, Tensor]:
        picture, clear, visible = batch
        answer = self(picture).float()
        lifted = lift(picture, answer).clamp(0, 1)
        under, beside = (visible >= 0.99).float(), (visible < 0.3).float()
        ours, before = (psnr_where(p, clear, under) for p in (lifted, picture))
        found = (answer[:, :1] > 0).float()
        return {
            "score": ours - before,
            "beside_db": psnr_where(lifted, clear, beside),
            "found": (found * under).sum() / under.sum().clamp(min=1),
            "false": (found * beside).sum() / beside.sum().clamp(min=1),
        }

    def pictures(self, batch: Batch) -> list[Tensor]:
        picture, clear, visible = batch
        answer = self(picture).float()
        return [
            picture,
            lift(picture, answer).clamp(0, 1),
            clear,
            torch.sigmoid(answer[:, :1]),
            visible,
        ]


class VeilData(Dataset[tuple[Tensor, ...]]):
    """Small photos under a veil or not; the n-th is always the same for a seed.

    Args:
        photos: As `shrink` makes them, (H, W, 3) uint8.
        library, part: As of `degrade.draw_aging`.
        seed: Fixes every example.
    """

    def __init__(
        self,
        photos: Sequence[NDArray[np.uint8]],
        library: str = "",
        part: str = "train",
        seed: int = 0,
    ) -> None:
        self.photos, self.seed = photos, seed
        self.library, self.part = library, part

    def __getitem__(self, draw: Draw) -> tuple[Tensor, ...]:
        rng = np.random.default_rng((self.seed, draw.number))
        photo = draw.one_of(self.photos, rng)
        example = make_example(
            cut_most(photo, draw.side, rng), draw.side, rng, self.library, self.part
        )
        return tuple(to_tensor(plane) for plane in example)


def make_example(
    crop: Pixels, side: int, rng: Rng, library: str = "", part: str = "train"
) -> tuple[Pixels, Pixels, Pixels]:
    """Age a crop (S, S, 3) with and without a veil, and squeeze both to a side.

    Returns:
        Veiled and clear (side, side, 3), and how visible the veil is (side, side).
    """
    aging = draw_any_aging(rng, (crop.shape[0], crop.shape[1]), library, part)
    others = spared(aging) if rng.random() < SPARED else aging
    # The photo was shrunk, and its pixels stand for more than those of a scan.
    shrunk = float(np.exp(rng.uniform(*np.log((3, 12)))))
    veils = _veils(rng, crop, shrunk) if rng.random() < VEILED else []
    clear = _aged(crop, under((), others), side)
    if not veils:
        return clear, clear, np.zeros((side, side), np.float32)
    veiled = _aged(crop, under(veils, others), side)
    # The noise of a JPEG differs too, from pixel to pixel.
    change = cv2.blur(np.abs(veiled - clear).max(axis=2), (3, 3))
    return veiled, clear, np.minimum(change * np.float32(255 / 10), 1)


def _veils(rng: Rng, crop: Pixels, shrunk: float) -> list[Any]:
    size = (crop.shape[0], crop.shape[1])
    severity = float(rng.uniform(0.1, 1))
    film_um = draw_film_pixel(rng) * shrunk
    count = 2 if rng.random() < TWICE else 1
    names = rng.choice(list(OFTEN), count, replace=False, p=list(OFTEN.values()))
    return [draw_veil(rng, str(name), size, severity, film_um) for name in names]


def _aged(crop: Pixels, stages: Sequence[Any], side: int) -> Pixels:
    pixels = in_color(run(Photo(crop), Recipe("veils", tuple(stages)), Darkroom()).pixels)
    small = squeezed(np.clip(pixels, 0, 1), side)
    return np.asarray(np.rint(small * 255) / np.float32(255), np.float32)


def shrink(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is kept of a photo: at most 256 pixels on its longer side."""
    return shrunk_to(picture, CACHE_SIDE)
