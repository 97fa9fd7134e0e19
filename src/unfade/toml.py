"""Values as TOML; the standard library only reads it."""

from __future__ import annotations

import json
from typing import Any


def toml_value(value: Any) -> str:
    """Write a truth, number, text, list or tuple so that `tomllib` gives it back.

    A NumPy number is written as the plain number it holds.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # TOML's basic strings escape as JSON does
    return repr(value.item() if hasattr(value, "item") else value)
