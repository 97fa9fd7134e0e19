"""Classical methods to compare with. Each knows only the picture and, at most, a mask."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..errors import EvaluationError
from ..film.grain import noise_level
from ..photo import Mask, Pixels
from ..pipeline import run
from ..recipe import Recipe
from ..stages.damage import DetectDamage
from .cases import Question

TRUE = "true"
OURS = "ours"
RADIUS_PX = 3
RIM_PX = 2
"""The true mask is grown as the default recipe grows its own, to take in soft edges."""


@dataclasses.dataclass(frozen=True)
class Baseline:
    """A method and the mask it is given.

    Attributes:
        method: `method(pixels, mask)`; denoisers take no notice of the mask.
        mask: `true`, `ours`, or empty for none.
        about: One line for help and tables.
    """

    method: Callable[[Pixels, Mask], NDArray[Any]]
    mask: str
    about: str

    def mask_for(self, question: Question, darkroom: Darkroom) -> Mask:
        """The mask it is given, (H, W) of 0 and 1; all 0 where it is given none.

        Raises:
            EvaluationError: It needs the true mask, and that is not known.
        """
        if not self.mask:
            return np.zeros(question.given.size, np.float32)
        if self.mask == OURS:
            found = run(question.given, Recipe("detect", (DetectDamage(),)), darkroom).damage
            assert found is not None
            return found
        if question.damage is None:
            raise EvaluationError("this baseline needs the true mask, which is not known here")
        width = 2 * RIM_PX + 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
        return np.asarray(cv2.dilate(question.damage, disc), np.float32)

    def restore(self, pixels: Pixels, mask: Mask) -> Pixels:
        """Restore (H, W, C) pixels in [0, 1]."""
        if self.mask and not mask.any():
            return pixels
        return np.asarray(self.method(pixels, mask), np.float32).reshape(pixels.shape)


def identity(pixels: Pixels, mask: Mask) -> Pixels:
    """Change nothing: what every method must beat."""
    return pixels


def median(pixels: Pixels, mask: Mask) -> NDArray[Any]:
    """The median of 5 x 5 pixels."""
    return np.asarray(cv2.medianBlur(pixels, 5))


def telea(pixels: Pixels, mask: Mask) -> NDArray[Any]:
    """Fast marching (Telea 2004, J. Graphics Tools 9(1), 23-34), by OpenCV, on 8 bits."""
    return _opencv_inpaint(pixels, mask, cv2.INPAINT_TELEA)


def navier_stokes(pixels: Pixels, mask: Mask) -> NDArray[Any]:
    """Isophotes as a flow (Bertalmio et al. 2001, CVPR), by OpenCV, on 8 bits."""
    return _opencv_inpaint(pixels, mask, cv2.INPAINT_NS)


def _opencv_inpaint(pixels: Pixels, mask: Mask, method: int) -> NDArray[Any]:
    eight = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    holes = (mask > 0).astype(np.uint8)
    filled = cv2.inpaint(eight, holes, RADIUS_PX, method).reshape(pixels.shape)
    return np.where(holes[:, :, None] > 0, filled.astype(np.float32) / 255, pixels)


def biharmonic(pixels: Pixels, mask: Mask) -> NDArray[Any]:
    """Biharmonic functions (Damelin and Hoang 2018, arXiv 1711.01229), by scikit-image."""
    restoration = _library("skimage.restoration", "baselines")
    filled = restoration.inpaint_biharmonic(
        pixels, mask > 0, split_into_regions=True, channel_axis=-1
    )
    return np.asarray(filled)


def nlm(pixels: Pixels, mask: Mask) -> NDArray[Any]:
    """Non-local means (Buades, Coll and Morel 2005, CVPR), by OpenCV, on 8 bits.

    The strength is the measured noise times 0.9, windows of 5 and 21 px.
    """
    eight = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    strength = max(1.0, 0.9 * 255 * noise_level(pixels))
    if pixels.shape[2] == 1:
        clean = cv2.fastNlMeansDenoising(eight[:, :, 0], None, strength, 5, 21)
    else:
        clean = cv2.fastNlMeansDenoisingColored(eight, None, strength, strength, 5, 21)
    return clean.astype(np.float32) / 255


def bm3d(pixels: Pixels, mask: Mask) -> NDArray[Any]:
    """Block matching (Dabov et al. 2007, IEEE TIP 16(8), 2080-2095), by the authors' package."""
    library = _library("bm3d", "bm3d")
    sigma = max(0.25 / 255, noise_level(pixels))
    if pixels.shape[2] == 1:
        return np.asarray(library.bm3d(pixels[:, :, 0], sigma))
    return np.asarray(library.bm3d_rgb(pixels, sigma))


def wavelet(pixels: Pixels, mask: Mask) -> NDArray[Any]:
    """BayesShrink (Chang, Yu and Vetterli 2000, IEEE TIP 9(9), 1532-1546), by scikit-image."""
    restoration = _library("skimage.restoration", "baselines")
    _library("pywt", "baselines")
    return np.asarray(
        restoration.denoise_wavelet(
            pixels, sigma=noise_level(pixels), convert2ycbcr=pixels.shape[2] == 3, channel_axis=-1
        )
    )


def _library(name: str, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise EvaluationError(
            f"{name} is not installed: pip install 'unfade[{extra}]' ({error})"
        ) from error


def _fillers() -> dict[str, Baseline]:
    methods = {"telea": telea, "navier-stokes": navier_stokes, "biharmonic": biharmonic}
    masks = {TRUE: "with the true mask", OURS: "with the mask of our detector"}
    return {
        f"{name}-{which}-mask": Baseline(method, which, f"{name} inpainting {words}")
        for name, method in methods.items()
        for which, words in masks.items()
    }


BASELINES: Mapping[str, Baseline] = {
    "identity": Baseline(identity, "", "nothing is changed"),
    "median": Baseline(median, "", "median of 5 x 5 pixels"),
    **_fillers(),
    "nlm": Baseline(nlm, "", "non-local means at the measured noise"),
    "wavelet": Baseline(wavelet, "", "BayesShrink wavelets at the measured noise"),
    "bm3d": Baseline(bm3d, "", "BM3D at the measured noise"),
}
"""Baselines by name."""
