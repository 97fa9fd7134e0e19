"""A contact sheet: every photo small, with its name and what was seen of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import WriteError
from ..io.text import draw_text
from ..io.write import write
from ..photo import Photo
from .look import TONES, Seen
from .ours import PACKET
from .summary import Survey, totals

THUMBNAIL = 220
LINE, PADDING, TITLE = 20, 12, 44
CELL_WIDTH = THUMBNAIL + 2 * PADDING
CELL_HEIGHT = THUMBNAIL + 2 * LINE + 2 * PADDING
COLUMNS, ROWS = 6, 8
EACH = COLUMNS * ROWS
BACKGROUND, PANEL, INK, FAINT = 0.09, 0.14, 0.93, 0.62
COLORS = {
    "none": (0.36, 0.66, 0.42),
    "light": (0.80, 0.75, 0.36),
    "moderate": (0.90, 0.55, 0.25),
    "heavy": (0.88, 0.30, 0.28),
    "": (0.5, 0.5, 0.5),
}
"""Of the bar below a photo, by severity of its damage."""

Canvas = NDArray[np.float32]


def sheet_places(path: Path, count: int) -> list[Path]:
    """Where the sheets of so many photos lie, 48 on each: `sheet.jpg`, `sheet-2.jpg` ..."""
    pages = max(1, -(-count // EACH))
    more = (path.with_name(f"{path.stem}-{n}{path.suffix}") for n in range(2, pages + 1))
    return [path, *more]


def write_sheets(survey: Survey, path: Path) -> list[Path]:
    """Write contact sheets, as many as `sheet_places` says; what lies there is replaced.

    Args:
        survey: Its photos with thumbnails.
        path: Of the first sheet; the suffix chooses the format.
    Raises:
        WriteError: It cannot be written.
    """
    if not path.parent.is_dir():
        raise WriteError(f"{path}: there is no folder {path.parent}; make it first")
    places = sheet_places(path, len(survey.photos))
    for page, place in enumerate(places):
        write(Photo(_sheet(survey, page * EACH, page + 1, len(places))), place, xmp=PACKET)
    return places


def _sheet(survey: Survey, first: int, page: int, pages: int) -> Canvas:
    photos = survey.photos[first : first + EACH]
    columns = min(COLUMNS, max(3, len(photos)))
    rows = -(-len(photos) // columns)
    sheet = np.full(
        (TITLE + rows * CELL_HEIGHT + PADDING, columns * CELL_WIDTH + PADDING, 3),
        BACKGROUND,
        np.float32,
    )
    _write_line(sheet, PADDING, 12, _title(survey, page, pages), INK, 115)
    doubles = survey.double_of()
    for place, seen in enumerate(photos):
        top = TITLE + place // columns * CELL_HEIGHT
        left = PADDING + place % columns * CELL_WIDTH
        cell = sheet[top : top + CELL_HEIGHT - PADDING, left : left + CELL_WIDTH - PADDING]
        _draw(cell, seen, doubles.get(first + place, 0))
    return sheet


def _title(survey: Survey, page: int, pages: int) -> str:
    told = totals(survey)
    words = [f"{told['photos']} photos", f"{told['megapixels']:.0f} megapixels"]
    words += [f"{number} {name}" for name, number in told["severity"].items() if name != "none"]
    words += [f"{told[name]} {name}" for name in ("veiled", "faded") if told[name]]
    for name in ("negatives", "doubles"):
        words += [f"{told[name]} {name if told[name] > 1 else name[:-1]}"] if told[name] else []
    return " · ".join(words) + (f"   ({page} of {pages})" if pages > 1 else "")


def _draw(cell: Canvas, seen: Seen, double: int) -> None:
    """Fill the cell of one photo: picture, bar of severity, name, findings."""
    cell[:] = PANEL
    width = cell.shape[1]
    if seen.thumbnail:
        coded = np.frombuffer(seen.thumbnail, np.uint8)
        data = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
        picture = data[:, :, ::-1].astype(np.float32) / 255
        top, left = (THUMBNAIL - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
        cell[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    cell[THUMBNAIL : THUMBNAIL + 4] = COLORS[seen.severity]
    _write_line(cell, 6, THUMBNAIL + 8, Path(seen.path).name, INK, 88)
    _write_line(cell, 6, THUMBNAIL + 8 + LINE, ", ".join(findings(seen, double)), FAINT, 80)


def findings(seen: Seen, double: int) -> Iterator[str]:
    """What is worth saying of a photo in a few words."""
    if seen.problem:
        yield seen.problem.removeprefix(f"{seen.path}: ")
        return
    yield f"{seen.damaged_share:.2%} damaged"
    if seen.pages > 1:
        yield f"{seen.pages} pages"
    if seen.negative:
        yield "negative"
    elif seen.tone != "color":
        yield TONES[seen.tone]
    if seen.veiled:
        yield "veiled"
    if seen.faded:
        yield "faded"
    if double:
        yield f"double {double}"


def _write_line(canvas: Canvas, left: int, top: int, words: str, tone: float, dpi: int) -> None:
    """Write a line of text; what does not fit is cut at the right edge."""
    ink = draw_text(words, dpi)[: canvas.shape[0] - top, : canvas.shape[1] - left]
    area = canvas[top : top + ink.shape[0], left : left + ink.shape[1]]
    area += ink[:, :, None] * (np.float32(tone) - area)
