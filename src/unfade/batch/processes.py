"""Processes as other runs see them: on which machine, and whether still there."""

from __future__ import annotations

import dataclasses
import functools
import os
import platform
import uuid
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Process:
    """A process, named so that it is not mistaken for a later one of the same number.

    Attributes:
        host: Name of the machine.
        machine: Machine, boot and name space of process numbers; numbers compare only within it.
        pid: Its number.
        started: When it began, in ticks since the boot; empty where the system does not tell.
    """

    host: str
    machine: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    @classmethod
    def this(cls) -> Process:
        """The process that asks."""
        pid = os.getpid()
        return cls(platform.node(), this_machine(), pid, _state_and_start(pid)[1])

    def is_alive(self) -> bool | None:
        """Whether it still runs; None where that cannot be known from here."""
        if self.machine != this_machine() or os.name != "posix":
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        state, started = _state_and_start(self.pid)
        if not started or not self.started:
            # The number may have been given to another process since.
            return None
        return state not in ("Z", "X") and started == self.started


@functools.cache
def this_machine() -> str:
    """Name of this machine, its boot, and its name space of process numbers."""
    # Two computers of a household may share a name; where no boot is known, the network card tells.
    boot = _read(Path("/proc/sys/kernel/random/boot_id")) or f"{uuid.getnode():x}"
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return " ".join(filter(None, (platform.node(), boot, space)))


def _state_and_start(pid: int) -> tuple[str, str]:
    """Fields 3 and 22 of /proc/PID/stat (proc(5)); empty where there is none."""
    # The name of the program stands in brackets and may hold anything.
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return (fields[0], fields[19]) if len(fields) > 19 else ("", "")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
