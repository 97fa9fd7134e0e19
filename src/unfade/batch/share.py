"""How many processes a machine bears, and what each gets of its threads and memory."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from ..darkroom import DEFAULT_MEMORY

OVERHEAD = 500 * 2**20
"""Bytes a process needs beside its budget: libraries, open networks, the engine's own arrays."""

LEAST_MEMORY = 256 * 2**20
USED_PART = 0.8
"""Part of the free memory that a batch takes."""


@dataclasses.dataclass(frozen=True)
class Share:
    """What the processes of a batch get.

    Attributes:
        processes: Their number.
        threads: Threads of each.
        memory: Budget of each in bytes, as in `Darkroom`.
    """

    processes: int
    threads: int
    memory: int


def share_out(
    asked: int,
    photos: int,
    threads: int,
    memory: int | None,
    *,
    cores: int,
    free: int | None,
) -> Share:
    """Divide a machine among processes.

    Args:
        asked: Number of processes wanted; 0 chooses one per core, as far as the memory bears it.
        photos: Number of photos; there are never more processes.
        threads: Threads of each process; 0 divides the cores.
        memory: Budget in bytes for all together; None takes what is usual, or less where the
            machine has less.
        cores: Processors that may be used.
        free: Bytes of free memory; None if not known.
    Returns:
        At least one process, with one thread and `LEAST_MEMORY`, whatever the machine has.
    """
    room = None if free is None else int(free * USED_PART)
    number = asked or cores
    if not asked and memory is not None:
        number = min(number, memory // LEAST_MEMORY)
    if not asked and room is not None:
        number = min(number, room // (OVERHEAD + LEAST_MEMORY))
    number = max(1, min(number, photos))
    each = DEFAULT_MEMORY if memory is None else memory // number
    if room is not None and memory is None:
        each = min(each, room // number - OVERHEAD)
    return Share(number, threads or max(1, cores // number), max(each, LEAST_MEMORY))


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_memory() -> int | None:
    """Bytes of memory that are free to be used, also within a container; None if not known."""
    known = [*_of_the_machine(), *_of_the_container()]
    return min(known) if known else None


def _of_the_machine() -> Iterator[int]:
    told = _lines(Path("/proc/meminfo"))
    available = [line.split()[1] for line in told if line.startswith("MemAvailable:")]
    if available:
        yield int(available[0]) * 1024
    elif hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        # Of macOS only the whole is known without more libraries; half of it is a fair guess.
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _of_the_container(folder: Path = Path("/sys/fs/cgroup")) -> Iterator[int]:
    """What control group version 2 leaves (kernel documentation, cgroup-v2, memory.max)."""
    most, used = _lines(folder / "memory.max"), _lines(folder / "memory.current")
    if most and used and most[0].isdigit():
        stat = dict(line.split() for line in _lines(folder / "memory.stat"))
        # Pages of files count as used but are given back when asked for.
        yield int(most[0]) - int(used[0]) + int(stat.get("inactive_file", 0))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except OSError:
        return []
