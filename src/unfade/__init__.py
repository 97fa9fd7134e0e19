"""Restore old photographs and film scans: faithful, local, on a plain CPU.

>>> import unfade
>>> photo = unfade.restore("scan.tif")            # doctest: +SKIP
>>> unfade.write(photo, "restored.tif")           # doctest: +SKIP

Every public name is loaded at its first use, so that `import unfade` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import errors as errors
    from .choose import Changes as Changes
    from .choose import choose_recipe as choose_recipe
    from .choose import load_recipe as load_recipe
    from .darkroom import Darkroom as Darkroom
    from .io.read import read as read
    from .io.write import write as write
    from .jobs.job import Equipment as Equipment
    from .jobs.job import Job as Job
    from .jobs.outcome import Outcome as Outcome
    from .jobs.run import run_job as run_job
    from .jobs.run import run_jobs as run_jobs
    from .photo import Photo as Photo
    from .pipeline import run as run
    from .recipe import Recipe as Recipe
    from .verbs import age as age
    from .verbs import detect as detect
    from .verbs import inpaint as inpaint
    from .verbs import restore as restore

_HOMES = {
    "Changes": "choose",
    "Darkroom": "darkroom",
    "Equipment": "jobs.job",
    "Job": "jobs.job",
    "Outcome": "jobs.outcome",
    "Photo": "photo",
    "Recipe": "recipe",
    "age": "verbs",
    "choose_recipe": "choose",
    "detect": "verbs",
    "errors": "",
    "inpaint": "verbs",
    "load_recipe": "choose",
    "read": "io.read",
    "restore": "verbs",
    "run": "pipeline",
    "run_job": "jobs.run",
    "run_jobs": "jobs.run",
    "write": "io.write",
}
"""The module of each public name; a name without one is a module itself."""

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'unfade' has no attribute {name!r}")
    module = importlib.import_module(f".{_HOMES[name] or name}", __name__)
    value = getattr(module, name) if _HOMES[name] else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
