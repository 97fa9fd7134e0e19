"""From rows to tables: means with what chance makes of them, pooled curves; CSV, JSON, Parquet."""

from __future__ import annotations

import csv
import dataclasses
import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import EvaluationError
from ..metrics import Curve
from .damage import Tally, pooled
from .perception import Latents, frechet, sliced_wasserstein
from .sheet import Row, Sheet

RESAMPLES = 2000
LEVEL = 0.95
OPERATING = 0.4
"""The threshold at which the published film network states F1 and IoU."""

COMPARED = ("psnr", "ssim", "psnr_inside", "psnr_outside", "delta_e")
"""Figures in which each method is compared with the first, photo by photo."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean over photos and the 95 % interval in which chance of choosing them would put it."""

    mean: float
    low: float
    high: float
    count: int


def bootstrap(values: Sequence[float], seed: int = 0) -> Estimate:
    """Estimate a mean by drawing the photos anew, with repeats, 2000 times.

    Args:
        values: One per photo, at least one.
        seed: Fixes the draws.
    References:
        Efron (1979), Annals of Statistics 7(1), 1-26: the percentile interval.
    """
    known = np.asarray(values, np.float64)
    draws = np.random.default_rng(seed).integers(len(known), size=(RESAMPLES, len(known)))
    means = known[draws].mean(axis=1)
    low, high = np.quantile(means, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Estimate(float(known.mean()), float(low), float(high), len(known))


def summarize(sheet: Sheet) -> list[dict[str, Any]]:
    """One entry per group of rows: figures, cost, damage found, and the lead of the first method.

    Returns:
        Plain data for JSON. `figures` and `lead` hold `Estimate`s; `lead` is this method minus
        the first, photo by photo. `cost` holds medians, as the first photo of a run also pays for
        opening the networks. `photos` counts those with figures; a group in which all failed has
        none.
    """
    all_rows = sheet.groups()
    groups = {group: [row for row in rows if not row.error] for group, rows in all_rows.items()}
    first = sheet.rows[0].method if sheet.rows else ""
    entries = []
    for group, rows in groups.items():
        method, kind, preset, severity = group
        of_first = groups.get((first, kind, preset, severity), [])
        entries.append(
            {
                "method": method,
                "kind": kind,
                "preset": preset,
                "severity": severity,
                "photos": len(rows),
                "failed": len(all_rows[group]) - len(rows),
                "figures": _estimates(rows, "figures"),
                "cost": _medians(rows),
                "damage": damage_found(rows, sheet.curves.get(group)),
                "distance": distances(sheet.latents.get(group, [])),
                "lead": {} if method == first else _lead(rows, of_first),
            }
        )
    return entries


def damage_found(rows: Sequence[Row], curve: Curve | None) -> dict[str, Any]:
    """What is pooled over all pixels and all defects of a group; empty if nothing is known."""
    told: dict[str, Any] = {}
    if curve is not None and all(counts.sum() for counts in curve.counts):
        at = curve.scores_at(OPERATING)
        told = {
            "roc_auc": curve.roc_auc,
            "average_precision": curve.average_precision,
            f"f1_at_{OPERATING}": at.f1,
            f"iou_at_{OPERATING}": at.iou,
            "curve": [list(point) for point in curve.points(100)],
        }
    found = pooled([row.tallies for row in rows])
    if found:
        told["recall"] = {name: _recall(found[name]) for name in sorted(found, key=_order)}
    return told


def distances(latents: Sequence[tuple[Latents, Latents]]) -> dict[str, float]:
    """How far the set of answers is from the set of truths; empty without an encoder.

    Real photos are set against what was given. Two patches at least are needed.
    """
    if not latents:
        return {}
    mine, goal = (np.concatenate(sets) for sets in zip(*latents, strict=True))
    if len(mine) < 2:
        return {}
    return {
        "frechet": frechet(mine, goal),
        "sliced_wasserstein": sliced_wasserstein(mine, goal),
        "patches": len(mine),
    }


def document(sheet: Sheet, about: Mapping[str, Any]) -> dict[str, Any]:
    """The whole evaluation as one JSON document."""
    return {
        "about": dict(about),
        "summary": summarize(sheet),
        "rows": [row.to_dict() for row in sheet.rows],
    }


def write_csv(sheet: Sheet, path: Path) -> None:
    """Write one line per photo and method, with a column per figure; unknown ones are empty."""
    columns = _columns(sheet)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for line in zip(*columns.values(), strict=True):
            writer.writerow(["" if value is None else value for value in line])


def write_parquet(sheet: Sheet, path: Path) -> None:
    """Write the same table as `write_csv`; what is not known is null.

    Raises:
        EvaluationError: pyarrow is not installed.
    """
    arrow, parquet = open_parquet()
    texts, columns = arrow.string(), _columns(sheet)
    types = {name: texts if name in TEXTS else arrow.float64() for name in columns}
    types["seed"] = arrow.int64()
    arrays = {name: arrow.array(values, types[name]) for name, values in columns.items()}
    parquet.write_table(arrow.table(arrays), path)


def open_parquet() -> tuple[Any, Any]:
    """Import pyarrow and its Parquet files.

    Raises:
        EvaluationError: It is not installed.
    """
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise EvaluationError(
            f"Parquet needs pyarrow: pip install 'unfade[parquet]', or take the CSV ({error})"
        ) from error


TEXTS = ("method", "photo", "kind", "preset", "recipe", "error")


def _columns(sheet: Sheet) -> dict[str, list[Any]]:
    """Every column by its name, one value per row; None where a row has none."""
    names = ["method", "photo", "kind", "preset", "severity", "seed", "recipe", "error"]
    columns = {name: [getattr(row, name) for row in sheet.rows] for name in names}
    for field in ("figures", "cost"):
        tables = [getattr(row, field) for row in sheet.rows]
        known = dict.fromkeys(name for table in tables for name in table)
        columns |= {name: [table.get(name) for table in tables] for name in known}
    return columns


def _estimates(rows: Sequence[Row], which: str) -> dict[str, dict[str, Any]]:
    names = list(dict.fromkeys(name for row in rows for name in getattr(row, which)))
    return {
        name: dataclasses.asdict(
            bootstrap([getattr(row, which)[name] for row in rows if name in getattr(row, which)])
        )
        for name in names
    }


def _medians(rows: Sequence[Row]) -> dict[str, float]:
    names = list(dict.fromkeys(name for row in rows for name in row.cost))
    return {
        name: float(np.median([row.cost[name] for row in rows if name in row.cost]))
        for name in names
    }


def _lead(rows: Sequence[Row], first: Sequence[Row]) -> dict[str, dict[str, Any]]:
    known = {row.photo: row.figures for row in first}
    leads: dict[str, dict[str, Any]] = {}
    for name in COMPARED:
        apart = [
            row.figures[name] - known[row.photo][name]
            for row in rows
            if name in row.figures and name in known.get(row.photo, {})
        ]
        if apart:
            leads[name] = dataclasses.asdict(bootstrap(apart))
    return leads


def _recall(tally: Tally) -> dict[str, float]:
    return {
        "recall": tally.found / tally.present,
        "found": tally.found,
        "present": tally.present,
    }


def _order(name: str) -> tuple[str, int, str]:
    """Sizes by number, kinds by name."""
    word, _, rest = name.partition(" ")
    digits = rest.rstrip("+").partition("-")[0]
    return word, int(digits) if digits.isdigit() else 0, rest
