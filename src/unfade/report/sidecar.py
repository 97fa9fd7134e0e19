"""The page beside a photo, `scan.tif.report.html`, and writing whatever lies beside it whole."""

from __future__ import annotations

from pathlib import Path

from ..errors import WriteError
from ..io.whole import whole, why
from ..photo import Photo
from .history import About
from .page import page_html


def write_report(
    before: Photo,
    after: Photo,
    target: Path,
    about: About,
    replace: bool = True,
) -> Path:
    """Write the page that shows a restored photo beside it.

    Args:
        before, after: The photo as read, and as it came out of `run`.
        target: Where the restored photo lies.
        about: What else to tell.
        replace: As in `write_bytes`.
    Returns:
        The page.
    Raises:
        WriteError: As in `write_bytes`.
    """
    page = report_path(target)
    title = Path(before.metadata.source or target).name
    write_text(page, page_html(before, after, title, about), replace)
    return page


def report_path(target: Path) -> Path:
    """Where the page of a restored photo lies."""
    return beside(target, "report.html")


def beside(target: Path, ending: str) -> Path:
    """The path of something that belongs to a written photo: its whole name and an ending.

    So `scan.jpg` and `scan.tif` have a mask each.
    """
    return target.with_name(f"{target.name}.{ending}")


def page_of(target: Path, page: int) -> Path:
    """What belongs to one page of a TIFF of several is called after this name, `a.tif.page-2.tif`.

    No such file is written: the pages lie together in the target.
    """
    return beside(target, f"page-{page}{target.suffix}")


def is_page_of(place: Path, target: Path) -> bool:
    """Whether a name is what `page_of` calls a page of a target."""
    begin, end = f"{target.name}.page-", target.suffix
    number = place.name.removeprefix(begin).removesuffix(end)
    return number.isdecimal() and place == page_of(target, int(number))


def write_text(path: Path, text: str, replace: bool = True) -> None:
    """Write a text file in UTF-8 whole or not at all.

    What UTF-8 cannot say, such as a file name in another encoding, is written as JSON escapes it.

    Raises:
        WriteError: As in `write_bytes`.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"), replace)


def write_bytes(path: Path, data: bytes, replace: bool = True) -> None:
    """Write a file whole or not at all.

    Args:
        path: Where to; its folder is made if it is not there.
        data: What.
        replace: Take the place of a file that has this name when all is written.
    Raises:
        WriteError: The folder cannot be written to, the disk is full, or a file is there that is
            not to be replaced.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path, replace) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {why(error)}") from error
