"""Who works on which photo: claim files that also hold between machines on a network folder.

A claim is a file that only one process can create (O_EXCL), named after its photo, holding the
name of the run that made it. Every run has a file of its own whose counter it moves every few
seconds. A run is over when its process is seen to be gone (same machine), or when its counter has
stood still for a while by the watcher's own monotonic clock, so no two clocks are ever compared.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import secrets
import threading
import time
from pathlib import Path
from types import TracebackType

from ..errors import LedgerError
from .ledger import FOLDER
from .processes import Process

BEAT_S = 5.0
STALE_S = 90.0
"""Longer than network file systems keep what they know of a file (60 s by default for NFS)."""

EMPTY_S = 10.0
"""A claim still without a name after this was left by a process that died between two calls."""

PATIENCE = 20
"""Times that a file which others read is tried to be removed."""

_COUNTER = 20


@dataclasses.dataclass(frozen=True)
class Holder:
    """The run that holds a claim.

    Attributes:
        run: Its name; empty where the claim says nothing.
        process: Its process, or None where its file is gone.
    """

    run: str
    process: Process | None

    def __str__(self) -> str:
        return str(self.process) if self.process else "a run that has left no trace"


class Claims:
    """The claims of one run on the photos of an output folder; a context manager.

    Args:
        out: The output folder.
        beat_s: Seconds between two movements of the counter.
        stale_s: Seconds after which a counter that stands still counts as dead.
    Raises:
        LedgerError: The folder cannot be written.
    """

    def __init__(self, out: Path, *, beat_s: float = BEAT_S, stale_s: float = STALE_S) -> None:
        self.run = secrets.token_hex(8)
        self._claims = out / FOLDER / "claims"
        self._runs = out / FOLDER / "runs"
        self._beat_s, self._stale_s = beat_s, stale_s
        self._seen: dict[str, tuple[str, float]] = {}
        self._over = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True, name="heartbeat")
        self._held: set[Path] = set()

    def __enter__(self) -> Claims:
        try:
            self._claims.mkdir(parents=True, exist_ok=True)
            self._runs.mkdir(parents=True, exist_ok=True)
            # Counter first and of fixed width, so that moving it needs no room on a full disk.
            told = json.dumps(dataclasses.asdict(Process.this()))
            _run_file(self._runs, self.run).write_text(f"{0:0{_COUNTER}d}\n{told}\n", "utf-8")
        except OSError as error:
            raise LedgerError(
                f"{self._claims}: cannot be written ({error.strerror or error}); choose a folder "
                "that can be written to"
            ) from error
        self._forget_dead()
        self._beating.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._beating.join()
        for path in self._held:
            self._give_up(path)
        _remove(_run_file(self._runs, self.run))

    def take(self, target: str) -> Holder | None:
        """Claim a photo.

        Args:
            target: Its result, as in the ledger.
        Returns:
            None if the claim is now ours, else who holds it.
        Raises:
            LedgerError: The claim cannot be written.
        """
        path = self._path(target)
        if self._create(path):
            return None
        holder = self._holder(path)
        if holder is None or not self._is_over(path, holder):
            # Gone or alive: whoever asks again finds out.
            return holder or Holder("", None)
        if self._remove_dead(path, holder) and self._create(path):
            return None
        return self._holder(path) or holder

    def holds(self, target: str) -> bool:
        """Whether the claim is still ours; another run takes it if this one seemed dead."""
        return self._is_ours(self._path(target))

    def release(self, target: str) -> None:
        """Give a claim up."""
        path = self._path(target)
        self._give_up(path)
        self._held.discard(path)

    def _is_ours(self, path: Path) -> bool:
        with contextlib.suppress(OSError):
            return path.read_text("utf-8") == self.run
        return False

    def _give_up(self, path: Path) -> None:
        if self._is_ours(path):
            _remove(path)

    def _forget_dead(self) -> None:
        """Clear away what runs of this machine left that are known to be over."""
        for path in self._claims.iterdir():
            holder = self._holder(path)
            if holder and holder.process and holder.process.is_alive() is False:
                self._remove_dead(path, holder)
        for path in self._runs.iterdir():
            process = holder_of(self._runs, path.stem)
            if process and process.is_alive() is False:
                path.unlink(missing_ok=True)

    def _path(self, target: str) -> Path:
        # Windows and macOS take names that differ only in case for the same file.
        return self._claims / hashlib.sha256(target.casefold().encode()).hexdigest()[:32]

    def _create(self, path: Path) -> bool:
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        except OSError as error:
            # On Windows also of a claim that is being given up while somebody reads it.
            if isinstance(error, PermissionError) and os.access(path.parent, os.W_OK):
                return False
            raise LedgerError(
                f"{path}: a photo cannot be claimed ({error.strerror or error})"
            ) from error
        try:
            os.write(handle, self.run.encode())
        except OSError as error:
            path.unlink(missing_ok=True)
            raise LedgerError(
                f"{path}: a photo cannot be claimed ({error.strerror or error})"
            ) from error
        finally:
            os.close(handle)
        self._held.add(path)
        return True

    def _holder(self, path: Path) -> Holder | None:
        """Who holds a claim; None where it is free again."""
        try:
            run = path.read_text("utf-8")
        except OSError:
            return None
        return Holder(run, holder_of(self._runs, run))

    def _is_over(self, path: Path, holder: Holder) -> bool:
        if holder.process is None:
            # No name yet, or no such run any more: give a beginner time to write it.
            return self._stands_still(str(path), holder.run, EMPTY_S)
        alive = holder.process.is_alive()
        if alive is not None:
            return not alive
        counter = _counter(_run_file(self._runs, holder.run))
        return self._stands_still(holder.run, counter, self._stale_s)

    def _stands_still(self, name: str, value: str, seconds: float) -> bool:
        """Whether we have seen the same value for so long, by our own clock."""
        now = time.monotonic()
        before, since = self._seen.get(name, (None, now))
        if before != value:
            self._seen[name] = (value, now)
            return False
        return now - since >= min(seconds, self._stale_s)

    def _remove_dead(self, path: Path, holder: Holder) -> bool:
        """Take a dead claim away, atomically: of several that try, one succeeds.

        Between the look and the move another run may have put its fresh claim in the place; that
        one is put back.
        """
        moved = path.with_name(f"{path.name}.{self.run}")
        try:
            path.rename(moved)
            dead = moved.read_text("utf-8") == holder.run
            if not dead and not path.exists():
                moved.rename(path)
            moved.unlink(missing_ok=True)
        except OSError:
            return False
        return dead

    def _beat(self) -> None:
        path, count = _run_file(self._runs, self.run), 0
        while not self._over.wait(self._beat_s):
            count += 1
            # A beat that a slow network lost is made up for by the next.
            with contextlib.suppress(OSError), path.open("r+b") as file:
                file.write(f"{count:0{_COUNTER}d}".encode())
                file.flush()
                os.fsync(file.fileno())


def _remove(path: Path) -> None:
    """Remove a file; on Windows others may be reading it, for a moment."""
    for _ in range(PATIENCE):
        try:
            path.unlink(missing_ok=True)
        except PermissionError:
            time.sleep(0.05)
        else:
            return


def holder_of(runs: Path, run: str) -> Process | None:
    """The process of a run, from its file; None where there is none."""
    if not run:
        return None
    try:
        told = json.loads(_run_file(runs, run).read_text("utf-8").split("\n", 1)[1])
        return Process(**told)
    except (OSError, ValueError, IndexError, TypeError):
        return None


def _run_file(runs: Path, run: str) -> Path:
    return runs / f"{run}.run"


def _counter(path: Path) -> str:
    try:
        return path.read_text("utf-8")[:_COUNTER]
    except OSError:
        return "gone"
