"""Files that are whole or not there: written under another name, called by theirs at the end."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from ..errors import WriteError


def short(name: str) -> str:
    """A name, or its beginning, for a temporary file: room is left for what is added to it.

    `batch.leftovers` knows files by the first 100 characters of a name, or by its whole.
    """
    kept = name if len(name) <= 120 else name[:100]
    while len(os.fsencode(kept)) > 230:  # A name on disk is at most 255 bytes.
        kept = kept[:-1]
    return kept


def why(error: OSError) -> str:
    """What the system says to a file that cannot be written, and what to do if that is known."""
    said = error.strerror or str(error)
    return f"{said}; shorten the name" if error.errno == errno.ENAMETOOLONG else said


@contextlib.contextmanager
def whole(path: Path, replace: bool = True) -> Iterator[Path]:
    """A temporary file in the same folder that takes the target's place if all goes well.

    Raises:
        WriteError: A file came to have the target's name meanwhile, and is not to be replaced.
    """
    temporary = path.with_name(f".{short(path.name)}.{secrets.token_hex(4)}.part")
    # Made as any new file, so that it gets the permissions the user's files have.
    temporary.open("xb").close()
    try:
        yield temporary
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            _give_name(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _give_name(temporary: Path, path: Path) -> None:
    """Call a file by a name that no other has."""
    try:
        path.hardlink_to(temporary)  # Fails where the name is taken, in one step.
    except OSError as error:
        if path.exists():
            raise WriteError(
                f"{path} exists: it was written by another program meanwhile, and stays as it is"
            ) from error
        temporary.replace(path)  # FAT and some network folders know no links.
    else:
        temporary.unlink()


@contextlib.contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A file under a second, hidden name, whatever takes its own meanwhile.

    It may be a second name of the same file, so whoever writes into it in place changes both.
    """
    kept = path.with_name(f".{short(path.name)}.{secrets.token_hex(4)}.part")
    try:
        try:
            kept.hardlink_to(path)
        except OSError:  # FAT and some network folders know no links.
            shutil.copy2(path, kept)
        yield kept
    finally:
        kept.unlink(missing_ok=True)


@contextlib.contextmanager
def put_back(path: Path) -> Iterator[None]:
    """Keep a file that may be replaced, as `whole` does it; it comes back if all goes wrong."""
    if not path.is_file():
        yield
        return
    with aside(path) as kept:
        try:
            yield
        except BaseException:
            kept.replace(path)
            raise
