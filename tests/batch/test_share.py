"""Sharing a machine out: never more than it has, never nothing."""

import pytest

from unfade.batch.share import (
    LEAST_MEMORY,
    OVERHEAD,
    Share,
    _of_the_container,
    cores,
    free_memory,
    share_out,
)
from unfade.darkroom import DEFAULT_MEMORY

GIB = 2**30


@pytest.mark.parametrize(
    ("asked", "photos", "threads", "memory", "machine", "share"),
    [
        (0, 100, 0, None, (8, 64 * GIB), Share(8, 1, DEFAULT_MEMORY)),
        (0, 3, 0, None, (8, 64 * GIB), Share(3, 2, DEFAULT_MEMORY)),
        (2, 100, 0, None, (8, 64 * GIB), Share(2, 4, DEFAULT_MEMORY)),
        (2, 100, 3, 8 * GIB, (8, 64 * GIB), Share(2, 3, 4 * GIB)),
        (0, 100, 0, GIB, (8, 64 * GIB), Share(4, 2, LEAST_MEMORY)),
        (0, 100, 0, None, (8, GIB // 2), Share(1, 8, LEAST_MEMORY)),
        (0, 0, 0, None, (8, None), Share(1, 8, DEFAULT_MEMORY)),
    ],
)
def test_a_machine_is_shared_out(asked, photos, threads, memory, machine, share):
    there = {"cores": machine[0], "free": machine[1]}
    assert share_out(asked, photos, threads, memory, **there) == share


@pytest.mark.parametrize("free", [2 * GIB, 4 * GIB, 16 * GIB])
def test_what_is_chosen_fits_into_the_free_memory(free):
    share = share_out(0, 10**6, 0, None, cores=64, free=free)
    assert share.processes * (share.memory + OVERHEAD) <= free


def test_this_machine_is_measured():
    assert cores() >= 1
    assert free_memory() is None or free_memory() > 0


def test_the_limit_of_a_container_counts(tmp_path):
    assert list(_of_the_container(tmp_path)) == []
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1000\n")
    assert list(_of_the_container(tmp_path)) == []
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.stat").write_text("anon 600\ninactive_file 400\n")
    assert list(_of_the_container(tmp_path)) == [4400]
