"""What is measured of one answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..color import in_color, to_lab
from ..errors import EvaluationError
from ..film.grain import noise_level
from ..film.noise import jpeg_blockiness
from ..metrics import (
    Curve,
    blur_effect,
    ciede2000,
    colorfulness,
    gmsd,
    grain_error,
    mask_scores,
    ms_ssim,
    psnr,
    regions,
    ssim,
)
from ..photo import Pixels
from .cases import Kind, Question
from .damage import Tally, false_components, tallies
from .methods import Answer

BEST_DB = 100.0
"""What counts for the infinite PSNR of equal pictures, so that it can be averaged."""

COLOR_SAMPLES = 10**6
"""Pixels at most at which color differences are taken, in an even grid."""

SAME = 0.5 / 255
"""A pixel that moved less is the same in 8 bits."""

Figures = dict[str, float]


def figures(question: Question, answer: Answer) -> Figures:
    """Measure an answer.

    Returns:
        Figures by name; which ones depends on what is known. Decibels are at most 100.
    Raises:
        EvaluationError: The answer is of another size than the question, or is not all numbers.
    """
    given, pixels = question.given.pixels, answer.pixels
    if not np.isfinite(pixels).all():
        share = float(np.mean(~np.isfinite(pixels)))
        raise EvaluationError(
            f"the result holds values that are not finite ({share:.2%} of them); expected 0 to 1. "
            "Look for a network or program that divides by zero"
        )
    if pixels.shape[:2] != given.shape[:2]:
        raise EvaluationError(
            f"the result must be {given.shape[1]} x {given.shape[0]} pixels like the photo, got "
            f"{pixels.shape[1]} x {pixels.shape[0]}"
        )
    told = {"changed_share": float(np.mean(_change(given, pixels) >= SAME))}
    if answer.mask is not None:
        told["filled_share"] = float(np.mean(answer.mask > 0))
    if question.truth is None:
        return told | _before_and_after(given, pixels)
    told |= against_truth(pixels, question)
    if question.case.kind is Kind.CLEAN:
        told["identical_share"] = 1 - told["changed_share"]
        if answer.marks is not None and answer.mask is not None:
            count = false_components(answer.mask)
            told["false_per_megapixel"] = count / (answer.mask.size / 1e6)
        return told
    return told | _mask_figures(question, answer)


def against_truth(pixels: Pixels, question: Question) -> Figures:
    """Measure a picture against the truth, and the damaged one as well, for the gain."""
    assert question.truth is not None
    mine, given, truth = _alike(pixels, question.given.pixels, question.truth.pixels)
    told = {
        "psnr": decibels(mine, truth),
        "ssim": ssim(mine, truth),
        "gmsd": gmsd(mine, truth),
        "colorfulness_error": abs(colorfulness(mine) - colorfulness(truth)),
    }
    if question.case.kind is not Kind.CLEAN:
        told["psnr_given"], told["ssim_given"] = decibels(given, truth), ssim(given, truth)
        told["psnr_gain"] = told["psnr"] - told["psnr_given"]
        told["ssim_gain"] = told["ssim"] - told["ssim_given"]
    if min(truth.shape[:2]) >= 176:
        told["ms_ssim"] = ms_ssim(mine, truth)
    grain = grain_error(mine, truth, question.damage)
    if grain is not None:
        told["grain_amplitude_error"] = grain.amplitude
        told["grain_spectrum_error_db"] = grain.spectrum_db
    return told | _by_region(mine, given, truth, question.damage)


def decibels(a: NDArray[Any], b: NDArray[Any], mask: NDArray[Any] | None = None) -> float:
    """PSNR, at most 100 dB."""
    return min(BEST_DB, psnr(a, b, mask))


def damage_curve(question: Question, answer: Answer) -> Curve | None:
    """Rank the pixels of an answer, where it has probabilities and the truth is known."""
    if answer.probability is None or question.damage is None or question.case.kind is Kind.CLEAN:
        return None
    curve = Curve()
    curve.add(answer.probability, question.damage)
    return curve


def damage_tallies(question: Question, answer: Answer) -> Mapping[str, Tally]:
    """Count the defects an answer found, by size and kind."""
    if answer.marks is None or question.artifacts is None or question.case.kind is Kind.CLEAN:
        return {}
    return tallies(question.artifacts, answer.marks, question.kinds)


def _by_region(mine: Pixels, given: Pixels, truth: Pixels, damage: Any) -> Figures:
    step = max(1, math.isqrt(mine.shape[0] * mine.shape[1] // COLOR_SAMPLES))
    grid = np.s_[::step, ::step]
    color = ciede2000(to_lab(mine[grid]), to_lab(truth[grid]))
    told = {"delta_e": float(color.mean())}
    if damage is None or not damage.any():
        return told
    for name, region in regions(damage).items():
        told[f"psnr_{name}"] = decibels(mine, truth, region)
        told[f"psnr_gain_{name}"] = told[f"psnr_{name}"] - decibels(given, truth, region)
        if region[5:-5, 5:-5].any():
            told[f"ssim_{name}"] = ssim(mine, truth, region)
        if region[grid].any():
            told[f"delta_e_{name}"] = float(color[region[grid]].mean())
    return told


def _mask_figures(question: Question, answer: Answer) -> Figures:
    damage = question.damage
    if answer.marks is None or damage is None:
        return {}
    scores = mask_scores(answer.marks, damage)
    told = {
        "mask_precision": scores.precision,
        "mask_recall": scores.recall,
        "mask_f1": scores.f1,
        "mask_iou": scores.iou,
        "damaged_share": float(damage.mean()),
    }
    curve = damage_curve(question, answer)
    if curve is not None and damage.any() and not damage.all():
        told["mask_auc"] = curve.roc_auc
        told["mask_ap"] = curve.average_precision
    return told


def _before_and_after(given: Pixels, pixels: Pixels) -> Figures:
    """What can be said of a picture without its truth."""
    told: Figures = {}
    for when, picture in (("before", given), ("after", pixels)):
        told[f"noise_{when}"] = 255 * noise_level(picture)
        told[f"blockiness_{when}"] = 255 * jpeg_blockiness(picture)
        told[f"blur_{when}"] = blur_effect(picture)
        told[f"colorfulness_{when}"] = colorfulness(picture)
        told[f"contrast_{when}"] = float(picture.std(dtype=np.float64))
    return told


def _change(a: Pixels, b: Pixels) -> NDArray[np.float32]:
    a, b = _alike(a, b)
    return np.asarray(np.abs(a - b).max(axis=2))


def _alike(*pictures: Pixels) -> list[Pixels]:
    """Pictures with equal numbers of channels: grey ones become colored where one is."""
    colored = any(picture.shape[2] == 3 for picture in pictures)
    return [in_color(picture) for picture in pictures] if colored else list(pictures)
