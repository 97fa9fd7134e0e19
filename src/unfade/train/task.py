"""One Lightning module per task: what is compared with what, and what counts as better."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import lightning
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..photo import Damage
from .components import Count, count_batch
from .losses import FILL, PICTURE, SEGMENTATION
from .muon import Muon

Batch = list[Tensor]

KINDS = tuple(kind for kind in Damage if kind is not Damage.NONE)
"""What the damage network tells apart, in the order of its outputs after the first."""


class Task(lightning.LightningModule):
    """An optimizer, warm-up and a falling learning rate; the rest is in the tasks.

    Args:
        net: The network, apart from its training.
        lr: Highest learning rate.
        steps: Optimizer steps in all, over which the rate falls to a hundredth.
    Attributes:
        schedule: `cosine`, `constant`, or `plateau`.
        optimizer: `adamw` or `muon`.
        drop: What `watch.Plateau` has made of the rate so far, 1 at first.
        spent: Share of its time that the run has used, if it has a limit; kept by `watch.Clock`.
    """

    def __init__(self, net: nn.Module, lr: float, steps: int) -> None:
        super().__init__()
        self.net, self.lr, self.steps = net, lr, steps
        self.schedule, self.optimizer, self.drop, self.spent = "cosine", "adamw", 1.0, 0.0

    def forward(self, *inputs: Tensor) -> Tensor:
        answer: Tensor = self.net(*inputs)
        return answer

    def training_step(self, batch: Batch, index: int) -> Tensor:
        loss = self.loss(batch)
        self.log("loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, index: int) -> None:
        self.log_dict(self.measure(batch), prog_bar=True, sync_dist=True)

    def configure_optimizers(self) -> dict[str, Any]:
        optimizer: torch.optim.Optimizer = (
            Muon(self, self.lr)
            if self.optimizer == "muon"
            else torch.optim.AdamW(self.parameters(), lr=self.lr, weight_decay=1e-4)
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def rate(self, step: int) -> float:
        """The learning rate at a step, over the highest."""
        warm = min(1.0, (step + 1) / max(1, min(200, self.steps // 10)))
        if self.schedule != "cosine":
            return warm * self.drop
        done = min(1, max(step / self.steps, self.spent))
        return warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))

    def loss(self, batch: Batch) -> Tensor:
        """What is made small."""
        raise NotImplementedError

    def measure(self, batch: Batch) -> dict[str, Tensor]:
        """Figures on a validation batch; `score` is the one to watch, higher is better."""
        raise NotImplementedError

    def pictures(self, batch: Batch) -> list[Tensor]:
        """What a person looks at: seen, answered, true; each (N, 1 or 3, H, W) in [0, 1]."""
        raise NotImplementedError


class DamageTask(Task):
    """Find damaged pixels and say of what kind they are.

    Cross-entropy and soft Dice for damaged or not, faint damage left out of both; thin structures
    weigh more, because a hair has few pixels and a tear many. Cross-entropy over the kinds on
    the pixels that are half visible or more.

    Batches: picture (N, 3, H, W) in [0, 1]; visibility of the damage (N, 1, H, W), 1 from a
    change of 10/255 on; kind of the damage (N, 1, H, W), a number of `Damage`, 0 where it is not
    known. Between 0.3 and 1 a pixel is neither damaged nor clean.

    Args:
        net: Gives one logit for damage and, to tell kinds apart, one more per kind.
        loss: One of `losses.SEGMENTATION`, for damaged or not.
    """

    def __init__(self, net: nn.Module, lr: float, steps: int, loss: str = "entropy-dice") -> None:
        super().__init__(net, lr, steps)
        self.detect = SEGMENTATION[loss]
        self.count = Count()

    def loss(self, batch: Batch) -> Tensor:
        picture, visible, kinds = batch
        logits = self(picture).float()
        truth, counts = (visible >= 0.99).float(), ((visible >= 0.99) | (visible < 0.3)).float()
        detected = self.detect(logits[:, :1], truth, counts)
        if logits.shape[1] == 1:
            return detected
        label = torch.where(visible >= 0.5, kinds, 0.0)[:, 0].long() - 1
        told = F.cross_entropy(logits[:, 1:], label, ignore_index=-1, reduction="sum")
        return detected + 0.03 * told / (label >= 0).sum().clamp(min=1)

    def measure(self, batch: Batch) -> dict[str, Tensor]:
        picture, visible, kinds = batch
        logits = self(picture).float()
        found = logits[:, :1] > 0
        truth, clean = visible >= 0.99, visible < 0.3
        hit = (found & truth).sum().float()
        precision = hit / (found & (truth | clean)).sum().clamp(min=1)
        recall = hit / truth.sum().clamp(min=1)
        f1 = 2 * precision * recall / (precision + recall).clamp(min=1e-6)
        self.count += count_batch(found, truth, ~(truth | clean))
        figures = {"score": f1, "precision": precision, "recall": recall}
        if logits.shape[1] == 1:
            return figures
        right = logits[:, 1:].argmax(dim=1, keepdim=True) + 1 == kinds
        told = (right & truth).sum() / truth.sum().clamp(min=1)
        return {**figures, "kind": told}

    def on_validation_epoch_start(self) -> None:
        self.count = Count()

    def on_validation_epoch_end(self) -> None:
        """Components are counted over all batches: one batch may hold none."""
        found, true, false, pixels = dataclasses.astuple(self.count)
        self.log("components_found", found / max(1, true), sync_dist=True)
        self.log("false_per_megapixel", false / max(1, pixels) * 1e6, sync_dist=True)

    def pictures(self, batch: Batch) -> list[Tensor]:
        picture, visible, *_ = batch
        return [picture, torch.sigmoid(self(picture)[:, :1].float()), visible]


class InpaintTask(Task):
    """Continue the picture into holes: the change to a smooth fill, judged inside the mask.

    Batches: smooth fill (N, 3, H, W), mask (N, 1, H, W), clean picture (N, 3, H, W).

    Args:
        loss: One of `losses.FILL`.
    """

    def __init__(self, net: nn.Module, lr: float, steps: int, loss: str = "absolute") -> None:
        super().__init__(net, lr, steps)
        self.error = FILL[loss]

    def loss(self, batch: Batch) -> Tensor:
        fill, mask, clean = batch
        change = self(torch.cat([fill, mask], dim=1)).float()
        return self.error(fill + change, clean, mask)

    def measure(self, batch: Batch) -> dict[str, Tensor]:
        fill, mask, clean = batch
        change = self(torch.cat([fill, mask], dim=1)).float()
        ours, ground = (psnr_where(f, clean, mask) for f in (fill + change, fill))
        return {"score": ours, "gain_db": ours - ground}

    def pictures(self, batch: Batch) -> list[Tensor]:
        fill, mask, clean = batch
        change = self(torch.cat([fill, mask], dim=1)).float()
        return [fill, (fill + change * mask).clamp(0, 1), clean, mask]


class DenoiseTask(Task):
    """Take noise, blur and JPEG blocks away: the change to add to a picture.

    Batches: degraded picture (N, 3, H, W), clean picture (N, 3, H, W).

    Args:
        loss: One of `losses.PICTURE`.
    """

    def __init__(self, net: nn.Module, lr: float, steps: int, loss: str = "absolute") -> None:
        super().__init__(net, lr, steps)
        self.error = PICTURE[loss]

    def loss(self, batch: Batch) -> Tensor:
        noisy, clean = batch
        return self.error(noisy + self(noisy).float(), clean).mean()

    def measure(self, batch: Batch) -> dict[str, Tensor]:
        noisy, clean = batch
        restored = (noisy + self(noisy).float()).clamp(0, 1)
        ours, before = psnr(restored, clean), psnr(noisy, clean)
        return {"score": ours, "gain_db": ours - before}

    def pictures(self, batch: Batch) -> list[Tensor]:
        noisy, clean = batch
        return [noisy.clamp(0, 1), (noisy + self(noisy).float()).clamp(0, 1), clean]


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Mean over a batch of the PSNR of each picture, in dB."""
    error = (a - b).square().mean(dim=(1, 2, 3))
    return (-10 * torch.log10(error.clamp(min=1e-10))).mean()


def psnr_where(a: Tensor, b: Tensor, where: Tensor) -> Tensor:
    """PSNR in dB over the pixels of a mask (N, 1, H, W) of 0 and 1, of the whole batch at once."""
    error = ((a - b).square() * where).sum() / (a.shape[1] * where.sum()).clamp(min=1)
    return -10 * torch.log10(error.clamp(min=1e-10))
