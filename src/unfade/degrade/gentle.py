"""A drawn stage in part: what camera, scanner and file did, for photos that were treated well."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

AMOUNTS: Mapping[str, Mapping[str, float]] = {
    "blur": {"radius_px": 0.0},
    "exposure": {"stops": 0.0, "contrast": 1.0, "haze": 0.0},
    "vignette": {"strength": 0.0},
    "noise": {"read": 0.0, "shot": 0.0},
    "banding": {"cells": 0.0, "lamp": 0.0},
    "moire": {"amplitude": 0.0},
    "jpeg": {"quality": 100},
}
"""Settings that say how much a stage does, by its name, and the value at which it does nothing."""


def gentler(stage: Any, share: float) -> Any:
    """A stage that does a share of what it would do; of all of it, the very same stage.

    Args:
        stage: One of `AMOUNTS`.
        share: 0 (nothing) to 1 (all).
    """
    if share == 1:
        return stage
    changed = {}
    for name, nothing in AMOUNTS[stage.name].items():
        value = nothing + share * (getattr(stage, name) - nothing)
        changed[name] = round(value) if isinstance(nothing, int) else float(value)
    return dataclasses.replace(stage, **changed)
