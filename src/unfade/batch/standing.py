"""How a photo of the ledger stands right now, looked at from outside the run that does it."""

from __future__ import annotations

from pathlib import Path

from ..models.zoo import checksum
from .claims import holder_of
from .ledger import FOLDER, Entry, Phase


def standing(out: Path, entry: Entry, verify: bool = False) -> str:
    """Say in a word how a photo stands.

    Args:
        out: The output folder.
        entry: What the ledger says.
        verify: Read the result and compare its checksum.
    Returns:
        `planned`, `running`, `interrupted` (its run is over), `done`, `failed`, `skipped`,
        `missing` (done, but the result is gone), `altered` (it is not what was written; without
        `verify` told by its size alone) or `unreadable` (the disk or its rights do not let us).
    """
    if entry.phase is Phase.RUNNING:
        process = holder_of(out / FOLDER / "runs", entry.run)
        over = process is None or process.is_alive() is False
        return "interrupted" if over else "running"
    if entry.phase is Phase.DONE and entry.after is not None:
        path = out / entry.target
        try:
            if path.stat().st_size != entry.after.size:
                return "altered"
            if verify and checksum(path) != entry.after.sha256:
                return "altered"
        except FileNotFoundError:
            return "missing"
        except OSError:
            return "unreadable"
    return str(entry.phase)
