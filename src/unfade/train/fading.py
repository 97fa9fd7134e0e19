"""Training of the fading estimator: a proxy goes in, the numbers that undo the fading come out.

The loss does not look at the numbers. It undoes the fading with them, differentiably, and compares
the picture with the clean one, so numbers that do the same to this picture count the same. More
than a quarter of the examples never faded, and for these every change is a loss.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from ..darkroom import Darkroom
from ..degrade.fading import FadeDyes, draw_fade, draw_grey
from ..degrade.tone import draw_exposure, draw_vignette
from ..film.density import DENSITY, TOE, Fade, change_density
from ..photo import Photo, Pixels
from ..stages.fading import ANSWER, FIELD_SIDE, PROXY_SIDE
from .crops import Draw
from .task import Batch, Task

WIDTHS = {"small": (24, 48, 96, 128), "base": (48, 96, 160, 224)}
BINS = 32
CACHE_SIDE = 160
FADED = 4 / 255
"""Mean change from which an example counts as faded; below 1/255 it counts as well toned."""


class FadingNet(nn.Module):
    """Estimate how a photo faded from its colors, their histogram and where they lie.

    Takes (N, 3, 128, 128) in [0, 1] and gives (N, 32): see `stages.fading.ANSWER`. The network
    answers in restoring form, `D = matrix (D_faded - base - field tint)`.
    """

    def __init__(self, preset: str = "small") -> None:
        super().__init__()
        widths = WIDTHS[preset]
        before = (6, *widths[:-1])
        self.body = nn.Sequential(*(_Level(b, w) for b, w in zip(before, widths, strict=True)))
        self.histogram = nn.Sequential(nn.BatchNorm1d(7 * BINS), *_dense(7 * BINS, 256))
        self.trunk = nn.Sequential(*_dense(2 * widths[-1] + 256, 256), *_dense(256, 256))
        self.numbers = nn.Linear(256, 16)
        self.place = nn.Linear(256, widths[-1])
        self.field = nn.Conv2d(widths[-1], 1, 1)
        self.rectify = nn.ReLU()
        for head in (self.numbers, self.field):
            nn.init.normal_(head.weight, std=1e-3)
            nn.init.zeros_(head.bias)
        self.register_buffer("bins", torch.linspace(0, 1, BINS).reshape(1, 1, BINS, 1))

    def forward(self, proxy: Tensor) -> Tensor:
        density = torch.log((proxy + TOE) / (1 + TOE)) * -DENSITY
        seen = F.avg_pool2d(torch.cat([proxy - 0.5, density / 3 - 0.3], dim=1), 2)
        maps = self.body(seen)
        counts = self.histogram(self._count(proxy[:, :, 1::3, 1::3]))
        trunk = self.trunk(torch.cat([maps.mean((2, 3)), maps.amax((2, 3)), counts], dim=1))
        raw = self.numbers(trunk).float()
        placed = self.rectify(maps + self.place(trunk)[:, :, None, None])
        field = self.field(placed).float().flatten(1)
        field = torch.tanh(field - field.mean(1, keepdim=True)) * 0.8
        field = field - field.mean(1, keepdim=True)
        gain = torch.exp(1.5 * torch.tanh(raw[:, 1:4] / 1.5))
        leak = torch.tanh(raw[:, 4:10]) * 0.6
        zero = torch.zeros_like(leak[:, :1])
        mixing = torch.cat([zero, leak[:, :3], zero, leak[:, 3:], zero], dim=1)
        one = torch.eye(3, dtype=mixing.dtype, device=mixing.device).reshape(1, 9)
        matrix = (one + mixing) * torch.repeat_interleave(gain, 3, dim=1)
        base = torch.tanh(raw[:, 10:13])
        tint = 1 + torch.tanh(raw[:, 13:16]) * 1.5
        return torch.cat([torch.sigmoid(raw[:, :1]), matrix, base, tint, field], dim=1)

    def _count(self, proxy: Tensor) -> Tensor:
        """Soft histograms of red, green, blue, the darkest, the brightest and two differences."""
        flat = proxy.flatten(2)
        low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
        differences = (flat[:, :1] - flat[:, 1:2], flat[:, 2:] - flat[:, 1:2])
        planes = torch.cat([flat, low, high, *(d + 0.5 for d in differences)], dim=1)
        near = F.relu(1 - (planes[:, :, None, :] - self.bins).abs() * (BINS - 1))
        return torch.sqrt(near.mean(3).flatten(1) + 1e-4)


def _dense(before: int, width: int) -> tuple[nn.Module, ...]:
    return nn.Linear(before, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()


class _Level(nn.Module):
    """Halve the size, then one residual convolution."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(before, width, 3, 2, 1, bias=False)
        self.same = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm, self.norm2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.rectify, self.rectify2 = nn.ReLU(), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.rectify(self.norm(self.down(x)))
        answer: Tensor = self.rectify2(x + self.norm2(self.same(x)))
        return answer


def undo(faded: Tensor, answer: Tensor) -> Tensor:
    """The differentiable twin of `film.density.unfade`: (N, 3, H, W), not clipped.

    Args:
        faded: (N, 3, H, W) in [0, 1].
        answer: (N, 32) of `FadingNet`, in 32-bit float.
    """
    parts = dict(zip(ANSWER, torch.split(answer, list(ANSWER.values()), dim=1), strict=True))
    matrix = parts["matrix"].reshape(-1, 3, 3)
    grid = parts["field"].reshape(-1, FIELD_SIDE, FIELD_SIDE)
    down, across = (_bernstein(side).to(faded) for side in faded.shape[2:])
    field = down @ grid @ across.T
    density = torch.log((faded + TOE) / (1 + TOE)) * -DENSITY
    stain = parts["base"][:, :, None, None] + field[:, None] * parts["tint"][:, :, None, None]
    flat = (density - stain).flatten(2)
    restored = sum(matrix[:, :, c, None] * flat[:, c, None] for c in range(3))
    assert isinstance(restored, Tensor)
    light = torch.exp(restored.clamp(-1, 6) / -DENSITY) * (1 + TOE) - TOE
    return light.reshape(faded.shape)


def _bernstein(length: int) -> Tensor:
    t = (torch.arange(length)[:, None] + 0.5) / length
    k = torch.arange(FIELD_SIDE)
    choose = torch.tensor([math.comb(FIELD_SIDE - 1, i) for i in range(FIELD_SIDE)])
    return choose * t**k * (1 - t) ** (FIELD_SIDE - 1 - k)


class FadingTask(Task):
    """Undo fading: absolute and squared error of the picture, its color error, and the gate.

    Batches: what the network sees (N, 3, 128, 128); the faded picture without dust and noise; the
    clean picture; the true numbers (N, 32), with 1, 0 or 0.5 (not worth asking) for the gate.
    """

    def loss(self, batch: Batch) -> Tensor:
        seen, faded, clean, truth = batch
        answer, label = self(seen).float(), truth[:, :1]
        faded, clean = faded[:, :, ::2, ::2], clean[:, :, ::2, ::2]  # a quarter says as much
        with torch.autocast(faded.device.type, enabled=False):
            off = _soft_clip(undo(faded, answer)) - clean
            color = off - off.mean(1, keepdim=True)
            error = (off.abs() + color.abs() + 4 * off.square()).mean((1, 2, 3))
            sure = (label - 0.5).abs() * 2
            gate = F.binary_cross_entropy(answer[:, :1].clamp(1e-5, 1 - 1e-5), label, sure)
            return error.mean() + 0.05 * gate + 0.1 * _numbers_off(answer, truth)

    def on_validation_epoch_start(self) -> None:
        self.seen: list[Tensor] = []

    def validation_step(self, batch: Batch, index: int) -> None:
        self.seen.append(self._judge(batch))

    def on_validation_epoch_end(self) -> None:
        """Figures are of all batches at once: one batch may hold nothing faded, or nothing else."""
        self.log_dict(_figures(torch.cat(self.seen)), prog_bar=True, sync_dist=True)

    def measure(self, batch: Batch) -> dict[str, Tensor]:
        return _figures(self._judge(batch))

    def _judge(self, batch: Batch) -> Tensor:
        """Of each example the PSNR after and before, whether the gate opened, and the label."""
        seen, faded, clean, truth = batch
        answer, label = self(seen).float(), truth[:, 0]
        opened = answer[:, 0] > 0.5
        restored = undo(faded, answer).clamp(0, 1)
        restored = torch.where(opened[:, None, None, None], restored, faded)
        return torch.stack(
            [_psnr(restored, clean), _psnr(faded, clean), opened.float(), label], dim=1
        )

    def pictures(self, batch: Batch) -> list[Tensor]:
        seen, faded, clean, _ = batch
        return [seen, undo(faded, self(seen).float()).clamp(0, 1), clean]


def _figures(judged: Tensor) -> dict[str, Tensor]:
    """Means over examples (N, 4) as `_judge` gives them; 0 where there are none of a sort."""
    ours, before, opened, label = judged.unbind(1)
    toned, worn = label < 0.25, label > 0.75
    return {
        "score": _mean(ours[worn]),
        "gain_db": _mean((ours - before)[worn]),
        "false_alarms": _mean(opened[toned]),
        "misses": _mean(1 - opened[worn]),
    }


def _mean(values: Tensor) -> Tensor:
    return values.sum() / max(1, len(values))


def _numbers_off(answer: Tensor, truth: Tensor) -> Tensor:
    """How far the numbers are from the drawn ones: a rough guide where pictures say little."""
    truth = torch.where(truth.isnan(), answer.detach(), truth)
    ours, drawn = (torch.split(v, list(ANSWER.values()), dim=1) for v in (answer, truth))
    matrix = (ours[1] - drawn[1]).abs().mean()
    base = (ours[2] - drawn[2]).abs().mean()
    field = (ours[4] - drawn[4]).abs().mean()
    return matrix + 3 * base + field


def _soft_clip(x: Tensor) -> Tensor:
    """Clip to [0, 1], but leave a slope to come back along."""
    return x.clamp(0, 1) + 0.05 * (x - x.clamp(0, 1))


def _psnr(a: Tensor, b: Tensor) -> Tensor:
    error = (a - b).square().mean((1, 2, 3))
    return -10 * torch.log10(error.clamp(min=1e-6))


class FadingData(Dataset[tuple[Tensor, ...]]):
    """Examples from clean photos; the n-th is always the same for a seed.

    Args:
        photos: Of at least 128 pixels on a side, such as `shrink` makes them.
        seed: Fixes every example.
    """

    def __init__(self, photos: Sequence[NDArray[np.uint8]], seed: int = 0) -> None:
        self.photos, self.seed = photos, seed

    def __getitem__(self, draw: Draw) -> tuple[Tensor, ...]:
        rng = np.random.default_rng((self.seed, draw.number))
        example = make_example(draw.one_of(self.photos, rng), rng)
        pictures = (example.seen, example.faded, example.clean)
        planes = [torch.from_numpy(np.ascontiguousarray(p.transpose(2, 0, 1))) for p in pictures]
        return (*planes, torch.from_numpy(example.truth))


@dataclasses.dataclass(frozen=True)
class Example:
    """Three (128, 128, 3) pictures, as the network sees it, faded and clean, and the truth."""

    seen: Pixels
    faded: Pixels
    clean: Pixels
    fade: Fade | None = dataclasses.field(default_factory=Fade)

    @property
    def truth(self) -> NDArray[np.float32]:
        """(32,): what the network should answer; NaN where nobody knows the numbers."""
        change = float(np.abs(self.faded - self.clean).mean())
        label = 1.0 if change > FADED else 0.0 if change < 1 / 255 else 0.5
        if self.fade is None:
            numbers = sum(ANSWER.values()) - 1
            return np.array([label, *[np.nan] * numbers], np.float32)
        grid = np.broadcast_to(self.fade.grid, (FIELD_SIDE, FIELD_SIDE))
        inverse = np.linalg.inv(self.fade.matrix)
        parts = ([label], inverse.ravel(), self.fade.base, self.fade.tint, grid.ravel())
        return np.concatenate(parts).astype(np.float32)


def make_example(photo: NDArray[np.uint8], rng: np.random.Generator) -> Example:
    """Draw a clean picture with a tone of its own, fade it or not, and add what distracts.

    Args:
        photo: (H, W, 3) uint8, at least 128 pixels on a side.
        rng: Where chance comes from.
    """
    clean = _vary_tone(_crop(photo, rng), rng)
    room = Darkroom()
    grey = rng.random() < 0.4
    scanned_grey = grey and rng.random() < 0.4
    if grey:
        clean = _pixels(draw_grey(rng, 0.0 if scanned_grey else 0.6)(Photo(clean), room).pixels)
    clean = _add_border(clean, rng)
    if rng.random() > 0.78:
        return Example(_distract(clean, rng), clean, clean)
    severity = float(rng.uniform(0.15, 1.0))
    taken = _taken(clean, severity, rng)
    if taken is not clean and rng.random() < 0.25:
        return Example(_distract(taken, rng), taken, clean, None)
    silver = grey and rng.random() < 0.85
    medium = "silver" if silver else str(rng.choice(["print", "slide"], p=(0.7, 0.3)))
    stage = draw_fade(rng, severity, medium)
    stage = _without_color(stage) if scanned_grey else stage
    faded = _pixels(stage(Photo(taken), room).pixels)
    return Example(_distract(faded, rng), faded, clean, stage.fade if taken is clean else None)


def _taken(clean: Pixels, severity: float, rng: np.random.Generator) -> Pixels:
    """What camera and lens did to the tone: mostly nothing; exposure, flare, dark corners."""
    pixels, room = clean, Darkroom()
    if rng.random() < 0.25:
        pixels = _pixels(draw_exposure(rng, severity)(Photo(pixels), room).pixels)
    if rng.random() < 0.25:
        pixels = _pixels(draw_vignette(rng, severity)(Photo(pixels), room).pixels)
    return pixels


def _without_color(stage: FadeDyes) -> FadeDyes:
    """What a scanner in grey mode sees of a fade."""
    dye, base = (float(np.mean(v)) for v in (stage.dye, stage.base))
    return FadeDyes(dye=(dye,) * 3, base=(base,) * 3, field=stage.field)


def _pixels(pixels: Pixels | None) -> Pixels:
    assert pixels is not None
    return pixels


def shrink(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is kept of a photo: 160 x 160 pixels, whatever its shape."""
    small = cv2.resize(picture, (CACHE_SIDE, CACHE_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _crop(photo: NDArray[np.uint8], rng: np.random.Generator) -> Pixels:
    height, width = (int(side * rng.uniform(0.65, 1)) for side in photo.shape[:2])
    top = int(rng.integers(photo.shape[0] - height + 1))
    left = int(rng.integers(photo.shape[1] - width + 1))
    crop = photo[top : top + height, left : left + width].astype(np.float32) / 255
    size = (PROXY_SIDE, PROXY_SIDE)
    crop = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.float32)
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    if rng.random() < 0.2:
        crop = crop.transpose(1, 0, 2)
    return np.ascontiguousarray(crop, np.float32)


def _vary_tone(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Well-toned photos differ: contrast, exposure, saturation and a slight cast of the light."""
    if rng.random() < 0.4:
        return pixels
    saturation = rng.uniform(0.7, 1.2)
    luma = np.asarray([[0.2126, 0.7152, 0.0722]] * 3)
    matrix = (np.eye(3) * saturation + luma * (1 - saturation)) * math.exp(rng.normal(0, 0.1))
    cast = rng.normal(0, 0.012, 3) + rng.normal(0, 0.03)
    return change_density(pixels, matrix, cast, np.zeros((1, 1)), np.ones(3))


def _add_border(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """White paper around the print, which fades with it and shows its base."""
    if rng.random() > 0.2:
        return pixels
    return _frame(pixels, rng, float(rng.uniform(0.9, 1.0)))


def _frame(pixels: Pixels, rng: np.random.Generator, value: float) -> Pixels:
    framed = pixels.copy()
    top, left, bottom, right = rng.integers(2, 12, 4) * (rng.random(4) < 0.9)
    framed[:top], framed[:, :left] = value, value
    framed[PROXY_SIDE - bottom :], framed[:, PROXY_SIDE - right :] = value, value
    return framed


def _distract(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """What is no fading and must not be taken for it: scanner bed, dust, blur, grain, JPEG."""
    seen = pixels
    if rng.random() < 0.1:
        seen = _frame(seen, rng, float(rng.choice([0.0, 0.02, 0.98, 1.0])))
    if rng.random() < 0.3:
        seen = _dust(seen, rng)
    if rng.random() < 0.2:
        seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), float(rng.uniform(0.4, 2))), np.float32)
    if rng.random() < 0.5:
        grain = rng.standard_normal((PROXY_SIDE, PROXY_SIDE, int(rng.choice([1, 3]))), np.float32)
        seen = np.asarray(np.clip(seen + grain * rng.uniform(0, 0.04), 0, 1), np.float32)
    codes = np.rint(seen * 255).astype(np.uint8)
    if rng.random() < 0.15:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))]
        codes = np.asarray(cv2.imdecode(cv2.imencode(".jpg", codes, quality)[1], cv2.IMREAD_COLOR))
    return np.asarray(codes.astype(np.float32) / np.float32(255), np.float32)


def _dust(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    marks = np.zeros(pixels.shape[:2], np.float32)
    for _ in range(int(rng.integers(1, 20))):
        x, y, length = (int(v) for v in rng.integers(0, PROXY_SIDE, 3))
        end = (x + int(rng.normal(0, length / 8 + 1)), y + int(rng.normal(0, length / 2 + 1)))
        start = (x, y)
        cv2.line(marks, start, end if rng.random() < 0.3 else start, 1.0, int(rng.integers(1, 3)))
    marks *= np.float32(rng.uniform(0.2, 1))
    color = np.float32(rng.choice([0.0, 1.0]) * rng.uniform(0.8, 1))
    return np.asarray(pixels + marks[:, :, None] * (color - pixels), np.float32)
