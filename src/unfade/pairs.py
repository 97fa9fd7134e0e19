"""A clean photo and what aging made of it, with the exact share of its artefacts."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from .color import in_color
from .darkroom import Darkroom
from .degrade.damage import spared
from .metrics import psnr, ssim
from .photo import Photo
from .pipeline import run
from .recipe import Recipe


@dataclasses.dataclass(frozen=True)
class Pair:
    """A clean photo, what aging made of it, and how much of the change is due to artefacts.

    Attributes:
        artifacts: (H, W) float32: largest change of a channel because of artefacts, in [0, 1].
            The noise of a JPEG does not count.
        kinds: (H, W) uint8 of `Damage`, or None where no artefact was put in.
    """

    clean: Photo
    aged: Photo
    artifacts: NDArray[np.float32]
    kinds: NDArray[np.uint8] | None = None


def age_pair(clean: Photo, aging: Recipe, darkroom: Darkroom) -> Pair:
    """Age a photo twice, with and without its artefacts, so that their share is known exactly.

    Compared is what a scan shows, within range. JPEG comes after: the blocks around an artefact are
    rounded otherwise than without it, by as much as JPEG rounds everywhere, which is noise.
    """
    before_jpeg = tuple(stage for stage in aging if stage.name != "jpeg")
    jpegs = tuple(stage for stage in aging if stage.name == "jpeg")
    dry = dataclasses.replace(aging, stages=before_jpeg)
    damaged = run(clean, dry, darkroom)
    if (*before_jpeg, *jpegs) == tuple(aging):
        aged = run(damaged, dataclasses.replace(aging, stages=jpegs), darkroom)
    else:
        aged = run(clean, aging, darkroom)
    sound = spared(dry)
    whole = damaged if len(sound.stages) == len(before_jpeg) else run(clean, sound, darkroom)
    change = np.abs(scanned(damaged).pixels - scanned(whole).pixels).max(axis=2)
    return Pair(clean, scanned(aged), change, aged.kinds)


def scanned(photo: Photo) -> Photo:
    """The pixels of a photo and nothing else, as a scan has them: 8 bit and within range."""
    pixels = np.rint(np.clip(photo.pixels, 0, 1) * 255).astype(np.float32) / np.float32(255)
    return Photo(pixels)


def printed(photo: Photo, aging: Recipe, darkroom: Darkroom) -> Photo:
    """The photo as an aging printed it, new: one printed black and white has no color to regain."""
    grey = tuple(stage for stage in aging if stage.name == "grey")
    return run(photo, Recipe("grey", grey), darkroom)


def restoration_gain(pair: Pair, recipe: Recipe, darkroom: Darkroom) -> dict[str, float]:
    """Restore an aged photo and compare both with the clean one: PSNR in dB, and SSIM."""
    restored = run(pair.aged, recipe, darkroom).pixels
    clean, aged = pair.clean.pixels, pair.aged.pixels
    if clean.shape[2] < restored.shape[2]:
        clean, aged = in_color(clean), in_color(aged)
    return {
        "psnr_aged": psnr(aged, clean),
        "psnr_restored": psnr(restored, clean),
        "ssim_aged": ssim(aged, clean),
        "ssim_restored": ssim(restored, clean),
    }
