"""Asking a network about a picture and its mirrors: what the answers do not share is error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..photo import Pixels

VIEWS = ((1, 1), (-1, -1), (1, -1), (-1, 1))
"""Steps down and across with which a picture is seen as it is, turned and mirrored."""


def mean_of_views(picture: Pixels, ask: Callable[[Pixels], Pixels], views: int) -> Pixels:
    """The mean of what a network answers to some of `VIEWS`, each turned back.

    Args:
        picture: (H, W, C).
        ask: The network: takes (H, W, C) and answers (H, W, K).
        views: The first so many of `VIEWS`.
    Returns:
        (H, W, K).
    """
    asked = [
        ask(np.ascontiguousarray(picture[::down, ::across]))[::down, ::across]
        for down, across in VIEWS[:views]
    ]
    return np.asarray(np.mean(asked, axis=0), np.float32)
