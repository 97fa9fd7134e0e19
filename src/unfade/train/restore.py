"""The one-stage task: one network takes the damage away that others find and fill in two steps."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..color import LUMA, in_color
from ..darkroom import Darkroom
from ..degrade import draw_aging
from ..degrade.damage import spared
from ..photo import Photo
from ..pipeline import run
from .aging import damage_of
from .losses import PICTURE, mask_weighted
from .task import Batch, Task, psnr_where

Array = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class RestoreExamples:
    """Crops aged by a preset, and what they should become.

    Attributes:
        library, part: As of the other examples.
        aging: One of `degrade.PRESETS`.
        undo: `damage` keeps fading, blur, grain and noise in the target, as they are in the aged
            crop; with `all` the target is the clean crop.
    """

    library: str = ""
    part: str = "train"
    aging: str = "old-photo-mixed"
    undo: str = "damage"

    def __call__(self, crop: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Give the aged crop (H, W, 3), the target (H, W, 3), and where artefacts are (H, W).

        Handwriting is none: it belongs to the photo.
        """
        recipe = draw_aging(
            rng,
            self.aging,
            float(rng.uniform(0.1, 1)),
            size=(crop.shape[0], crop.shape[1]),
            library=self.library,
            part=self.part,
        )
        room = Darkroom()
        aged = run(Photo(crop), recipe, room)
        target = crop
        if self.undo == "damage":
            target = run(Photo(crop), spared(recipe), room).pixels
        mask, _ = damage_of(aged)
        return _within(aged.pixels), _within(target), mask


def _within(pixels: Array) -> Array:
    return np.clip(in_color(pixels), 0, 1)


def to_grey(picture: Tensor) -> Tensor:
    """(N, 3, H, W) to (N, 1, H, W), weighed as luma."""
    weights = torch.tensor(LUMA, dtype=picture.dtype, device=picture.device)
    return (picture * weights[:, None, None]).sum(1, keepdim=True)


class RestoreTask(Task):
    """Restore in one stage: error of the picture, artefacts weighing more.

    Batches: aged picture (N, 3, H, W), target (N, 3, H, W), where artefacts are (N, 1, H, W).

    Args:
        net: Takes and gives as many channels as the mode says; answers with the change.
        mode: `color`, `grey` (luma in, luma out) or `colorize` (luma in, color out).
        loss: One of `losses.PICTURE`.
        mask_weight: How much more a pixel of an artefact counts.
    """

    def __init__(
        self,
        net: nn.Module,
        lr: float,
        steps: int,
        mode: str = "color",
        loss: str = "absolute",
        mask_weight: float = 4.0,
    ) -> None:
        super().__init__(net, lr, steps)
        self.mode, self.error, self.mask_weight = mode, PICTURE[loss], mask_weight

    def restore(self, aged: Tensor) -> Tensor:
        """What becomes of an aged color picture; (N, 1 or 3, H, W), not clipped."""
        seen = aged if self.mode == "color" else to_grey(aged)
        return seen + self(seen).float()

    def loss(self, batch: Batch) -> Tensor:
        aged, target, mask = batch
        return mask_weighted(
            self.error(self.restore(aged), self.goal(target)), mask, self.mask_weight
        )

    def measure(self, batch: Batch) -> dict[str, Tensor]:
        aged, target, mask = batch
        restored = self.restore(aged).clamp(0, 1)
        target = self.goal(target)
        before = (aged if self.mode == "color" else to_grey(aged)).expand_as(target)
        inside = (mask > 0.5).float()
        # Of the whole batch at once: a crop without artefacts is perfect before anything is done,
        # and its PSNR without bounds would drown the others in a mean.
        ours, theirs = (psnr_where(p, target, torch.ones_like(mask)) for p in (restored, before))
        return {
            "score": ours,
            "gain_db": ours - theirs,
            "inside_db": psnr_where(restored, target, inside),
            "outside_db": psnr_where(restored, target, 1 - inside),
            "mse": (restored - target).square().mean(),
        }

    def goal(self, target: Tensor) -> Tensor:
        """What the answer is compared with, in the channels of the mode."""
        return to_grey(target) if self.mode == "grey" else target

    def pictures(self, batch: Batch) -> list[Tensor]:
        aged, target, mask = batch
        return [aged, self.restore(aged).clamp(0, 1), target, mask]
