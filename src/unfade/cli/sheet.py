"""Contact sheets: many small pictures on one, to judge by eye whether aging looks real."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from ..color import in_color
from ..errors import ReadError
from ..io.read import can_read, read
from ..io.write import write
from ..photo import Photo
from .aging import COLORS

COLUMNS = 6
CELL_PX = 320
GAP_PX = 6
MOST = 48
"""Of more pictures a sheet shows as many, evenly spread."""

Cell = NDArray[np.float32]


def write_sheet(
    path: Path, aged: Sequence[Path], classes: Sequence[Path], beside: Path | None = None
) -> None:
    """Write a contact sheet: aged photos, their damage by class, and real old photos below.

    Args:
        path: PNG or JPEG file to write; replaced if it is there.
        aged: Aged photos.
        classes: Their class maps, in the same order.
        beside: Folder of real old photos, which follow below as many as there are aged ones; what
            cannot be read is left off.
    Raises:
        ReadError: An aged picture cannot be read, or no photo in the folder can.
    """
    chosen = _spread(range(len(aged)))
    rows = [_grid([_cell(aged[n]) for n in chosen])]
    rows.append(_grid([_cell(classes[n]) for n in chosen]))
    rows.append(_legend(rows[0].shape[1]))
    if beside is not None:
        real = sorted(file for file in beside.rglob("*") if file.is_file() and can_read(file))
        cells = _real_cells([real[n] for n in _spread(range(len(real)), len(chosen))])
        if not cells:
            raise ReadError(f"no photos in {beside} that can be read; the sheet needs one at least")
        rows.append(_grid(cells))
    path.parent.mkdir(parents=True, exist_ok=True)
    write(Photo(np.concatenate(rows)), path)


def _spread(places: range, most: int = MOST) -> list[int]:
    count = min(len(places), most)
    return [places[int(n)] for n in np.linspace(0, len(places) - 1, count)]


def _real_cells(paths: Sequence[Path]) -> list[Cell]:
    cells = []
    for path in paths:
        try:
            cells.append(_cell(path))
        except ReadError as error:
            click.echo(f"left off the sheet: {error}", err=True)
    return cells


def _cell(path: Path) -> Cell:
    small = in_color(read(path).proxy(CELL_PX))
    cell = np.full((CELL_PX, CELL_PX, 3), 0.5, np.float32)
    cell[: small.shape[0], : small.shape[1]] = small
    return cell


def _grid(cells: Sequence[Cell]) -> Cell:
    """Lay cells out in rows, with grey between them."""
    columns = min(COLUMNS, len(cells))
    lines = -(-len(cells) // columns)
    step = CELL_PX + GAP_PX
    sheet = np.full((lines * step, COLUMNS * step, 3), 0.5, np.float32)
    for number, cell in enumerate(cells):
        top, left = number // columns * step, number % columns * step
        sheet[top : top + CELL_PX, left : left + CELL_PX] = cell
    return sheet


def _legend(width: int) -> Cell:
    """A strip that names the colors of the classes."""
    strip = np.full((36, width, 3), 128, np.uint8)
    step = width // len(COLORS)
    for number, (kind, color) in enumerate(COLORS.items()):
        left = number * step
        strip[8:28, left + 8 : left + 28] = color
        place = (left + 36, 25)
        word = kind.name.lower()
        cv2.putText(strip, word, place, cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 1, cv2.LINE_AA)
    return strip.astype(np.float32) / np.float32(255)
