"""How far the peak of a mark is to be believed, measured on photos that the network never saw."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..degrade import draw_aging
from ..degrade.damage import VISIBLE
from ..errors import ModelError
from ..evaluate import age_pair
from ..io.read import read
from ..models.card import ModelCard
from ..models.zoo import Zoo
from ..photo import Photo
from ..stages.damage import DetectDamage, damage_probability
from ..stages.marks import Calibration, candidates, log_odds
from .data import find_photos, held_out

AGINGS = ("old-photo-mixed", "film-35mm")
SEVERITY = 0.5
FEWEST = 50
"""Candidates of either sort, below which nothing is measured."""

Peaks = NDArray[np.float32]
Truth = NDArray[np.bool_]


def calibrate_card(network: Path, folders: Sequence[Path], library: str = "") -> Calibration:
    """Calibrate an exported damage network on those photos of folders that training holds out.

    Args:
        network: An ONNX file of `unfade export`, its card beside it; the card takes the result.
    Raises:
        ModelError: Not a damage network, or no photos to tell by.
    """
    beside = network.with_suffix(".toml")
    card = ModelCard.from_toml(beside.read_text("utf-8"))
    if card.task != "damage":
        raise ModelError(f"only damage networks are calibrated; {network.name} is for {card.task}")
    photos = [path for folder in folders for path in find_photos(folder) if held_out(path)]
    if not photos:
        raise ModelError("none of these photos is held out of training (1 in 32 is); give more")
    with tempfile.TemporaryDirectory() as folder:
        # The stage asks for `damage`, whatever this file is called.
        shutil.copyfile(network, Path(folder) / "damage.onnx")
        renamed = dataclasses.replace(card, name="damage")
        (Path(folder) / "damage.toml").write_text(renamed.to_toml(), "utf-8")
        room = Darkroom(zoo=Zoo(folder))
        found = calibrate(photos, room, library, "val" if library else "all")
    numbers = (round(found.slope, 3), round(found.offset, 3))
    beside.write_text(dataclasses.replace(card, calibration=numbers).to_toml(), "utf-8")
    return Calibration(*numbers)


def calibrate(
    photos: Sequence[Path], darkroom: Darkroom, library: str = "", part: str = "all"
) -> Calibration:
    """Measure the calibration of a darkroom's damage network on clean photos, as aged and as is.

    Args:
        photos: Clean photos that the network was not trained on; fifty are enough.
        library, part: As of `degrade.draw_aging`.
    Raises:
        ModelError: The network proposes too few marks, right ones or wrong ones, to tell.
    """
    peaks, truth = zip(*_marks(photos, darkroom, library, part), strict=True)
    return fit(np.concatenate(peaks), np.concatenate(truth))


def fit(peaks: Peaks, truth: Truth) -> Calibration:
    """Fit the log likelihood ratio of true to false marks, linear in the log odds of their peaks.

    Logistic regression by Newton's method; the share of true marks is taken out of its offset.

    Args:
        peaks: (n,) in [0, 1].
        truth: (n,) whether each is damage.
    Raises:
        ModelError: Fewer than `FEWEST` of either sort.
    """
    if min(truth.sum(), (~truth).sum()) < FEWEST:
        raise ModelError(
            f"{truth.sum()} right and {(~truth).sum()} wrong marks are too few to calibrate with; "
            f"give more photos, at least {FEWEST} marks of each are needed"
        )
    seen = np.column_stack([log_odds(peaks), np.ones(len(peaks))])
    weights = np.zeros(2)
    for _ in range(30):
        likely = 1 / (1 + np.exp(-seen @ weights))
        curvature = seen.T @ (seen * (likely * (1 - likely))[:, None])
        weights += np.linalg.solve(curvature, seen.T @ (truth - likely))
    share = float(truth.mean())
    return Calibration(float(weights[0]), float(weights[1] - np.log(share / (1 - share))))


def _marks(
    photos: Sequence[Path], darkroom: Darkroom, library: str, part: str
) -> Iterable[tuple[Peaks, Truth]]:
    for number, path in enumerate(photos):
        clean = read(path)
        yield _judged(clean, np.zeros(clean.size, np.bool_), darkroom)
        for aging in AGINGS:
            rng = np.random.default_rng((number, 0))
            recipe = draw_aging(rng, aging, SEVERITY, size=clean.size, library=library, part=part)
            pair = age_pair(clean, recipe, darkroom)
            yield _judged(pair.aged, pair.artifacts >= VISIBLE, darkroom)


def _judged(photo: Photo, damaged: Truth, darkroom: Darkroom) -> tuple[Peaks, Truth]:
    """The peaks of the candidates on a photo, and which of them lie on damage for the most part."""
    with darkroom.during("calibrate"):
        seen = candidates(damage_probability(photo, darkroom), darkroom)
    large = seen.of_size(DetectDamage().min_area_px)
    hits = np.bincount(seen.labels.ravel(), damaged.ravel(), minlength=len(seen.areas))
    return seen.peaks[large], (hits > 0.5 * seen.areas)[large]
