"""A whole folder in numbers: counts, doubles, and what it will cost; as data for any screen."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections import Counter
from collections.abc import Sequence
from typing import Any

from .costs import Cost, cost_of, pace_of
from .doubles import same_bytes, same_picture
from .look import SEVERITIES, Seen

SCHEMA = 1
HIDDEN = ("tiny", "thumbnail", "fingerprint")


@dataclasses.dataclass(frozen=True)
class Survey:
    """All that was seen.

    Attributes:
        photos: In the order they were looked at.
        costs: One per photo; None where it could not be looked at.
        copies: Groups of indices of files that are equal byte for byte.
        doubles: Groups of indices of photos that show the same picture, copies included.
        pace: See `costs.pace_of`.
    """

    photos: tuple[Seen, ...]
    costs: tuple[Cost | None, ...]
    copies: tuple[tuple[int, ...], ...]
    doubles: tuple[tuple[int, ...], ...]
    pace: float

    def double_of(self) -> dict[int, int]:
        """Number of the group of doubles, from 1, by index of the photo."""
        return {i: number for number, group in enumerate(self.doubles, 1) for i in group}


def summarize(photos: Sequence[Seen], budget: int) -> Survey:
    """Bring looks together.

    Args:
        photos: What was seen.
        budget: Memory budget in bytes, for the estimate.
    """
    pace = pace_of(photos)
    good = [index for index, seen in enumerate(photos) if not seen.problem]
    copies = same_bytes([photos[i].path for i in good], [photos[i].file_bytes for i in good])
    doubles = same_picture([photos[i].fingerprint for i in good], [photos[i].tiny for i in good])
    return Survey(
        tuple(photos),
        tuple(None if seen.problem else cost_of(seen, pace, budget) for seen in photos),
        tuple(tuple(good[i] for i in group) for group in copies),
        tuple(tuple(good[i] for i in group) for group in doubles),
        pace,
    )


def totals(survey: Survey) -> dict[str, Any]:
    """Counts and sums of a survey, as JSON knows them."""
    good = [seen for seen in survey.photos if not seen.problem]
    costs = [cost for cost in survey.costs if cost is not None]
    severities = Counter(seen.severity for seen in good)
    return {
        "photos": len(good),
        "pages": sum(seen.pages for seen in good),
        "unreadable": len(survey.photos) - len(good),
        "bytes": sum(seen.file_bytes for seen in good),
        "megapixels": round(sum(seen.megapixels * seen.pages for seen in good), 3),
        "severity": {name: severities[name] for name, _ in SEVERITIES},
        "tone": dict(Counter(seen.tone for seen in good)),
        "veiled": sum(seen.veiled for seen in good),
        "faded": sum(seen.faded for seen in good),
        "negatives": sum(seen.negative for seen in good),
        "copies": sum(len(group) - 1 for group in survey.copies),
        "doubles": sum(len(group) - 1 for group in survey.doubles),
        "seconds": round(sum(cost.seconds for cost in costs), 1),
        "most_memory": max((cost.memory for cost in costs), default=0),
        "most_scratch": max((cost.scratch for cost in costs), default=0),
        "disk": sum(cost.disk for cost in costs),
    }


def rows(survey: Survey) -> list[dict[str, Any]]:
    """One flat table row per photo."""
    numbers = survey.double_of()
    copies = {i: number for number, group in enumerate(survey.copies, 1) for i in group}
    told = []
    for index, (seen, cost) in enumerate(zip(survey.photos, survey.costs, strict=True)):
        row = {
            field.name: getattr(seen, field.name)
            for field in dataclasses.fields(seen)
            if field.name not in HIDDEN
        }
        row["look_seconds"] = round(row.pop("seconds"), 3)
        row["damaged_share"] = round(row["damaged_share"], 6)
        row["kinds"] = {name: round(share, 6) for name, share in seen.kinds.items()}
        row["copy_group"], row["double_group"] = copies.get(index, 0), numbers.get(index, 0)
        row |= {f"estimated_{name}": 0 for name in ("seconds", "memory", "scratch", "disk")}
        if cost is not None:
            row |= {f"estimated_{name}": value for name, value in vars(cost).items()}
            row["estimated_seconds"] = round(cost.seconds, 2)
        told.append(row)
    return told


def as_document(survey: Survey) -> dict[str, Any]:
    """The survey as one JSON document."""
    return {"schema": SCHEMA, "totals": totals(survey), "photos": rows(survey)}


def as_csv(survey: Survey) -> str:
    """The survey as a table, one line per photo; kinds of damage as `dust=0.01 stain=0.2`."""
    table = rows(survey)
    if not table:
        return ""
    text = io.StringIO(newline="")
    # Files are known again by how a table begins: `ours.TABLE`.
    writer = csv.DictWriter(text, list(table[0]), lineterminator="\r\n")
    writer.writeheader()
    for row in table:
        kinds = " ".join(f"{name}={share}" for name, share in row["kinds"].items())
        writer.writerow({**row, "kinds": kinds})
    return text.getvalue()
