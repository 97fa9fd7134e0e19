import mmap
from pathlib import Path

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.scratch import release

STATUS = Path("/proc/self/status")


def resident_file_bytes() -> int:
    lines = STATUS.read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("RssFile")]
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(
    not (STATUS.exists() and hasattr(mmap, "MADV_DONTNEED")), reason="needs Linux's counters"
)
def test_released_pages_leave_memory_and_keep_their_numbers() -> None:
    array = Darkroom(memory=64 * 2**20).empty((4096, 4096))
    array[:] = 7
    before = resident_file_bytes()
    release(array[100:200, 5:])
    assert resident_file_bytes() < before - 32 * 2**20
    assert (array[::512] == 7).all()


def test_an_array_in_memory_is_left_alone() -> None:
    array = np.ones((10, 10))
    release(array, array[2:])
    assert array.sum() == 100
