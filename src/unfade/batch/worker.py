"""One process of a pool: takes a job from its pipe, tells how it goes, sends a receipt."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

import cv2

from ..darkroom import Darkroom
from ..jobs.job import Equipment
from .receipt import run_with_receipt

TELL_EVERY_S = 0.1
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VIPS_CONCURRENCY")
"""What libraries read once, when they are loaded, to know how many threads to start."""

ALLOCATION = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(8 * 2**20)}
"""What glibc reads once, when a process begins: large arrays go back to the system when they are
done with. By its own choice it keeps them in pieces, and photos of many sizes leave ever more."""


@dataclasses.dataclass(frozen=True)
class Begun:
    """A job was taken; from now on its time counts."""


@dataclasses.dataclass(frozen=True)
class Progress:
    """Tiles done of a stage."""

    stage: str
    done: int
    total: int


def work(pipe: Connection, threads: int) -> None:
    """Do the jobs that come through a pipe until None comes or the other end is gone."""
    # Ctrl-C reaches all processes of a terminal; only the first of them decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(threads)
    room, equipment = None, None
    with contextlib.suppress(EOFError, BrokenPipeError):
        while (job := pipe.recv()) is not None:
            pipe.send(Begun())
            if room is None or equipment != job.equipment:
                room, equipment = _open(job.equipment, pipe), job.equipment
            pipe.send(run_with_receipt(job, room))


@contextlib.contextmanager
def environment_of_children(threads: int) -> Iterator[None]:
    """Let processes that are started meanwhile begin with so many threads, and give memory back.

    How memory is allocated is left alone where the user has said something of it.
    """
    wanted = ALLOCATION | {name: os.environ[name] for name in ALLOCATION if name in os.environ}
    wanted |= dict.fromkeys(THREADS, str(threads))
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _open(equipment: Equipment, pipe: Connection) -> Darkroom:
    told = 0.0

    def tell(stage: str, done: int, total: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= TELL_EVERY_S:
            told = now
            pipe.send(Progress(stage, done, total))

    return Darkroom(
        equipment.engine, threads=equipment.threads, memory=equipment.memory, progress=tell
    )


def _end_with_parent() -> None:
    """Leave no process behind that goes on writing when the one that knows of it is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
