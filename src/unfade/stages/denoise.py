"""`Denoise`: reduce noise, grain and the blocks of JPEG, where there are any."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..color import in_color
from ..darkroom import Darkroom
from ..errors import ModelError
from ..film.grain import amplitude_at, measure_grain
from ..film.noise import CUT_SHARE, cut_off, jpeg_blockiness
from ..models.model import Model
from ..photo import Edit, Grain, Origin, Photo, Pixels
from ..recipe import Finding
from ..settings import check_settings, setting
from ..tiling import Tile
from .mirrors import mean_of_views

TASKS = ("denoise", "deblur")
"""Of networks that answer with a change to add."""

DETAIL_PX = 4
"""Half the side of the window in which what was removed is judged, in pixels."""

QUARTERS = (0.25, 0.5, 0.75)
BLOCK_PX = 16

ASKED = "denoise"
"""The network that is asked whether what was measured is noise, whatever network denoises: `FLOOR`
and `EVEN` are its."""

FLOOR = 0.8
"""Share of correlated noise that the network is sure to remove from the quietest blocks."""

EVEN = 1.4
"""Largest ratio, quarter to twentieth of the blocks, that noise shows."""

JPEG_ERROR = 4.0
"""Root mean square error of a JPEG over its blockiness; 3.6 to 4.4 at quality 20 to 85."""

JPEG_REMOVED = 0.24
"""How much may be removed where only JPEG is wrong, over its blockiness and times `detail`: of 0.5
to 2 times the blockiness, 0.8 was best on 16 aged photos held out of training."""


@dataclasses.dataclass(frozen=True)
class Denoise:
    """Add the change that the network proposes, less what of it looks like structure.

    A photo below both gates is left alone: a network asked to clean a clean photo can only harm.
    Where only JPEG opened the gate, its fine grain stays, and no more is removed than JPEG does.
    Blocks of 1.5/255 are what a quality of about 50 leaves; 7 of 1,609 photos to learn from have
    them. With a gate of 1.2/255, which 22 of them pass, aged photos held out gain 0.01 dB more.
    """

    name: ClassVar[str] = "denoise"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.DENOISED

    network: str = setting(
        "denoise",
        "which network: `denoise`, the better `denoise-base` in four times the time, or your own",
    )
    views: int = setting(
        1,
        "how often the network is asked, about the photo and its mirrors; the mean counts",
        low=1,
        high=4,
    )
    strength: float = setting(
        1.0, "share of the network's change that is made; 0 does nothing", low=0, high=1
    )
    detail: float = setting(
        0.3, "how much of the structure among what was removed is given back", low=0, high=1
    )
    gate: float = setting(
        3.0, "noise below this is left alone; 0 always denoises", low=0, high=255, unit="1/255"
    )
    jpeg_gate: float = setting(
        1.5, "JPEG blocks fainter than this are left alone", low=0, high=255, unit="1/255"
    )

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return self._judge(photo, darkroom, grain_now(photo), jpeg_blockiness(photo.pixels))

    def _judge(self, photo: Photo, darkroom: Darkroom, grain: Grain, blockiness: float) -> Finding:
        noise, blocks = grain.level * 255, blockiness * 255
        seen = f"noise {noise:.1f}/255"
        if blocks >= self.jpeg_gate:
            seen += f", JPEG blocks {blocks:.1f}/255"
        needed = noise >= self.gate or blocks >= self.jpeg_gate
        if self.gate > 0 and noise >= self.gate and blocks < self.jpeg_gate:
            needed = is_noise(photo, darkroom.model(ASKED), self.gate / 255)
            seen += "" if needed else ", more like texture"
        needed = needed and self.strength > 0
        if needed:
            self._model(darkroom)  # A plan, too, refuses a network that does not denoise.
        return Finding(needed, f"{seen}: {'reduced' if needed else 'skipped'}")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        grain, blockiness = grain_now(photo), jpeg_blockiness(photo.pixels)
        finding = self._judge(photo, darkroom, grain, blockiness)
        notes = {"evidence": finding.evidence, "level": grain.level, "blockiness": blockiness}
        if not finding.needed:
            return Edit(notes=notes)
        model = self._model(darkroom)
        noisy = grain.level * 255 >= self.gate

        def clean(tile: Tile, pixels: Pixels) -> Pixels:
            change = noise_change(model, pixels, self.views)
            if self.detail > 0 and noisy:
                structure = structure_share(change, pixels, grain, blockiness)
                change *= 1 - np.float32(self.detail) * structure
            elif self.detail > 0:
                change *= part_within(change, JPEG_REMOVED * blockiness / self.detail)
            change *= np.float32(self.strength)
            change += pixels
            return np.clip(change, 0, 1, out=change)

        pixels = darkroom.map(
            clean,
            photo.pixels,
            out=darkroom.empty(photo.pixels.shape),
            halo=model.card.halo + DETAIL_PX,
            tile=darkroom.tile_for(model, photo.size),
            multiple_of=model.card.multiple_of,
        )
        return Edit(pixels=pixels, notes=notes)

    def _model(self, darkroom: Darkroom) -> Model:
        model = darkroom.model(self.network)
        if model.card.task not in TASKS:
            raise ModelError(
                f"denoise.network={self.network} is a network for {model.card.task}; expected one "
                f"for {' or '.join(TASKS)}"
            )
        return model


def is_denoised(photo: Photo) -> bool:
    """Whether it lost noise and grain that it came with, in these stages or in earlier ones."""
    return any(step.stage == Denoise.name and step.changed_pixels for step in photo.history)


def known_grain(photo: Photo) -> Grain | None:
    """The grain as it was measured; None where nobody did, or it was taken away since."""
    return None if is_denoised(photo) else photo.grain


def grain_now(photo: Photo) -> Grain:
    """The grain that a photo has as it is, measured if it is not known."""
    return known_grain(photo) or measure_grain(photo.pixels, photo.damage)


def is_noise(photo: Photo, model: Model, level: float) -> bool:
    """Ask the network for a second opinion: would it remove about the same everywhere?

    Grass, fur and gravel have the spectrum of noise, and a photo full of them is measured as
    noisy. But noise has a floor: the quietest blocks of 16 px lose nearly as much as ordinary
    ones, where texture comes in all strengths. Of 51 clean photos held out of training 5 were
    measured as noisy, and one of grass passed this test; of 74 aged ones 48 did. Where black or
    white is cut off noise is too, and such blocks do not count.

    Args:
        photo: What was measured as noisy; nine windows of it are looked at.
        model: The denoising network.
        level: Standard deviation of noise that is worth removing, in [0, 1] units.
    """
    windows = [(r, c) for r in _windows(photo.size[0]) for c in _windows(photo.size[1])]
    known = np.concatenate([_block_energy(photo.pixels[window], model) for window in windows])
    if not known.size:
        return False
    floor, usual = np.sqrt(np.percentile(known, (5, 25)))
    return bool(floor >= FLOOR * level and usual <= EVEN * floor)


def _block_energy(pixels: Pixels, model: Model) -> NDArray[np.float32]:
    """Mean square of what the network would change, of each block that is not cut off: (n,)."""
    energy = np.asarray(np.square(noise_change(model, pixels)).mean(axis=2))
    lost = np.asarray(cut_off(pixels).any(axis=2), np.float32)
    size = (max(1, energy.shape[1] // BLOCK_PX), max(1, energy.shape[0] // BLOCK_PX))
    mean, cut = (cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in (energy, lost))
    return np.asarray(mean[cut < CUT_SHARE], np.float32)


def _windows(length: int, side: int = 192) -> list[slice]:
    """Three windows along a side, at its quarters; one where it is short."""
    if length <= 2 * side:
        return [slice(0, min(length, side))]
    return [slice(int(length * q) - side // 2, int(length * q) + side // 2) for q in QUARTERS]


def noise_change(model: Model, pixels: Pixels, views: int = 1) -> Pixels:
    """Ask the network what to add; for a grey photo, the mean over the channels it answers.

    Args:
        views: Of the photo: as it is, turned upside down, mirrored across and down. Noise has no
            direction; what the answers do not share is error (self-ensemble: Timofte et al.,
            "Seven ways to improve example-based single image super resolution", CVPR 2016).
    """
    change = model(in_color(pixels)) if views == 1 else _asked_mirrored(model, pixels, views)
    if pixels.shape[2] == 1:
        return np.asarray(change.mean(axis=2, keepdims=True), np.float32)
    return change


def _asked_mirrored(model: Model, pixels: Pixels, views: int) -> Pixels:
    """The mean of what the network answers to some of `mirrors.VIEWS`."""
    # Filled up before it is mirrored, so that the grid of the network lies the same in all tiles.
    below, right = (-side % model.card.multiple_of for side in pixels.shape[:2])
    edge = cv2.BORDER_REPLICATE
    seen = np.asarray(cv2.copyMakeBorder(in_color(pixels), 0, below, 0, right, edge), np.float32)
    mean = mean_of_views(seen, model, views)
    return np.ascontiguousarray(mean[: pixels.shape[0], : pixels.shape[1]])


def structure_share(
    change: Pixels, pixels: Pixels, grain: Grain, blockiness: float = 0.0
) -> Pixels:
    """Tell structure from noise in what a network removed.

    Noise of variance s2 leaves, in a window, a variance of about s2 in what was removed; what is
    beyond that was structure. Its share is that of a Wiener filter on the removed part,
    max(0, 1 - s2 / variance), where s2 is taken one and a half times, because the variance in a
    window of 81 correlated pixels varies by chance. The error of a JPEG counts as noise.

    Args:
        change: (H, W, C) what the network would add.
        pixels: (H, W, C) before it.
        grain: The noise as measured.
        blockiness: The trace of JPEG as measured, in [0, 1] units.
    Returns:
        (H, W, 1) share of structure in [0, 1], the same for all channels so as not to tint.
    """
    expected = np.square(amplitude_at(grain, pixels + change)).mean(axis=2)
    expected += np.float32((JPEG_ERROR * blockiness) ** 2)
    share = 1 - 1.5 * expected / np.maximum(_power(change), 1e-9)
    return np.asarray(np.clip(share, 0, 1), np.float32)[:, :, None]


def part_within(change: Pixels, most: float) -> Pixels:
    """Which part of a change is no stronger than `most`, on root mean square in a window.

    A network that takes blocks away takes grass for them too, here and there, and leaves smears
    where it did; scaled down to what the blocks explain, the grass stays.

    Args:
        change: (H, W, C) what a network would add.
        most: In [0, 1] units.
    Returns:
        (H, W, 1) share in [0, 1], the same for all channels so as not to tint.
    """
    part = np.float32(most) / np.sqrt(np.maximum(_power(change), 1e-9))
    return np.asarray(np.minimum(part, 1), np.float32)[:, :, None]


def _power(change: Pixels) -> NDArray[np.float32]:
    """Mean square (H, W) of a change in the window around each pixel."""
    width = 2 * DETAIL_PX + 1
    square = np.square(change).mean(axis=2)
    power = cv2.boxFilter(square, -1, (width, width), borderType=cv2.BORDER_REFLECT)
    return np.asarray(power, np.float32)
