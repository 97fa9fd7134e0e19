"""What has become of every photo of an output folder, in a file that survives a power failure.

The file is SQLite with a rollback journal, `OUT/.unfade/ledger.sqlite`: its other mode, the
write-ahead log, needs memory shared between the processes and so forbids network folders
(https://sqlite.org/wal.html). Two short transactions per photo are all that is written.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PureWindowsPath
from types import TracebackType
from typing import Any
from urllib.parse import quote

from ..errors import LedgerError
from .fingerprint import Stamp

FOLDER = ".unfade"
FILE = "ledger.sqlite"
SCHEMA = 1
"""Counted up when an older program would misunderstand a newer ledger."""

PATIENCE_S = 60.0
"""How long a writer waits for another one; each needs milliseconds."""


class Phase(enum.StrEnum):
    """How far a photo is."""

    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One photo of the ledger.

    Attributes:
        target: The result, as a path with `/` below the output folder.
        source: Absolute path of the photo, as the machine that worked on it saw it.
        phase: How far it is.
        recipe_sha256: `fingerprint.recipe_hash` of what was asked; empty while planned.
        before: Stamp of the source; None while planned, or where it could not be read.
        after: Stamp of the result when it was last done; None before.
        models: The networks that were asked, with their checksums.
        files: What was written, the result first; as `target` where below the output folder.
        recipe: Name of the recipe.
        error: Class of the error where it failed, such as `ReadError`.
        message: Why it failed, or what is worth saying.
        attempts: How often it was begun.
        began, ended: Wall-clock times in UTC, ISO 8601; for people, nothing is decided by them.
        seconds: Time the work took.
        run: The run that holds or held it, see `claims`.
    """

    target: str
    source: str
    phase: Phase = Phase.PLANNED
    recipe_sha256: str = ""
    before: Stamp | None = None
    after: Stamp | None = None
    models: Mapping[str, str] = dataclasses.field(default_factory=dict)
    files: tuple[str, ...] = ()
    recipe: str = ""
    error: str = ""
    message: str = ""
    attempts: int = 0
    began: str = ""
    ended: str = ""
    seconds: float = 0.0
    run: str = ""


COLUMNS = tuple(field.name for field in dataclasses.fields(Entry))
PACKED = ("before", "after", "models", "files")
"""Columns that hold JSON."""

_TYPES = {"target": "TEXT PRIMARY KEY", "attempts": "INTEGER NOT NULL", "seconds": "REAL NOT NULL"}
TABLE = "CREATE TABLE IF NOT EXISTS photos ({})".format(
    ", ".join(f"{name} {_TYPES.get(name, 'TEXT NOT NULL')}" for name in COLUMNS)
)


class Ledger:
    """The ledger of an output folder; a context manager, for one thread.

    Args:
        out: The output folder.
        create: Make folder and file where they are missing; else they must be there, and nothing
            can be written.
    Raises:
        LedgerError: It is missing, damaged, of a newer program, or cannot be written.
    """

    def __init__(self, out: Path, *, create: bool = True) -> None:
        self.path = out / FOLDER / FILE
        if not create and not self.path.is_file():
            raise LedgerError(
                f"{out}: expected an output folder of `unfade restore`, got no {FOLDER}/{FILE}"
            )
        with self._explained():
            if create:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            # Who only reads must also be able to roll back what a killed run left half done.
            self._file = sqlite3.connect(
                file_uri(self.path) + ("?mode=rwc" if create else "?mode=rw"),
                uri=True,
                timeout=PATIENCE_S,
                isolation_level=None,
            )
        try:
            with self._explained():
                self._prepare(create)
        except LedgerError:
            self._file.close()
            raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def plan(self, photos: Iterable[tuple[str, str]]) -> None:
        """Write down (target, source) of photos that are to come; known targets stay."""
        rows = [_row(Entry(target, source)) for target, source in photos]
        with self._writing():
            self._file.executemany(_insert("OR IGNORE"), rows)

    def find(self, target: str) -> Entry | None:
        """What is known of a result."""
        with self._explained():
            row = self._file.execute(
                f"SELECT {', '.join(COLUMNS)} FROM photos WHERE target = ?", (target,)
            ).fetchone()
            return None if row is None else _entry(row)

    def put(self, entry: Entry) -> None:
        """Write an entry; when this returns, it is on the disk."""
        with self._writing():
            self._file.execute(_insert("OR REPLACE"), _row(entry))

    def entries(self) -> list[Entry]:
        """All photos, by the name of the result."""
        with self._explained():
            rows = self._file.execute(
                f"SELECT {', '.join(COLUMNS)} FROM photos ORDER BY target"
            ).fetchall()
            return [_entry(row) for row in rows]

    def _prepare(self, create: bool) -> None:
        version = self._file.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            raise LedgerError(
                f"{self.path}: written by a newer unfade (schema {version}, this one knows "
                f"{SCHEMA}); use that one, or another output folder"
            )
        if not create:
            self._file.execute("PRAGMA query_only = ON")
            return
        self._file.execute("PRAGMA journal_mode = DELETE")
        # The folder is synced too when a journal goes, so that a commit outlives a power failure.
        self._file.execute("PRAGMA synchronous = EXTRA")
        if version < SCHEMA:
            with self._writing():
                self._file.execute(TABLE)
                self._file.execute(f"PRAGMA user_version = {SCHEMA}")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with self._explained():
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._file.execute("COMMIT")
            finally:
                if self._file.in_transaction:
                    self._file.execute("ROLLBACK")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise LedgerError(
                f"{self.path}: the ledger cannot be used ({error}); check the room on the disk and "
                "the rights on the folder, then run the same command again"
            ) from error
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            raise LedgerError(
                f"{self.path}: the ledger is damaged ({error}); move it away and run again with "
                "--skip-existing, which keeps the results that are there"
            ) from error
        except OSError as error:
            raise LedgerError(
                f"{self.path}: the ledger cannot be made ({error.strerror or error}); choose a "
                "folder that can be written to"
            ) from error


def file_uri(path: Path) -> str:
    """The URI of a file as SQLite takes it, also of one on a Windows share."""
    whole = path.absolute().as_posix()
    return f"file://{'' if whole.startswith('/') else '/'}{quote(whole, safe='/:')}"


def is_below(name: str) -> bool:
    """Whether a path, as a ledger writes it, stays within the folder of the ledger."""
    parts = PureWindowsPath(name)
    return not (parts.drive or parts.root or ".." in parts.parts)


def _insert(conflict: str) -> str:
    return (
        f"INSERT {conflict} INTO photos ({', '.join(COLUMNS)}) "
        f"VALUES ({', '.join('?' * len(COLUMNS))})"
    )


def _row(entry: Entry) -> tuple[Any, ...]:
    values = {name: getattr(entry, name) for name in COLUMNS}
    for name in ("before", "after"):
        values[name] = None if values[name] is None else dataclasses.astuple(values[name])
    for name in PACKED:
        values[name] = json.dumps(values[name], sort_keys=True)
    return (*values.values(),)


def _entry(row: tuple[Any, ...]) -> Entry:
    """An entry as it was written.

    Raises:
        ValueError, TypeError: It was not written so, or names what lies outside of the folder.
    """
    values = dict(zip(COLUMNS, row, strict=True))
    for name in PACKED:
        values[name] = json.loads(values[name])
    for name in ("before", "after"):
        values[name] = None if values[name] is None else Stamp(*values[name])
    entry = Entry(**{**values, "phase": Phase(values["phase"]), "files": tuple(values["files"])})
    for name in (entry.target, *entry.files):
        if not is_below(name):
            raise ValueError(f"it names {name}, which lies outside of its folder")
    return entry
