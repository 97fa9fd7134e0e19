"""Measuring: recipes, baselines and foreign programs on photos whose truth is known, or not."""

from ..pairs import Pair, age_pair, printed, restoration_gain, scanned
from .cases import Case, Question, aged_cases, open_case, paired_cases, real_cases
from .damage import DamageFigures, found_components
from .methods import Answer, Method, make_method
from .sheet import Row, Sheet, run_cases

__all__ = [
    "Answer",
    "Case",
    "DamageFigures",
    "Method",
    "Pair",
    "Question",
    "Row",
    "Sheet",
    "age_pair",
    "aged_cases",
    "found_components",
    "make_method",
    "open_case",
    "paired_cases",
    "printed",
    "real_cases",
    "restoration_gain",
    "run_cases",
    "scanned",
]
