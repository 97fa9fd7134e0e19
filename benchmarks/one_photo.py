"""Networks that learn from the one photo they restore, as programs for `unfade evaluate`.

    unfade evaluate --data SMALL --aging film-35mm --limit 5 --timeout 3600 \\
        --command 'python benchmarks/one_photo.py prior {input} {output}' \\
        --command 'python benchmarks/one_photo.py blind-spot {input} {output}'

`prior` is Deep Image Prior (Ulyanov, Vedaldi and Lempitsky, CVPR 2018): a network learns to draw
the photo out of noise, the pixels that our detector marks left out, and what it draws is put into
the marks. `blind-spot` is after Noise2Self (Batson and Royer, ICML 2019): a network learns to
guess pixels from their surroundings, and the answer is what it guesses. Both are a quarter as wide
as published and take a fraction of the steps, and still minutes for a photo of 256 px: give them
few photos, and small ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unfade.darkroom import Darkroom
from unfade.io.read import read
from unfade.io.write import write
from unfade.photo import Metadata, Photo
from unfade.pipeline import run
from unfade.recipe import Recipe
from unfade.stages.damage import DetectDamage
from unfade.train.nets import PhotoUNet

SCALES = 5
GRID = 4
"""Every 16th pixel is hidden at a step, on a grid that moves."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("method", choices=list(METHODS))
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    photo = read(args.input)
    pixels = METHODS[args.method](photo, args.steps)
    restored = np.clip(pixels, 0, 1).astype(np.float32)
    write(Photo(restored, metadata=Metadata(bits=photo.metadata.bits)), args.output)


def prior(photo: Photo, steps: int) -> np.ndarray:
    """Draw the photo out of noise; (H, W, C), changed inside the marks alone."""
    marks = run(photo, Recipe("detect", (DetectDamage(),)), Darkroom(threads=1)).damage
    assert marks is not None
    if not marks.any():
        return photo.pixels
    wanted, known = padded(photo.pixels, 2**SCALES), padded(1 - marks[:, :, None], 2**SCALES)
    noise = torch.rand(1, 32, *wanted.shape[2:]) * 0.1
    net = Hourglass(32, wanted.shape[1])
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(steps):
        drawn = net(noise + 0.03 * torch.randn_like(noise))
        optimizer.zero_grad(set_to_none=True)
        ((drawn - wanted).square() * known).mean().backward()
        optimizer.step()
    with torch.no_grad():
        drawn = net(noise)
    return np.where(marks[:, :, None] > 0, pixels_of(drawn, photo.size), photo.pixels)


def blind_spot(photo: Photo, steps: int) -> np.ndarray:
    """Guess every pixel from those around it; (H, W, C)."""
    noisy = padded(photo.pixels, 8)
    channels = noisy.shape[1]
    net = PhotoUNet((16, 32, 64, 128), channels, channels)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    for step in range(steps):
        hidden = grid(noisy, step % GRID**2)
        guess = guessed(net, noisy, hidden)
        optimizer.zero_grad(set_to_none=True)
        (((guess - noisy) * hidden).square().sum() / hidden.sum()).backward()
        optimizer.step()
    with torch.no_grad():
        parts = [grid(noisy, phase) for phase in range(GRID**2)]
        whole = sum((guessed(net, noisy, part) * part for part in parts), torch.zeros_like(noisy))
    return pixels_of(whole, photo.size)


def guessed(net: nn.Module, noisy: Tensor, hidden: Tensor) -> Tensor:
    """What the network says when the hidden pixels show the mean of their neighbors."""
    kernel = torch.tensor([[0.5, 1.0, 0.5], [1.0, 0.0, 1.0], [0.5, 1.0, 0.5]]) / 6
    channels = noisy.shape[1]
    around = F.conv2d(
        F.pad(noisy, (1, 1, 1, 1), "reflect"),
        kernel.expand(channels, 1, 3, 3),
        groups=channels,
    )
    seen = noisy + (around - noisy) * hidden
    answer: Tensor = seen + net(seen)
    return answer


def grid(like: Tensor, phase: int) -> Tensor:
    """(1, 1, H, W): 1 at every fourth pixel of every fourth row, else 0."""
    mask = torch.zeros(1, 1, *like.shape[2:])
    mask[:, :, phase // GRID :: GRID, phase % GRID :: GRID] = 1
    return mask


class Hourglass(nn.Module):
    """Five scales down and up with narrow skips; (N, 32, H, W) to (N, outputs, H, W)."""

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            nn.Sequential(*_conv(32 if level == 0 else width, width, 2), *_conv(width, width))
            for level in range(SCALES)
        )
        self.skip = nn.ModuleList(
            nn.Sequential(*_conv(32 if level == 0 else width, 4, side=1)) for level in range(SCALES)
        )
        self.up = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(width + 4), *_conv(width + 4, width))
            for _ in range(SCALES)
        )
        self.last = nn.Conv2d(width, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for down, skip in zip(self.down, self.skip, strict=True):
            skips.append(skip(x))
            x = down(x)
        for up in self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear")
            x = up(torch.cat([x, skips.pop()], 1))
        return torch.sigmoid(self.last(x))


def _conv(inputs: int, width: int, stride: int = 1, side: int = 3) -> tuple[nn.Module, ...]:
    conv = nn.Conv2d(inputs, width, side, stride, side // 2, padding_mode="reflect")
    return conv, nn.BatchNorm2d(width), nn.LeakyReLU(0.2)


def padded(pixels: np.ndarray, multiple_of: int) -> Tensor:
    """(H, W, C) to (1, C, H', W'), padded right and below by repeating the edge."""
    height, width = pixels.shape[:2]
    planes = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]
    return F.pad(planes, (0, -width % multiple_of, 0, -height % multiple_of), "replicate")


def pixels_of(planes: Tensor, size: tuple[int, int]) -> np.ndarray:
    """(1, C, H', W') to (H, W, C)."""
    return planes[0, :, : size[0], : size[1]].permute(1, 2, 0).numpy()


METHODS: dict[str, Callable[[Photo, int], np.ndarray]] = {
    "prior": prior,
    "blind-spot": blind_spot,
}


if __name__ == "__main__":
    main()
