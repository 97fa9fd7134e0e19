"""The page beside a photo, `scan.tif.report.html`, and writing whatever lies beside it whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ..errors import WriteError
from ..io.whole import short, why
from ..photo import Photo
from .history import About
from .page import page_html


def write_report(
    before: Photo,
    after: Photo,
    target: Path,
    about: About,
) -> Path:
    """Write the page that shows a restored photo beside it.

    Args:
        before, after: The photo as read, and as it came out of `run`.
        target: Where the restored photo lies.
        about: What else to tell.
    Returns:
        The page.
    Raises:
        WriteError: It cannot be written.
    """
    page = report_path(target)
    title = Path(before.metadata.source or target).name
    write_text(page, page_html(before, after, title, about))
    return page


def report_path(target: Path) -> Path:
    """Where the page of a restored photo lies."""
    return beside(target, "report.html")


def beside(target: Path, ending: str) -> Path:
    """The path of something that belongs to a written photo: its whole name and an ending.

    So `scan.jpg` and `scan.tif` have a mask each.
    """
    return target.with_name(f"{target.name}.{ending}")


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 whole or not at all.

    What UTF-8 cannot say, such as a file name in another encoding, is written as JSON escapes it.

    Raises:
        WriteError: As in `write_bytes`.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        WriteError: The folder cannot be written to, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{short(path.name)}.", dir=path.parent)
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {why(error)}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {why(error)}") from error
    finally:
        Path(name).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
