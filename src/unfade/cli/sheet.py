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
from ..io.formats import codecs
from ..io.read import can_read, read
from ..io.write import FORMATS, write
from ..photo import Photo
from ..survey.ours import PACKET
from .aging import COLORS

COLUMNS = 6
CELL_PX = 320
GAP_PX = 6
LINE_PX, WORD_PX = 36, 120
"""Of the legend: height of a line, and least width of the name of a class with its color."""

MOST = 48
"""Of more pictures a sheet shows as many, evenly spread."""

Cell = NDArray[np.float32]


def check_suffix(sheet: Path) -> None:
    """Refuse a sheet in a format that cannot be written here.

    Raises:
        UsageError: Another suffix, or a codec that is missing.
    """
    can = {name.lower().replace("heic", "heif") for name, (_, write) in codecs().items() if write}
    if FORMATS.get(sheet.suffix.lower()) not in can:
        known = ", ".join(suffix for suffix, kind in FORMATS.items() if kind in can)
        raise click.UsageError(
            f"--sheet {sheet}: expected a suffix of {known}, got {sheet.suffix or 'none'!r}"
        )


def write_sheet(
    path: Path, aged: Sequence[Path], classes: Sequence[Path], beside: Path | None = None
) -> None:
    """Write a contact sheet: aged photos, their damage by class, and real old photos below.

    Args:
        path: PNG or JPEG file to write; replaced if it is there, so see `check_places` before.
        aged: Aged photos.
        classes: Their class maps, in the same order.
        beside: Folder of real old photos, which follow below as many as there are aged ones; what
            cannot be read is left off.
    Raises:
        ReadError: An aged picture cannot be read, or no photo in the folder can.
    """
    chosen = _spread(range(len(aged)))
    columns = min(COLUMNS, len(chosen))
    rows = [_grid([_cell(aged[n]) for n in chosen], columns)]
    rows.append(_grid([_cell(classes[n]) for n in chosen], columns))
    rows.append(_legend(rows[0].shape[1]))
    if beside is not None:
        real = photos_in(beside)
        cells = _real_cells([real[n] for n in _spread(range(len(real)), len(chosen))])
        if not cells:
            raise ReadError(f"no photos in {beside} that can be read; the sheet needs one at least")
        rows.append(_grid(cells, columns))
    path.parent.mkdir(parents=True, exist_ok=True)
    write(Photo(np.concatenate(rows)), path, xmp=PACKET)


def photos_in(folder: Path) -> list[Path]:
    """The photos of a folder and all below it, in order."""
    return sorted(file for file in folder.rglob("*") if file.is_file() and can_read(file))


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


def _grid(cells: Sequence[Cell], columns: int) -> Cell:
    """Lay cells out in rows, with grey between them and where the last row has too few."""
    lines = -(-len(cells) // columns)
    step = CELL_PX + GAP_PX
    sheet = np.full((lines * step, columns * step, 3), 0.5, np.float32)
    for number, cell in enumerate(cells):
        top, left = number // columns * step, number % columns * step
        sheet[top : top + CELL_PX, left : left + CELL_PX] = cell
    return sheet


def _legend(width: int) -> Cell:
    """A strip that names the colors of the classes, in as many lines as they need."""
    columns = min(len(COLORS), max(1, width // WORD_PX))
    lines, step = -(-len(COLORS) // columns), width // columns
    strip = np.full((lines * LINE_PX, width, 3), 128, np.uint8)
    for number, (kind, color) in enumerate(COLORS.items()):
        top, left = number // columns * LINE_PX, number % columns * step
        strip[top + 8 : top + 28, left + 8 : left + 28] = color
        place = (left + 36, top + 25)
        word = kind.name.lower()
        cv2.putText(strip, word, place, cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 1, cv2.LINE_AA)
    return strip.astype(np.float32) / np.float32(255)
