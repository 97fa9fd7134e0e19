"""The pool: several processes, none of which can take the batch along."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from pooled import acting

from unfade.batch.campaign import Loose, run_campaign
from unfade.batch.inside import Inside
from unfade.batch.pool import Pool
from unfade.batch.share import Share
from unfade.batch.stop import Stop
from unfade.batch.worker import ALLOCATION, environment_of_children
from unfade.darkroom import Darkroom
from unfade.errors import Cancelled
from unfade.io.read import read
from unfade.jobs.job import Equipment, Existing, Job
from unfade.jobs.outcome import State

MEMORY = 2**31


class Watch:
    """Writes down what it is told."""

    def __init__(self):
        self.begun, self.ended = [], 0

    def photo(self, name, lane=0):
        self.begun.append((lane, name))

    def tile(self, stage, done, total, lane=0):
        pass

    def finished(self, lane=0):
        self.ended += 1


def jobs_for(album, recipe, **options):
    return [
        Job(
            str(path),
            str(album.parent / "out" / path.name),
            recipe,
            equipment=Equipment(threads=1, memory=MEMORY),
            **options,
        )
        for path in sorted(album.iterdir())
    ]


def pooled(jobs, processes=2, timeout_s=0.0, stop=None, watch=None):
    pool = Pool(Share(processes, 1, MEMORY), stop or Stop(), watch or Watch(), timeout_s)
    return {Path(o.job.source).name: o for o in run_campaign(jobs, pool, None)}


def inside(jobs, stop=None):
    def open_room(equipment):
        return Darkroom(equipment.engine, memory=equipment.memory)

    execute = Inside(open_room, stop or Stop(), Watch())
    return {Path(o.job.source).name: o for o in run_campaign(jobs, execute, None)}


def left(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_all_photos_are_done_by_several_processes(album):
    watch = Watch()
    outcomes = pooled(jobs_for(album, acting(seconds=0.2)), watch=watch)
    assert {outcome.state for outcome in outcomes.values()} == {State.DONE}
    assert {lane for lane, _ in watch.begun} == {0, 1}
    assert watch.ended == 6
    assert all(np.all(read(o.files[0]).to_array() == 128) for o in outcomes.values())


def test_a_process_makes_place_for_a_fresh_one_after_some_photos(album, monkeypatch):
    hired, hire = [], Pool._hire
    monkeypatch.setattr("unfade.batch.pool.RENEW", 2)
    monkeypatch.setattr(Pool, "_hire", lambda self, lane: hired.append(lane) or hire(self, lane))
    outcomes = pooled(jobs_for(album, acting()), processes=1)
    assert {outcome.state for outcome in outcomes.values()} == {State.DONE}
    assert hired == [0] * -(-len(outcomes) // 2) and len(hired) > 1


def test_a_killed_process_fails_its_photo_and_no_other(album):
    outcomes = pooled(jobs_for(album, acting(deed="die", names="2.png")))
    assert outcomes.pop("2.png").state is State.FAILED
    assert [outcome.state for outcome in outcomes.values()] == [State.DONE] * 5
    assert left(album.parent / "out") == [f"{n}.png" for n in (0, 1, 3, 4, 5)]


def test_a_crash_is_told_by_its_name_and_not_tried_again(album, tmp_path):
    log = tmp_path / "log"
    outcomes = pooled(jobs_for(album, acting(deed="crash", names="2.png", log=str(log))))
    assert "SIGSEGV" in outcomes["2.png"].message
    assert log.read_text().split().count("2.png") == 1


@pytest.mark.parametrize("deed", ["hunger", "kernel"])
def test_a_photo_that_runs_out_of_memory_is_done_with_less(album, deed):
    jobs = jobs_for(album, acting(deed=deed, names="2.png"))
    outcomes = pooled(jobs)
    assert {outcome.state for outcome in outcomes.values()} == {State.DONE}
    assert outcomes["2.png"].message == "ran out of memory with 2048 MiB, done with 512 MiB"
    assert outcomes["2.png"].job == jobs[2]
    assert outcomes["3.png"].message == ""


def test_the_memory_guard_works_in_this_process_too(album):
    outcomes = inside(jobs_for(album, acting(deed="hunger", names="2.png")))
    assert outcomes["2.png"].message == "ran out of memory with 2048 MiB, done with 512 MiB"
    assert outcomes["3.png"].evidence == (("act", "memory 2048 MiB"),)


def test_a_photo_that_takes_too_long_is_given_up(album):
    start = time.monotonic()
    outcomes = pooled(jobs_for(album, acting(deed="sleep", names="1.png")), timeout_s=1)
    assert time.monotonic() - start < 30
    assert outcomes.pop("1.png").error == "TimeoutError"
    assert {outcome.state for outcome in outcomes.values()} == {State.DONE}


def test_a_bad_file_is_an_outcome(album):
    (album / "3.png").write_bytes(b"")
    outcomes = pooled(jobs_for(album, acting()))
    assert outcomes.pop("3.png").error == "ReadError"
    assert {outcome.state for outcome in outcomes.values()} == {State.DONE}


def test_after_the_first_stop_the_photos_at_work_are_finished(album):
    stop = Stop()
    execute = Pool(Share(2, 1, MEMORY), stop, Watch())
    outcomes = []
    for outcome in run_campaign(jobs_for(album, acting(seconds=0.3)), execute, None):
        outcomes.append(outcome)
        stop.finish()
    # One was finished, and the two processes were at work on one each.
    assert [outcome.state for outcome in outcomes] == [State.DONE] * 3


def test_after_the_second_stop_nothing_is_left_of_the_photos_at_work(album):
    class Impatient(Watch):
        def photo(self, name, lane=0):
            super().photo(name, lane)
            if len(self.begun) == 3:
                stop.now()

    stop, watch = Stop(), Impatient()
    start = time.monotonic()
    outcomes = pooled(jobs_for(album, acting(deed="sleep", names="2.png")), 1, 0.0, stop, watch)
    assert time.monotonic() - start < 20
    assert left(album.parent / "out") == ["0.png", "1.png"] == sorted(outcomes)


def test_in_this_process_a_stop_at_once_ends_at_the_next_tile(album):
    stop = Stop()
    jobs = jobs_for(album, acting())
    execute = Inside(lambda equipment: Darkroom(), stop, Watch())
    results = execute(Loose(jobs))
    next(results)
    stop.now()
    assert list(results) == []
    assert execute._room is not None
    with pytest.raises(Cancelled):
        execute._run(jobs[1])
    assert left(album.parent / "out") == ["0.png"]


def test_processes_get_their_share_of_threads(album):
    before = dict(os.environ)
    pooled(jobs_for(album, acting())[:1])
    assert dict(os.environ) == before


def test_processes_give_large_arrays_back_unless_the_user_has_said_otherwise(monkeypatch):
    monkeypatch.setenv("MALLOC_ARENA_MAX", "7")
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_", raising=False)
    with environment_of_children(3):
        assert os.environ["MALLOC_ARENA_MAX"] == "7"
        assert os.environ["MALLOC_MMAP_THRESHOLD_"] == ALLOCATION["MALLOC_MMAP_THRESHOLD_"]
        assert os.environ["VIPS_CONCURRENCY"] == "3"
    assert os.environ["MALLOC_ARENA_MAX"] == "7"
    assert "MALLOC_MMAP_THRESHOLD_" not in os.environ


def test_results_are_the_same_whoever_works(album):
    here = inside(jobs_for(album, acting(tone=0.25)))
    pixels = {name: read(o.files[0]).to_array() for name, o in here.items()}
    there = pooled(jobs_for(album, acting(tone=0.25), existing=Existing.OVERWRITE))
    assert all(np.array_equal(read(o.files[0]).to_array(), pixels[n]) for n, o in there.items())
