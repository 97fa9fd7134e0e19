"""One Lightning module per task: what is compared with what, and what counts as better."""

from __future__ import annotations

import math
from typing import Any

import lightning
import torch
import torch.nn.functional as F
from torch import Tensor, nn

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


class DamageTask(Task):
    """Find damaged pixels. Cross-entropy and soft Dice, faint damage left out of both.

    Batches: picture (N, 3, H, W) in [0, 1]; visibility of the damage (N, 1, H, W), 1 from a
    change of 10/255 on. Between 0.3 and 1 a pixel is neither damaged nor clean.
    """

    def __init__(self, preset: str, lr: float, steps: int) -> None:
        super().__init__(SegmentationNet(WIDTHS["damage"][preset]), lr, steps)

    def loss(self, batch: Batch) -> Tensor:
        picture, visible = batch
        logits = self(picture).float()
        truth, counts = (visible >= 0.99).float(), ((visible >= 0.99) | (visible < 0.3)).float()
        entropy = F.binary_cross_entropy_with_logits(logits, truth, counts, reduction="sum")
        found = torch.sigmoid(logits) * counts
        dice = 1 - (2 * (found * truth).sum() + 1) / ((found + truth * counts).sum() + 1)
        return entropy / counts.sum().clamp(min=1) + 0.2 * dice

    def measure(self, batch: Batch) -> dict[str, Tensor]:
        picture, visible = batch
        found = torch.sigmoid(self(picture).float())
        truth, clean = visible >= 0.99, visible < 0.3
        hit = ((found > 0.5) & truth).sum().float()
        precision = hit / ((found > 0.5) & (truth | clean)).sum().clamp(min=1)
        recall = hit / truth.sum().clamp(min=1)
        f1 = 2 * precision * recall / (precision + recall).clamp(min=1e-6)
        return {"score": f1, "precision": precision, "recall": recall}


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
