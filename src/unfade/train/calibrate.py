"""How far a network is to be believed in its marks, measured on photos that it never saw."""

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
from ..stages.damage import DetectDamage, find_damage
from ..stages.marks import Calibration, Candidates, Numbers, candidates
from ..stages.verify import ask
from .judged import JudgedPhoto
from .unseen import NOTHING, Known, find_unseen

AGINGS = ("old-photo-mixed", "film-35mm")
SEVERITY = 0.5
FEWEST = 50
"""Candidates of either sort, below which nothing is measured."""

Truth = NDArray[np.bool_]


def calibrate_card(
    network: Path,
    folders: Sequence[Path],
    library: str = "",
    judged: Sequence[JudgedPhoto] = (),
    known: Known = NOTHING,
) -> Calibration:
    """Calibrate an exported network on those photos of folders that it did not learn from.

    Args:
        network: An ONNX file of `unfade export`, its card beside it; the card takes the result. A
            damage network is believed by its peaks, one that verifies by its answers to what the
            zoo's damage network proposes, beside the mean of that one within each mark.
        folders: Of clean photos; tar files too.
        judged: Real old photos that count besides, other ones than it learned from.
        known: Photos that it learned from and was checked with.
    Raises:
        ModelError: Neither a damage network nor one that verifies, or no photos to tell by.
        ReadError: A folder is missing, or holds no pictures.
    """
    beside = network.with_suffix(".toml")
    card = ModelCard.from_toml(beside.read_text("utf-8"))
    if card.task not in ("damage", "verify"):
        raise ModelError(
            f"only networks that find or verify damage are calibrated; {network.name} is for "
            f"{card.task}"
        )
    with tempfile.TemporaryDirectory() as place:
        networks, unpacked = Path(place) / "networks", Path(place) / "photos"
        networks.mkdir()
        unpacked.mkdir()
        photos = find_unseen(folders, known, unpacked)
        if not photos:
            raise ModelError(
                "all these photos were learned from, or would be (1 in 32 is held out); give "
                "others, or more"
            )
        _put(networks, network, dataclasses.replace(card, name=card.task, verifier=""))
        if card.task == "verify":
            path, detector = Zoo().find("damage")
            _put(networks, path, dataclasses.replace(detector, verifier="verify"))
        overview = detector.overview if card.task == "verify" else card.overview
        if overview:
            _put(networks, *Zoo().find(overview))
        room = Darkroom(zoo=Zoo(networks))
        found = calibrate(photos, room, library, "val" if library else "all", judged)
    numbers = tuple(round(number, 3) for number in dataclasses.astuple(found))
    beside.write_text(dataclasses.replace(card, calibration=numbers).to_toml(), "utf-8")
    return Calibration(*numbers)


def _put(folder: Path, network: Path, card: ModelCard) -> None:
    shutil.copyfile(network, folder / f"{card.name}.onnx")
    (folder / f"{card.name}.toml").write_text(card.to_toml(), "utf-8")


def calibrate(
    photos: Sequence[Path],
    darkroom: Darkroom,
    library: str = "",
    part: str = "all",
    judged: Sequence[JudgedPhoto] = (),
) -> Calibration:
    """Measure the calibration of a darkroom's networks on clean photos, as aged and as they are.

    Args:
        photos: Clean photos that the networks were not trained on; fifty are enough.
        library, part: As of `degrade.draw_aging`.
        judged: Real old photos and what a person said of their marks. Together they count as much
            as all that was aged, of which there is as much as one likes.
    Raises:
        ModelError: The network proposes too few marks, right ones or wrong ones, to tell.
    """
    aged = list(_marks(photos, darkroom, library, part))
    real = list(_judged_marks(judged, darkroom))
    odds, truth = zip(*aged, *real, strict=True)
    sizes = [sum(len(told) for _, told in marks) for marks in (aged, real)]
    weights = np.repeat([0.5 * sum(sizes) / max(1, size) for size in sizes], sizes)
    return fit(np.concatenate(odds), np.concatenate(truth), weights if all(sizes) else None)


def fit(odds: Numbers, truth: Truth, weights: Numbers | None = None) -> Calibration:
    """Fit the log likelihood ratio of true to false marks, linear in what networks say of them.

    Logistic regression by Newton's method; the share of true marks is taken out of its offset.

    Args:
        odds: (n, 1 or 2) log odds, as `Calibration.evidence` takes them.
        truth: (n,) whether each is damage.
        weights: (n,) how much each counts; all alike by default.
    Raises:
        ModelError: Fewer than `FEWEST` of either sort.
    """
    if min(truth.sum(), (~truth).sum()) < FEWEST:
        raise ModelError(
            f"{truth.sum()} right and {(~truth).sum()} wrong marks are too few to calibrate with; "
            f"give more photos, at least {FEWEST} marks of each are needed"
        )
    seen = np.column_stack([odds, np.ones(len(odds))])
    counts = np.ones(len(odds)) if weights is None else weights
    slopes = np.zeros(seen.shape[1])
    for _ in range(30):
        likely = 1 / (1 + np.exp(-seen @ slopes))
        curvature = seen.T @ (seen * (counts * likely * (1 - likely))[:, None])
        slopes += np.linalg.solve(curvature, seen.T @ (counts * (truth - likely)))
    share = float(np.average(truth, weights=counts))
    slope, *mean, offset = map(float, slopes)
    return Calibration(slope, offset - float(np.log(share / (1 - share))), *mean)


def _marks(
    photos: Sequence[Path], darkroom: Darkroom, library: str, part: str
) -> Iterable[tuple[Numbers, Truth]]:
    for number, path in enumerate(photos):
        clean = read(path)
        yield _aged_marks(clean, np.zeros(clean.size, np.bool_), darkroom)
        for aging in AGINGS:
            rng = np.random.default_rng((number, 0))
            recipe = draw_aging(rng, aging, SEVERITY, size=clean.size, library=library, part=part)
            pair = age_pair(clean, recipe, darkroom)
            yield _aged_marks(pair.aged, pair.artifacts >= VISIBLE, darkroom)


def _judged_marks(
    photos: Iterable[JudgedPhoto], darkroom: Darkroom
) -> Iterable[tuple[Numbers, Truth]]:
    for judged in photos:
        odds, seen, large = asked(judged.photo, darkroom)
        told = judged.truth_of(seen, large)
        known = np.isfinite(told)
        yield odds[known], told[known] == 1


def _aged_marks(photo: Photo, damaged: Truth, darkroom: Darkroom) -> tuple[Numbers, Truth]:
    """Log odds of the candidates on a photo, and which of them lie on damage for the most part."""
    odds, seen, large = asked(photo, darkroom)
    hits = np.bincount(seen.labels.ravel(), damaged.ravel(), minlength=len(seen.areas))
    return odds, (hits > 0.5 * seen.areas)[large]


def asked(photo: Photo, darkroom: Darkroom) -> tuple[Numbers, Candidates, Truth]:
    """Log odds of the candidates on a photo, all of them, and which are large enough to count."""
    with darkroom.during("calibrate"):
        probability, _ = find_damage(photo, darkroom)
        seen = candidates(probability, darkroom)
        large = seen.of_size(DetectDamage().min_area_px)
        return ask(photo.pixels, probability, seen, large, darkroom), seen, large
