"""What each task is shown: inputs and targets made from one clean crop."""

from __future__ import annotations

import dataclasses
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..color import in_color
from ..darkroom import Darkroom
from ..degrade.artifacts import draw_damage
from ..degrade.capture import (
    draw_blur,
    draw_film_grain,
    draw_grain,
    draw_jpeg,
    draw_jpegs,
    draw_noise,
    draw_resolution,
)
from ..degrade.damage import VEILS, spared
from ..degrade.fading import draw_fade, draw_grey
from ..degrade.films import draw_film_pixel
from ..degrade.scanner import draw_banding
from ..fill import coarse_fill, smooth_fill
from ..photo import Damage, Photo
from ..pipeline import run
from ..recipe import Recipe
from .aging import NEITHER, damage_of, draw_any_aging, is_lone, with_few
from .holes import draw_large_holes
from .long import draw_long

Array = NDArray[np.float32]
Rng = np.random.Generator

MEDIA = ("negative", "slide", "print", "print")

PRISTINE, LIVED = 0.15, 0.45
"""Shares of crops to find damage on that nothing happened to, and that aged as photos age."""

WHOLE = 0.2
"""Share of the latter that was spared of damage."""

LONG = 0.4
"""Share of those neither pristine nor lived that have long marks, with other damage or without."""

WIDE_PX = 32
"""Longer side from which a stain is no spot any more."""


@dataclasses.dataclass(frozen=True)
class DamageExamples:
    """Aged crops and what is damaged in them.

    Attributes:
        library: Folder of artefact pictures, or empty.
        part: Part of the library: `train` or `val`.
    """

    library: str = ""
    part: str = "train"

    def __call__(self, crop: Array, rng: Rng) -> tuple[Array, Array, Array]:
        """Give the aged crop (H, W, 3), its damage and of what kind it is.

        The damage (H, W) is how visible it is, 1 from 10/255 on; the kind is a number of `Damage`.
        Under a wide stain it is `NEITHER`: hardly a crop tells one from the picture, and the
        network that sees veils knows the whole photo.
        """
        aging = self.draw((crop.shape[0], crop.shape[1]), rng)
        lone = is_lone(aging, rng)
        aged = with_few(crop, aging, rng) if lone else run(Photo(crop), aging, Darkroom())
        damage, kinds = damage_of(aged)
        return np.clip(in_color(aged.pixels), 0, 1), unsettled(damage, kinds), kinds

    def draw(self, size: tuple[int, int], rng: Rng) -> Recipe:
        """Draw what happened to a crop: nothing, a life as `unfade age` draws it, or a bit of all.

        Sharp photos of today to which nothing happened show what is detail; those worn but whole
        show what is wear.
        """
        return Recipe("aging", tuple(self._happened(size, rng)))

    def _happened(self, size: tuple[int, int], rng: Rng) -> list[Any]:
        chance = rng.random()
        if chance < PRISTINE:
            return []
        if chance < PRISTINE + LIVED:
            aging = draw_any_aging(rng, size, self.library, self.part)
            return list(spared(aging) if rng.random() < WHOLE else aging)
        return self._mixed(size, rng)

    def _mixed(self, size: tuple[int, int], rng: Rng) -> list[Any]:
        stages: list[Any] = [draw_grey(rng)] if rng.random() < 0.3 else []
        stages += [draw_fade(rng, float(rng.uniform(0, 0.8)))] if rng.random() < 0.4 else []
        stages += [draw_grain(rng, float(rng.uniform(0, 0.4)))] if rng.random() < 0.5 else []
        stages += [draw_blur(rng, float(rng.uniform(0, 0.6)))] if rng.random() < 0.2 else []
        if rng.random() < 0.75:
            stages += draw_damage(
                rng,
                size,
                medium=str(rng.choice(MEDIA)),
                severity=float(rng.uniform(0.1, 1)),
                library=self.library,
                part=self.part,
            )
        stages += draw_long(rng, size) if rng.random() < LONG else []
        stages += [draw_blur(rng, 0.15)] if rng.random() < 0.2 else []
        stages += [draw_noise(rng, float(rng.uniform(0, 0.25)))] if rng.random() < 0.35 else []
        stages += [draw_jpeg(rng, float(rng.uniform(0, 0.6)))] if rng.random() < 0.4 else []
        return stages


def unsettled(damage: Array, kinds: Array) -> Array:
    """Leave open whether what lies under a wide stain is damaged: (H, W) each, as `damage_of`."""
    stains = ((kinds == Damage.STAIN) & (damage > 0)).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(stains, connectivity=8)
    wide = stats[:, cv2.CC_STAT_WIDTH : cv2.CC_STAT_HEIGHT + 1].max(axis=1) >= WIDE_PX
    wide[0] = False
    return np.where(wide[labels], np.minimum(damage, np.float32(NEITHER)), damage)


@dataclasses.dataclass(frozen=True)
class InpaintExamples:
    """Crops with holes in them, filled smoothly, and what was there.

    Attributes:
        library, part: As of `DamageExamples`.
        holes: `thin` in the shape of artefacts, `large`, or `both`, half and half.
    """

    library: str = ""
    part: str = "train"
    holes: str = "thin"

    def __call__(self, crop: Array, rng: Rng) -> tuple[Array, Array, Array]:
        """Give the smooth fill (H, W, 3), the mask (H, W) and the clean crop (H, W, 3)."""
        size = (crop.shape[0], crop.shape[1])
        large = self.holes == "large" or (self.holes == "both" and rng.random() < 0.5)
        mask = draw_large_holes(size, rng) if large else self.mask(size, rng)
        if rng.random() < 0.25:
            crop = in_color(crop.mean(axis=2, keepdims=True))
        known = crop
        if rng.random() < 0.5:
            noise = rng.standard_normal(crop.shape, np.float32)
            known = crop + noise * np.float32(rng.uniform(0, 8) / 255)
        return smooth_fill(known, mask, coarse_fill(known, mask)), mask, crop

    def mask(self, size: tuple[int, int], rng: Rng) -> Array:
        """Draw a mask (H, W) of 0 and 1: artefacts, dilated as the stage dilates them.

        A small crop often has none, and one that is mostly hole teaches little: such are drawn
        again, a few times.
        """
        for _ in range(8):
            mask = self._artifacts(size, rng)
            if 0 < mask.mean() < 0.5:
                return mask
        return np.zeros(size, np.float32)

    def _artifacts(self, size: tuple[int, int], rng: Rng) -> Array:
        blank = Photo(np.full((*size, 3), 0.5, np.float32))
        stages: list[Any] = []
        while not stages:
            stages = draw_damage(
                rng,
                size,
                medium=str(rng.choice(MEDIA)),
                severity=float(rng.uniform(0.3, 1)),
                library=self.library,
                part=self.part,
            )
            stages = [s for s in stages if getattr(s, "name", "") not in VEILS]
        damage = run(blank, Recipe("holes", tuple(stages)), Darkroom()).damage
        assert damage is not None
        side = int(rng.choice([3, 3, 5, 7]))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        return np.asarray(cv2.dilate((damage > 0.5).astype(np.float32), kernel), np.float32)


@dataclasses.dataclass(frozen=True)
class DenoiseExamples:
    """Crops with grain, noise, blur, low resolution and JPEG, and the clean crop."""

    def __call__(self, crop: Array, rng: Rng) -> tuple[Array, Array]:
        """Give the degraded crop (H, W, 3) and the clean one."""
        stages = [*self._taken(rng), *self._scanned(rng)]
        if rng.random() < 0.2:
            crop = in_color(crop.mean(axis=2, keepdims=True))
        # Faded photos are noisy too: the network must not care for tone or contrast.
        low, high = rng.uniform(0, 0.25), rng.uniform(0.7, 1)
        crop = (np.float32(low) + crop * np.float32(high - low)) if rng.random() < 0.4 else crop
        aged = run(Photo(crop), Recipe("noise", tuple(stages)), Darkroom())
        return np.clip(in_color(aged.pixels), 0, 1), crop

    def _taken(self, rng: Rng) -> list[Any]:
        """Softness of the lens, and the grain of a print or of film."""
        stages: list[Any] = []
        stages += [draw_blur(rng, float(rng.uniform(0, 0.6)))] if rng.random() < 0.3 else []
        stages += [draw_resolution(rng, float(rng.uniform(0, 0.4)))] if rng.random() < 0.1 else []
        severity, kind = float(rng.uniform(0, 1)), rng.random()
        if kind < 0.35:
            return [*stages, draw_film_grain(rng, draw_film_pixel(rng), severity)]
        return [*stages, draw_grain(rng, severity)] if kind < 0.75 else stages

    def _scanned(self, rng: Rng) -> list[Any]:
        """Softness, noise and stripes of the scanner, and JPEG."""
        stages: list[Any] = [draw_blur(rng, 0.15)] if rng.random() < 0.2 else []
        stages += [draw_noise(rng, float(rng.uniform(0, 1)))] if rng.random() < 0.5 else []
        stages += [draw_banding(rng, float(rng.uniform(0, 1)))] if rng.random() < 0.06 else []
        return stages + (draw_jpegs(rng, float(rng.uniform(0, 0.8))) if rng.random() < 0.4 else [])


@dataclasses.dataclass(frozen=True)
class WhiteNoiseExamples:
    """Crops with white Gaussian noise, as DnCNN and FFDNet were trained blindly.

    Attributes:
        highest: Of the standard deviations, drawn evenly from 0, in codes of 255.
    """

    highest: float = 55.0

    def __call__(self, crop: Array, rng: Rng) -> tuple[Array, Array]:
        """Give the noisy crop (H, W, 3), not clipped, and the clean one."""
        sigma = np.float32(rng.uniform(0, self.highest) / 255)
        return crop + rng.standard_normal(crop.shape, np.float32) * sigma, crop


@dataclasses.dataclass(frozen=True)
class DeblurExamples:
    """Crops out of focus or softened by a lens, a little noisy, and the sharp crop."""

    def __call__(self, crop: Array, rng: Rng) -> tuple[Array, Array]:
        """Give the soft crop (H, W, 3) and the sharp one; one in twenty was sharp already."""
        stages: list[Any] = []
        if rng.random() < 0.95:
            stages += [draw_blur(rng, float(rng.uniform(0.1, 1)))]
        stages += [draw_noise(rng, float(rng.uniform(0, 0.15)))] if rng.random() < 0.7 else []
        stages += [draw_jpeg(rng, float(rng.uniform(0, 0.3)))] if rng.random() < 0.2 else []
        soft = run(Photo(crop), Recipe("blur", tuple(stages)), Darkroom())
        return np.clip(in_color(soft.pixels), 0, 1), crop
