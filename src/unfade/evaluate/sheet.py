"""The loop: every case is opened once and put to every method; nothing stops it."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..darkroom import Darkroom
from ..errors import Cancelled, UnfadeError
from ..metrics import Curve
from .cases import Case, Kind, Question, open_case
from .damage import Tally
from .figures import Figures, damage_curve, damage_tallies, figures
from .methods import Answer, Method
from .perception import Latents, Perception

if TYPE_CHECKING:
    from .store import Store

FAILURES = (
    UnfadeError,
    ValueError,
    OSError,
    MemoryError,
    ArithmeticError,
    RuntimeError,
    IndexError,
    cv2.error,
    np.linalg.LinAlgError,
    subprocess.SubprocessError,
)
"""What a bad file, a foreign library or program may end with; the row says so."""

Told = Callable[["Row"], None]


@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured of one method on one case.

    Attributes:
        method: Name of the method.
        photo: Name of the case.
        kind: Kind of the case.
        preset, severity, seed: The aging; empty and 0 where nothing was aged.
        figures: By name; the same at every repetition.
        cost: Seconds, megapixels per second and peak memory, by name; these differ.
        tallies: Defects found and present, by class.
        recipe: The recipe, where one was chosen.
        error: Why there are no figures; empty if there are.
    """

    method: str
    photo: str
    kind: str
    preset: str = ""
    severity: float = 0.0
    seed: int = 0
    figures: Mapping[str, float] = dataclasses.field(default_factory=dict)
    cost: Mapping[str, float] = dataclasses.field(default_factory=dict)
    tallies: Mapping[str, Tally] = dataclasses.field(default_factory=dict)
    recipe: str = ""
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Describe it in what JSON knows; `from_dict` gives it back."""
        table = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        counts = {name: [t.found, t.present] for name, t in self.tallies.items()}
        return {**table, "figures": dict(self.figures), "cost": dict(self.cost), "tallies": counts}

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Row:
        """Read what `to_dict` wrote.

        Raises:
            ValueError: A field is missing or unknown.
        """
        try:
            return cls(**{**table, "tallies": {k: Tally(*v) for k, v in table["tallies"].items()}})
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a row of an evaluation: {error}") from error


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
    """A row with what is pooled over photos.

    Attributes:
        row: The row.
        curve: Pixels ranked by their probability of damage, if the method gives one.
        latents: Of the answer and of what it is compared with: the truth, or for a real photo
            what was given. None without an encoder.
    """

    row: Row
    curve: Curve | None = None
    latents: tuple[Latents, Latents] | None = None


Group = tuple[str, str, str, float]
"""Method, kind, preset and severity: what is averaged together."""


@dataclasses.dataclass
class Sheet:
    """All rows of an evaluation, and the curves of damage found, pooled by group."""

    rows: list[Row] = dataclasses.field(default_factory=list)
    curves: dict[Group, Curve] = dataclasses.field(default_factory=dict)
    latents: dict[Group, list[tuple[Latents, Latents]]] = dataclasses.field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Take in a result."""
        self.rows.append(result.row)
        group = group_of(result.row)
        if result.curve is not None:
            known = self.curves.get(group)
            self.curves[group] = result.curve if known is None else known + result.curve
        if result.latents is not None:
            self.latents.setdefault(group, []).append(result.latents)

    def groups(self) -> dict[Group, list[Row]]:
        """All rows by group, in the order they came; also groups in which every row failed."""
        found: dict[Group, list[Row]] = {}
        for row in self.rows:
            found.setdefault(group_of(row), []).append(row)
        return found


def group_of(row: Row) -> Group:
    """The group a row is averaged in."""
    return row.method, row.kind, row.preset, row.severity


def run_cases(
    cases: Sequence[Case],
    methods: Sequence[Method],
    darkroom: Darkroom,
    store: Store | None = None,
    told: Told | None = None,
    perception: Perception | None = None,
) -> Sheet:
    """Put every case to every method.

    Args:
        cases: From `aged_cases`, `paired_cases` or `real_cases`.
        methods: From `make_method`; their names must differ.
        darkroom: Where to work.
        store: Keeps results, and gives those that it has.
        told: Called with each row.
        perception: Networks that judge as well.
    Returns:
        One row per case and method; what went wrong stands in the row.
    Raises:
        ValueError: Two methods have one name.
        Cancelled: The darkroom was told to stop; results so far are in the store.
    """
    names = [method.name for method in methods]
    if len(set(names)) < len(names):
        raise ValueError(f"methods must have different names, got {', '.join(names)}")
    sheet = Sheet()
    for case in cases:
        for result in _case_results(case, methods, darkroom, store, perception):
            sheet.add(result)
            if told is not None:
                told(result.row)
    return sheet


def _case_results(
    case: Case,
    methods: Sequence[Method],
    darkroom: Darkroom,
    store: Store | None,
    perception: Perception | None,
) -> Iterator[Result]:
    question: Question | None = None
    for method in methods:
        if case.kind is Kind.CLEAN and not method.works:
            continue
        try:
            key = "" if store is None else store.key(case, method, darkroom, perception)
            known = None if store is None else store.load(key)
            if known is None:
                question = question or open_case(case, darkroom)
                known = measure(question, method, darkroom, perception)
                if store is not None:
                    store.save(key, known)
        except Cancelled:
            raise
        except FAILURES as error:
            known = Result(_row(case, method, error=_one_line(error)))
        yield known


def measure(
    question: Question, method: Method, darkroom: Darkroom, perception: Perception | None = None
) -> Result:
    """Put one question to one method and measure the answer."""
    answer = method(question, darkroom)
    told = figures(question, answer)
    latents = None
    if perception is not None:
        goal = question.truth or question.given
        if perception.lpips is not None and question.truth is not None:
            told["lpips"] = perception.distance(answer.pixels, goal.pixels)
        if perception.encoder is not None:
            latents = perception.latents(answer.pixels), perception.latents(goal.pixels)
    row = _row(
        question.case,
        method,
        figures=told,
        cost=_cost(answer),
        tallies=damage_tallies(question, answer),
        recipe=answer.recipe,
    )
    return Result(row, damage_curve(question, answer), latents)


def _row(
    case: Case,
    method: Method,
    figures: Figures | None = None,
    cost: Figures | None = None,
    tallies: Mapping[str, Tally] | None = None,
    recipe: str = "",
    error: str = "",
) -> Row:
    aging = case.aging
    return Row(
        method.name,
        case.name,
        str(case.kind),
        aging.preset if aging else "",
        aging.severity if aging else 0.0,
        aging.seed if aging else 0,
        figures or {},
        cost or {},
        tallies or {},
        recipe,
        error,
    )


def _cost(answer: Answer) -> Figures:
    if answer.cost is None:
        return {}
    megapixels = answer.pixels.shape[0] * answer.pixels.shape[1] / 1e6
    told = {
        "seconds": answer.cost.seconds,
        "megapixels_per_second": megapixels / max(answer.cost.seconds, 1e-9),
    }
    if answer.cost.memory is not None:
        told["peak_memory_mib"] = answer.cost.memory / 2**20
    return told


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
