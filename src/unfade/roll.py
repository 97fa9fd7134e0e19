"""The frames of one roll, measured together, so that all are inverted alike."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from .darkroom import Darkroom
from .errors import ReadError
from .film.negative import measure_negative
from .io.read import read
from .photo import Pixels
from .stages.negative import PROXY
from .working import enter_srgb


def measure_roll(sources: Iterable[str | Path], darkroom: Darkroom) -> tuple[str, ...]:
    """Measure base, contrast and white over the frames of a roll.

    Frames in grey and in color are on different film; those fewer in number do not count, nor
    does a file that cannot be read, which its own job will tell.

    Returns:
        Settings `negative.key=values` for the recipe of every frame; none without frames.
    """
    frames: list[Pixels] = []
    for source in sources:
        with contextlib.suppress(ReadError):
            photo = read(source, allocate=darkroom.empty, strips=darkroom.strips)
            frames.append(enter_srgb(photo, darkroom).proxy(PROXY).copy())
    color = [frame for frame in frames if frame.shape[2] == 3]
    grey = [frame for frame in frames if frame.shape[2] == 1]
    same = color if len(color) >= len(grey) else grey
    if not same:
        return ()
    film = measure_negative(same)
    return tuple(
        f"negative.{name}=" + ",".join(f"{value:.5f}" for value in getattr(film, name))
        for name in ("base", "contrast", "white")
    )
