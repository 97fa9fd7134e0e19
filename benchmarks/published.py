"""The shapes of published networks, with random weights: speed does not depend on weights.

Written from their layer tables, to be timed and not to be used: "Bringing Old Photos Back to Life"
(Wan et al., CVPR 2020), its scratch detector, variational autoencoders, latent mapping with
partial non-local attention, and the SPADE generator for faces. All run as plain eager modules in
32 bit, like the code they were published with. Restormer is the one of `unfade.train.nets`.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LATENT = 64


class ScratchDetector(nn.Module):
    """U-Net with anti-aliased steps down; (N, 1, H, W) to logits (N, 1, H, W), multiples of 16."""

    def __init__(self, widths: tuple[int, ...] = (64, 128, 256, 512, 1024)) -> None:
        super().__init__()
        pairs = list(itertools.pairwise(widths))
        self.first = _reflected(1, widths[0], 7)
        self.before = nn.ModuleList(
            nn.Sequential(_reflected(w, w, 3), nn.BatchNorm2d(w), nn.LeakyReLU(0.2), BlurPool(w))
            for w, _ in pairs
        )
        self.down = nn.ModuleList(_two_convs(w, v) for w, v in pairs)
        self.grow = nn.ModuleList(_reflected(v, w, 3) for w, v in reversed(pairs))
        self.up = nn.ModuleList(_two_convs(v, w) for w, v in reversed(pairs))
        self.last = _reflected(widths[0], 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        x, skips = F.leaky_relu(self.first(x), 0.2), []
        for before, block in zip(self.before, self.down, strict=True):
            skips.append(x)
            x = block(before(x))
        for grow, block in zip(self.grow, self.up, strict=True):
            x = grow(F.interpolate(x, scale_factor=2.0, mode="bilinear"))
            x = block(torch.cat([x, skips.pop()], 1))
        answer: Tensor = self.last(x)
        return answer


class BlurPool(nn.Module):
    """Every second pixel of a picture blurred by [1, 2, 1] both ways."""

    kernel: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        line = torch.tensor([1.0, 2.0, 1.0])
        kernel = torch.outer(line, line) / 16
        self.register_buffer("kernel", kernel.expand(width, 1, 3, 3).clone())

    def forward(self, x: Tensor) -> Tensor:
        around = F.pad(x, (1, 1, 1, 1), "reflect")
        return F.conv2d(around, self.kernel, stride=2, groups=x.shape[1])


class Encoder(nn.Sequential):
    """(N, 3, H, W) to the latent (N, 64, H/4, W/4)."""

    def __init__(self) -> None:
        super().__init__(
            *_normalized(_reflected(3, LATENT, 7)),
            *_normalized(nn.Conv2d(LATENT, LATENT, 4, 2, 1)),
            *_normalized(nn.Conv2d(LATENT, LATENT, 4, 2, 1)),
            *(InstanceBlock(LATENT) for _ in range(4)),
        )


class Decoder(nn.Sequential):
    """The latent (N, 64, H, W) to (N, 3, 4 H, 4 W)."""

    def __init__(self) -> None:
        super().__init__(
            *(InstanceBlock(LATENT) for _ in range(4)),
            *_normalized(nn.ConvTranspose2d(LATENT, LATENT, 4, 2, 1)),
            *_normalized(nn.ConvTranspose2d(LATENT, LATENT, 4, 2, 1)),
            _reflected(LATENT, 3, 7),
            nn.Tanh(),
        )


class Mapping(nn.Module):
    """Latent to latent, holes filled from the rest by partial non-local attention."""

    def __init__(self, widths: tuple[int, ...] = (64, 128, 256, 512, 512)) -> None:
        super().__init__()
        pairs, widest = list(itertools.pairwise(widths)), widths[-1]
        enter = [_normalized(nn.Conv2d(v, w, 3, padding=1)) for v, w in pairs]
        leave = [_normalized(nn.Conv2d(w, v, 3, padding=1)) for v, w in reversed(pairs)]
        self.before = nn.Sequential(*itertools.chain(*enter))
        self.attention = PartialNonLocal(widest)
        blocks = (InstanceBlock(widest) for _ in range(6))
        self.after = nn.Sequential(*blocks, *itertools.chain(*leave[:-1]), leave[-1][0])

    def forward(self, latent: Tensor, mask: Tensor) -> Tensor:
        answer: Tensor = self.after(self.attention(self.before(latent), mask))
        return answer


class PartialNonLocal(nn.Module):
    """Every pixel asks all pixels outside the holes; the answer is taken inside the holes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.g, self.theta, self.phi, self.w = (nn.Conv2d(width, width, 1) for _ in range(4))
        self.blocks = nn.Sequential(*(InstanceBlock(width) for _ in range(3)))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        size = x.shape[2:]
        holes = (F.interpolate(mask, size, mode="bilinear") > 0).float()
        keep = (1 - holes) * F.interpolate(1 - mask, size, mode="nearest")
        affinity = self.theta(x).flatten(2).transpose(1, 2) @ self.phi(x).flatten(2)
        rows = affinity.softmax(2) * keep.flatten(2)
        rows = F.normalize(rows, p=1.0, dim=2)
        gathered = (rows @ self.g(x).flatten(2).transpose(1, 2)).transpose(1, 2)
        processed = self.blocks(self.w(gathered.unflatten(2, size)))
        return keep * x + (1 - keep) * processed


class FaceGenerator(nn.Module):
    """SPADE generator that sees the degraded face (N, 3, S, S), S a multiple of 32."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 1024, 3, padding=1)
        widths = [(1024, 1024)] * 3 + [(1024, 512), (512, 256), (256, 128), (128, 64)]
        self.blocks = nn.ModuleList(SpadeBlock(v, w) for v, w in widths)
        self.last = nn.Conv2d(64, 3, 3, padding=1)

    def forward(self, face: Tensor) -> Tensor:
        start = face.shape[2] // 32
        x = self.first(F.interpolate(face, (start, start), mode="bilinear"))
        for index, block in enumerate(self.blocks):
            # The second and third block work at one size.
            if index not in (0, 2):
                x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = block(x, face)
        return torch.tanh(self.last(F.leaky_relu(x, 0.2)))


class SpadeBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        inner = min(inputs, outputs)
        self.norm_0, self.norm_1 = Spade(inputs), Spade(inner)
        self.conv_0 = nn.Conv2d(inputs, inner, 3, padding=1)
        self.conv_1 = nn.Conv2d(inner, outputs, 3, padding=1)
        self.shortcut = None if inputs == outputs else Spade(inputs)
        self.conv_s = None if inputs == outputs else nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor, face: Tensor) -> Tensor:
        around = x
        if self.shortcut is not None and self.conv_s is not None:
            around = self.conv_s(self.shortcut(x, face))
        x = self.conv_0(F.leaky_relu(self.norm_0(x, face), 0.2))
        x = self.conv_1(F.leaky_relu(self.norm_1(x, face), 0.2))
        return around + x


class Spade(nn.Module):
    """Normalization whose scale and shift come from the face at each pixel."""

    def __init__(self, width: int, inner: int = 128) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=False)
        self.shared = nn.Conv2d(3, inner, 3, padding=1)
        self.gamma = nn.Conv2d(inner, width, 3, padding=1)
        self.beta = nn.Conv2d(inner, width, 3, padding=1)

    def forward(self, x: Tensor, face: Tensor) -> Tensor:
        seen = F.relu(self.shared(F.interpolate(face, x.shape[2:], mode="bilinear")))
        return self.norm(x) * (1 + self.gamma(seen)) + self.beta(seen)


class InstanceBlock(nn.Module):
    """Two reflected 3x3 convolutions with instance normalization, added to the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_normalized(_reflected(width, width, 3)),
            _reflected(width, width, 3),
            nn.InstanceNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = x + self.body(x)
        return answer


def _normalized(conv: nn.Conv2d | nn.ConvTranspose2d) -> tuple[nn.Module, ...]:
    return conv, nn.InstanceNorm2d(conv.out_channels), nn.ReLU()


def _reflected(inputs: int, outputs: int, side: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, side, padding=side // 2, padding_mode="reflect")


def _two_convs(inputs: int, outputs: int) -> nn.Sequential:
    pairs = ((inputs, outputs), (outputs, outputs))
    parts = ((_reflected(v, w, 3), nn.BatchNorm2d(w), nn.LeakyReLU(0.2)) for v, w in pairs)
    return nn.Sequential(*itertools.chain(*parts))
