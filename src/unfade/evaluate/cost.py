"""What it costs: seconds, and the peak of the resident memory."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PROCESS = Path("/proc/self")


@dataclasses.dataclass
class Cost:
    """What a piece of work took.

    Attributes:
        seconds: By the clock.
        memory: Peak of this process's resident memory in bytes, libraries included; where the
            system cannot set the peak back (all but Linux), the peak since the process began,
            and None on Windows.
    """

    seconds: float = 0.0
    memory: int | None = None


@contextlib.contextmanager
def measured() -> Iterator[Cost]:
    """Measure what is done inside."""
    cost = Cost()
    _forget_peak()
    start = time.perf_counter()
    yield cost
    cost.seconds = time.perf_counter() - start
    cost.memory = _peak()


def _forget_peak() -> None:
    """Set the peak back to what is used now (man 5 proc, clear_refs)."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        (PROCESS / "clear_refs").write_text("5")


def _peak() -> int | None:
    if (PROCESS / "status").exists():
        lines = (PROCESS / "status").read_text().splitlines()
        peak = next((line for line in lines if line.startswith("VmHWM:")), None)
        if peak is not None:
            return int(peak.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    return resource_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def resource_bytes(ru_maxrss: int) -> int:
    """Turn what `getrusage` says into bytes: macOS counts bytes, others kibibytes."""
    return ru_maxrss if sys.platform == "darwin" else ru_maxrss * 1024
