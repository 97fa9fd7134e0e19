"""Networks of the user's own that judge pictures: LPIPS, and distances between sets in a latent.

None comes along, for their weights are not ours, and none is fetched. Both are ONNX files and run
on the engine that restores; `docs/evaluate.md` shows how to make them of the maintained libraries.
They are named after their files, for a figure without its backbone says nothing.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..color import in_color
from ..engines import Engine, Network
from ..errors import EngineError, EvaluationError
from ..models.model import to_planes
from ..models.zoo import checksum
from ..photo import Pixels

PATCH = 299
PATCHES = 16
PROJECTIONS = 512

Latents = NDArray[np.float64]
"""(N, D): one latent per patch."""


@dataclasses.dataclass(frozen=True, eq=False)
class Perception:
    """What judges.

    Attributes:
        lpips: Takes two pictures, each (1, 3, H, W) in [-1, 1], and answers with one number.
        encoder: Takes patches (1, 3, 299, 299) in [0, 1] and answers with a latent; one with
            places, (1, D, h, w), is averaged over them.
        key: Names and checksums of the files.
        names: Names of the files, by `lpips` and `encoder`.
    """

    lpips: Network | None
    encoder: Network | None
    key: str
    names: dict[str, str]

    def distance(self, a: Pixels, b: Pixels) -> float:
        """LPIPS of two pictures of equal size.

        Raises:
            EvaluationError: The network does not answer with one number.
        """
        assert self.lpips is not None
        planes = [to_planes(in_color(picture)) * 2 - 1 for picture in (a, b)]
        answer = np.asarray(self.lpips(*planes))
        if answer.size != 1:
            raise EvaluationError(
                f"{self.names['lpips']} must answer with one number for two pictures, got an "
                f"array of {answer.shape}"
            )
        return float(answer.ravel()[0])

    def latents(self, pixels: Pixels) -> Latents:
        """Latents of patches of 299 px, in a grid, at most 16 of a picture."""
        assert self.encoder is not None
        found = []
        for patch in _patches(in_color(pixels)):
            answer = np.asarray(self.encoder(to_planes(patch)))[0]
            found.append(answer.mean(axis=(1, 2)) if answer.ndim == 3 else answer.ravel())
        return np.stack(found).astype(np.float64)


def open_perception(engine: Engine, lpips: Path | None, encoder: Path | None) -> Perception | None:
    """Open the networks a person names; None where none is named.

    Raises:
        EvaluationError: A file is missing or is no network.
    """
    files = {"lpips": lpips, "encoder": encoder}
    known = {name: path for name, path in files.items() if path is not None}
    if not known:
        return None
    opened = {}
    for name, path in known.items():
        try:
            opened[name] = engine.load(path)
        except EngineError as error:
            raise EvaluationError(
                f"{name} needs a network of your own as ONNX file (its weights are not ours, and "
                f"nothing is fetched); docs/evaluate.md shows how to make one: {error}"
            ) from error
    key = " ".join(f"{name} {path.stem} {checksum(path)}" for name, path in known.items())
    names = {name: path.stem for name, path in known.items()}
    return Perception(opened.get("lpips"), opened.get("encoder"), key, names)


def frechet(a: Latents, b: Latents) -> float:
    """Frechet distance of two sets as if each were Gaussian; under Inception-v3's pool it is FID.

    `|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))`; the root by the symmetric S1^(1/2) S2 S1^(1/2),
    which has the same eigenvalues.

    Args:
        a, b: (N, D) and (M, D), at least two of each. Below some D samples it says little.
    References:
        Heusel et al. (2017), NeurIPS 30, arXiv 1706.08500.
    """
    first, second = (np.atleast_2d(np.cov(latents, rowvar=False)) for latents in (a, b))
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0)).sum()
    apart = float(np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2))
    return apart + float(np.trace(first) + np.trace(second) - 2 * shared)


def sliced_wasserstein(a: Latents, b: Latents, seed: int = 0) -> float:
    """Mean over 512 directions of the 1-Wasserstein distance of two sets seen along each.

    Args:
        a, b: (N, D) and (M, D).
        seed: Fixes the directions.
    References:
        Bonneel et al. (2015), J. Mathematical Imaging and Vision 51, 22-45.
    """
    directions = np.random.default_rng(seed).standard_normal((a.shape[1], PROJECTIONS))
    directions /= np.linalg.norm(directions, axis=0)
    first, second = (np.sort(latents @ directions, axis=0) for latents in (a, b))
    if len(first) != len(second):
        places = (np.arange(count := max(len(first), len(second))) + 0.5) / count
        first, second = (np.quantile(sets, places, axis=0) for sets in (first, second))
    return float(np.abs(first - second).mean())


def _patches(pixels: Pixels) -> list[Pixels]:
    """Patches in a grid that leaves equal borders; a small picture is one, its edges repeated."""
    height, width = pixels.shape[:2]
    below, right = max(0, PATCH - height), max(0, PATCH - width)
    if below or right:
        pixels = np.asarray(
            cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REPLICATE), np.float32
        )
    tops, lefts = (_starts(length) for length in pixels.shape[:2])
    places = [(top, left) for top in tops for left in lefts]
    chosen = np.unique(np.linspace(0, len(places) - 1, min(PATCHES, len(places))).round())
    return [
        pixels[top : top + PATCH, left : left + PATCH]
        for top, left in (places[int(at)] for at in chosen)
    ]


def _starts(length: int) -> list[int]:
    count = length // PATCH
    border = (length - count * PATCH) // 2
    return [border + k * PATCH for k in range(count)]
