"""One Lightning module per task: what is compared with what, and what counts as better."""

from __future__ import annotations

import math
from typing import Any

import lightning
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..photo import Damage
from .nets import BLOCKS, WIDTHS, ResidualNet, SegmentationNet

Batch = list[Tensor]


class Task(lightning.LightningModule):
    """AdamW with warm-up and cosine decay; the rest is in the tasks.

    Args:
        net: The network, apart from its training.
        lr: Highest learning rate.
        steps: Optimizer steps in all, over which the rate falls to a hundredth.
    """

    def __init__(self, net: nn.Module, lr: float, steps: int) -> None:
        super().__init__()
        self.net, self.lr, self.steps = net, lr, steps

    def forward(self, *inputs: Tensor) -> Tensor:
        answer: Tensor = self.net(*inputs)
        return answer

    def training_step(self, batch: Batch, index: int) -> Tensor:
        loss = self.loss(batch)
        self.log("loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, index: int) -> None:
        self.log_dict(self.measure(batch), prog_bar=True)

    def configure_optimizers(self) -> dict[str, Any]:
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.lr, weight_decay=1e-4)

        def rate(step: int) -> float:
            warm = min(1.0, (step + 1) / max(1, min(200, self.steps // 10)))
            return warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1, step / self.steps))))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def loss(self, batch: Batch) -> Tensor:
        """What is made small."""
        raise NotImplementedError

    def measure(self, batch: Batch) -> dict[str, Tensor]:
        """Figures on a validation batch; `score` is the one to watch, higher is better."""
        raise NotImplementedError


KINDS = tuple(kind for kind in Damage if kind is not Damage.NONE)
"""What the damage network tells apart, in the order of its outputs after the first."""


class DamageTask(Task):
    """Find damaged pixels and say of what kind they are.

    Cross-entropy and soft Dice for damaged or not, faint damage left out of both; thin structures
    weigh more, because a hair has few pixels and a stain many. Cross-entropy over the kinds on
    the damaged pixels.

    Batches: picture (N, 3, H, W) in [0, 1]; visibility of the damage (N, 1, H, W), 1 from a
    change of 10/255 on; kind of the damage (N, 1, H, W), a number of `Damage`. Between 0.3 and 1 a
    pixel is neither damaged nor clean. The network gives one logit for damage and one per kind.
    """

    def __init__(self, preset: str, lr: float, steps: int) -> None:
        net = SegmentationNet(WIDTHS["damage"][preset], 3, 1 + len(KINDS))
        super().__init__(net, lr, steps)

    def loss(self, batch: Batch) -> Tensor:
        picture, visible, kinds = batch
        logits = self(picture).float()
        damage, kind = logits[:, :1], logits[:, 1:]
        truth, counts = (visible >= 0.99).float(), ((visible >= 0.99) | (visible < 0.3)).float()
        weight = counts * (1 + 2 * truth * thinness(truth))
        entropy = F.binary_cross_entropy_with_logits(damage, truth, weight, reduction="sum")
        found = torch.sigmoid(damage) * counts
        dice = 1 - (2 * (found * truth).sum() + 1) / ((found + truth * counts).sum() + 1)
        label = torch.where(truth > 0, kinds, 0.0)[:, 0].long() - 1
        told = F.cross_entropy(kind, label, ignore_index=-1, reduction="sum")
        told = told / (label >= 0).sum().clamp(min=1)
        return entropy / counts.sum().clamp(min=1) + 0.2 * dice + 0.03 * told

    def measure(self, batch: Batch) -> dict[str, Tensor]:
        picture, visible, kinds = batch
        logits = self(picture).float()
        found = logits[:, :1] > 0
        truth, clean = visible >= 0.99, visible < 0.3
        hit = (found & truth).sum().float()
        precision = hit / (found & (truth | clean)).sum().clamp(min=1)
        recall = hit / truth.sum().clamp(min=1)
        f1 = 2 * precision * recall / (precision + recall).clamp(min=1e-6)
        right = logits[:, 1:].argmax(dim=1, keepdim=True) + 1 == kinds
        told = (right & truth).sum() / truth.sum().clamp(min=1)
        return {"score": f1, "precision": precision, "recall": recall, "kind": told}


def thinness(truth: Tensor, window: int = 15) -> Tensor:
    """How thin the structure around each pixel is: 1 for a hair, 0 inside a stain.

    Args:
        truth: (N, 1, H, W) of 0 and 1.
        window: Side in pixels of the square over which the share of damage is taken.
    """
    return 1 - F.avg_pool2d(truth, window, 1, window // 2, count_include_pad=False)


class InpaintTask(Task):
    """Continue the picture into holes: the change to a smooth fill, judged inside the mask.

    Batches: smooth fill (N, 3, H, W), mask (N, 1, H, W), clean picture (N, 3, H, W).
    """

    def __init__(self, preset: str, lr: float, steps: int) -> None:
        net = ResidualNet(WIDTHS["inpaint"][preset], 4, 3, BLOCKS[preset])
        super().__init__(net, lr, steps)

    def loss(self, batch: Batch) -> Tensor:
        fill, mask, clean = batch
        change = self(torch.cat([fill, mask], dim=1)).float()
        return ((fill + change - clean) * mask).abs().sum() / (3 * mask.sum()).clamp(min=1)

    def measure(self, batch: Batch) -> dict[str, Tensor]:
        fill, mask, clean = batch
        change = self(torch.cat([fill, mask], dim=1)).float()
        ours, ground = (_psnr_inside(f, clean, mask) for f in (fill + change, fill))
        return {"score": ours, "gain_db": ours - ground}


class DenoiseTask(Task):
    """Take noise, blur and JPEG blocks away: the change to add to a picture. L1 loss.

    Batches: degraded picture (N, 3, H, W), clean picture (N, 3, H, W).
    """

    def __init__(self, preset: str, lr: float, steps: int) -> None:
        net = ResidualNet(WIDTHS["denoise"][preset], 3, 3, BLOCKS[preset])
        super().__init__(net, lr, steps)

    def loss(self, batch: Batch) -> Tensor:
        noisy, clean = batch
        return (noisy + self(noisy).float() - clean).abs().mean()

    def measure(self, batch: Batch) -> dict[str, Tensor]:
        noisy, clean = batch
        restored = (noisy + self(noisy).float()).clamp(0, 1)
        ours, before = _psnr(restored, clean), _psnr(noisy, clean)
        return {"score": ours, "gain_db": ours - before}


def _psnr(a: Tensor, b: Tensor) -> Tensor:
    error = (a - b).square().mean(dim=(1, 2, 3))
    return (-10 * torch.log10(error.clamp(min=1e-10))).mean()


def _psnr_inside(a: Tensor, b: Tensor, mask: Tensor) -> Tensor:
    error = ((a - b) * mask).square().sum() / (3 * mask.sum()).clamp(min=1)
    return -10 * torch.log10(error.clamp(min=1e-10))
