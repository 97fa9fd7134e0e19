"""Large arrays in small pieces: a tile is read with a halo, and only its core is written."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator


@dataclasses.dataclass(frozen=True)
class Tile:
    """One piece of a picture: the `core` that it answers for and the `read` area around it.

    All slices are (rows, columns) in pixels. `inner` is where the core lies inside the read area.
    """

    core: tuple[slice, slice]
    read: tuple[slice, slice]

    @property
    def inner(self) -> tuple[slice, slice]:
        rows, cols = (
            slice(core.start - read.start, core.stop - read.start)
            for core, read in zip(self.core, self.read, strict=True)
        )
        return rows, cols

    @property
    def area(self) -> int:
        """Pixels that are read."""
        return math.prod(side.stop - side.start for side in self.read)


def tiles(size: tuple[int, int], tile: int, halo: int, multiple_of: int = 1) -> Iterator[Tile]:
    """Cut a picture into tiles whose cores cover every pixel exactly once.

    Tile corners (with their halo) fall on multiples of `multiple_of`, wherever the cuts are made:
    a network that pools sees the same grid for every tile size, so the size does not change what
    it answers as long as the halo covers its receptive field.

    Args:
        size: (height, width) in pixels.
        tile: Side of a core in pixels; rounded up to `multiple_of`.
        halo: Pixels read around a core; rounded up to `multiple_of`; cut at the picture's edge.
        multiple_of: Grid on which the corners fall.
    Raises:
        ValueError: A size, tile or grid below 1, or a negative halo.
    """
    if min(*size, tile, multiple_of) < 1 or halo < 0:
        raise ValueError(f"cannot tile {size} by {tile} with halo {halo}, grid {multiple_of}")
    tile, halo = round_up(tile, multiple_of), round_up(halo, multiple_of)
    for top in range(0, size[0], tile):
        for left in range(0, size[1], tile):
            rows = slice(top, min(top + tile, size[0]))
            cols = slice(left, min(left + tile, size[1]))
            yield Tile((rows, cols), (_widen(rows, halo, size[0]), _widen(cols, halo, size[1])))


def round_up(value: int, multiple_of: int) -> int:
    """The smallest multiple that is not below the value."""
    return -(-value // multiple_of) * multiple_of


def _widen(span: slice, by: int, limit: int) -> slice:
    return slice(max(0, span.start - by), min(limit, span.stop + by))
