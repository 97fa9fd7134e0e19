"""Measures of pictures and masks, on plain arrays; one file per kind."""

from .color import ciede2000, colorfulness
from .masks import ComponentScores, MaskScores, components, mask_scores
from .ranking import Curve, average_precision, roc_auc
from .regions import regions
from .similarity import gmsd, ms_ssim, psnr, ssim
from .texture import GrainError, blur_effect, grain_error

__all__ = [
    "ComponentScores",
    "Curve",
    "GrainError",
    "MaskScores",
    "average_precision",
    "blur_effect",
    "ciede2000",
    "colorfulness",
    "components",
    "gmsd",
    "grain_error",
    "mask_scores",
    "ms_ssim",
    "psnr",
    "regions",
    "roc_auc",
    "ssim",
]
