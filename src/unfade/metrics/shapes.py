"""What all measures refuse."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


def same_shape(a: NDArray[Any], b: NDArray[Any]) -> None:
    """Refuse arrays of different shape.

    Raises:
        ValueError: The shapes differ.
    """
    if a.shape != b.shape:
        raise ValueError(f"shapes must be equal, got {a.shape} and {b.shape}")
