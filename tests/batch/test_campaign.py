"""Campaigns: what is done stays done, what broke off goes on, and nothing is done twice."""

import contextlib
import dataclasses
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from pooled import Act, Silence, acting

from unfade.batch.campaign import run_campaign
from unfade.batch.inside import Inside
from unfade.batch.ledger import FOLDER, Ledger, Phase
from unfade.batch.leftovers import sweep
from unfade.batch.pool import Pool
from unfade.batch.resume import Wish
from unfade.batch.share import Share
from unfade.batch.stop import Stop
from unfade.darkroom import Darkroom
from unfade.io.read import read
from unfade.io.write import write
from unfade.jobs.job import Existing, Job
from unfade.jobs.outcome import State
from unfade.photo import Edit, Photo
from unfade.report.papers import Papers


def jobs_for(album, out, recipe, **options):
    paths = sorted(path for path in album.iterdir() if path.suffix == ".png")
    return [Job(str(path), str(out / path.name), recipe, **options) for path in paths]


def campaign(album, out, recipe=None, retry_failed=False, checksums=dict, stop=None, **options):
    """Run a campaign in this process: outcomes by name of the photo."""
    recipe = recipe or acting(log=str(album.parent / "log"))
    execute = Inside(lambda equipment: Darkroom(), stop or Stop(), Silence())
    wish = Wish(out, retry_failed, checksums)
    jobs = jobs_for(album, out, recipe, **options)
    return {Path(o.job.source).name: o for o in run_campaign(jobs, execute, wish)}


def states(outcomes):
    return "".join(str(outcomes[name].state)[0] for name in sorted(outcomes))


def begun(album):
    """Names of the photos that a stage saw since the last call, sorted."""
    log = album.parent / "log"
    names = sorted(log.read_text().split()) if log.is_file() else []
    log.unlink(missing_ok=True)
    return names


NUMBERS = itertools.count()
ALL = [f"{number}.png" for number in range(6)]


def files(folder):
    return sorted(p.name for p in folder.iterdir() if p.is_file())


def entries(out):
    with Ledger(out, create=False) as ledger:
        return {entry.target: entry for entry in ledger.entries()}


def test_a_second_run_does_nothing(album, tmp_path):
    out = tmp_path / "out"
    assert states(campaign(album, out)) == "dddddd"
    assert begun(album) == ALL
    again = campaign(album, out)
    assert states(again) == "ssssss"
    assert again["0.png"].message == "done already, and nothing changed since"
    assert begun(album) == []
    assert files(out) == ALL


def test_the_ledger_tells_what_became_of_a_photo(album, tmp_path):
    out = tmp_path / "out"
    (album / "3.png").write_bytes(b"")
    campaign(album, out)
    told = entries(out)
    assert {name: entry.phase for name, entry in told.items()} == {
        name: Phase.FAILED if name == "3.png" else Phase.DONE for name in ALL
    }
    done, failed = told["0.png"], told["3.png"]
    assert (done.files, done.recipe, done.attempts) == (("0.png",), "acting", 1)
    assert done.source == str(album / "0.png") and done.began <= done.ended
    assert failed.error == "ReadError" and "empty file" in failed.message


def test_only_a_changed_photo_is_done_again(album, tmp_path):
    out = tmp_path / "out"
    campaign(album, out)
    begun(album)
    write(Photo.from_array(np.zeros((5, 5, 3), np.uint8)), album / "2.png")
    (album / "3.png").touch()
    assert states(campaign(album, out)) == "ssdsss"
    assert begun(album) == ["2.png"]
    assert read(out / "2.png").size == (5, 5)


def test_another_recipe_does_all_again_and_other_weights_what_used_them(album, tmp_path):
    out = tmp_path / "out"
    campaign(album, out)
    assert states(campaign(album, out, acting(tone=0.25))) == "dddddd"
    assert np.all(read(out / "0.png").to_array() == 64)
    with Ledger(out) as ledger:
        ledger.put(dataclasses.replace(ledger.find("4.png"), models={"damage": "old"}))
    assert states(campaign(album, out, acting(tone=0.25), checksums=lambda: {})) == "ssssds"


def test_a_result_that_went_missing_is_made_again(album, tmp_path):
    out = tmp_path / "out"
    campaign(album, out)
    (out / "5.png").unlink()
    assert states(campaign(album, out)) == "sssssd"
    assert files(out) == ALL


def test_a_result_that_a_person_changed_is_not_replaced(album, tmp_path):
    out = tmp_path / "out"
    campaign(album, out)
    (out / "1.png").write_bytes(b"precious")
    for recipe in (None, acting(tone=0.25)):
        outcome = campaign(album, out, recipe)["1.png"]
        assert outcome.state is State.FAILED
        assert "changed after unfade wrote it" in outcome.message
        assert (out / "1.png").read_bytes() == b"precious"
    assert states(campaign(album, out, existing=Existing.SKIP))[1] == "s"
    assert states(campaign(album, out, existing=Existing.OVERWRITE)) == "dddddd"


def test_results_copied_to_another_disk_are_known_again(album, tmp_path):
    out = tmp_path / "out"
    campaign(album, out)
    for path in (*out.iterdir(), *album.iterdir()):
        if path.is_file():
            os.utime(path, (1, 1))
    assert states(campaign(album, out)) == "ssssss"


def test_another_photo_of_the_same_name_does_not_replace_the_first(album, tmp_path):
    out = tmp_path / "out"
    campaign(album, out)
    other = tmp_path / "other"
    other.mkdir()
    write(Photo.from_array(np.zeros((5, 5, 3), np.uint8)), other / "0.png")
    (other / "1.png").write_bytes((album / "1.png").read_bytes())
    outcomes = campaign(other, out)
    assert "the result of another photo" in outcomes["0.png"].message
    assert outcomes["1.png"].state is State.SKIPPED


def test_a_file_that_was_there_before_is_left_alone(album, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "1.png").write_bytes(b"precious")
    for _ in range(2):
        assert states(campaign(album, out))[1] == "f"
        assert (out / "1.png").read_bytes() == b"precious"
    assert entries(out)["1.png"].phase is Phase.FAILED


def test_failed_photos_are_tried_again_only_when_asked_or_changed(album, tmp_path):
    out, log = tmp_path / "out", str(tmp_path / "log")
    recipe = acting(deed="fail", names="1.png,2.png", log=log)
    assert states(campaign(album, out, recipe)) == "dffddd"
    begun(album)
    again = campaign(album, out, recipe)
    assert "--retry-failed" in again["1.png"].message and states(again) == "sffsss"
    assert begun(album) == []
    assert states(campaign(album, out, recipe, retry_failed=True)) == "sffsss"
    assert begun(album) == ["1.png", "2.png"]
    write(Photo.from_array(np.zeros((5, 5, 3), np.uint8)), album / "1.png")
    campaign(album, out, recipe)
    assert begun(album) == ["1.png"]
    assert entries(out)["1.png"].attempts == 3


def test_a_failure_that_is_not_the_photos_own_is_always_tried_again(album, tmp_path, monkeypatch):
    out = tmp_path / "out"

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("unfade.jobs.page.write", full)
        assert states(campaign(album, out)) == "ffffff"
    assert states(campaign(album, out)) == "dddddd"


def test_a_photo_that_changes_while_it_is_worked_on_is_not_kept(album, tmp_path, monkeypatch):
    out = tmp_path / "out"

    def grow(stage, photo, darkroom):
        with Path(photo.metadata.source).open("ab") as file:
            file.write(b"more")
        return act(stage, photo, darkroom)

    act = Act.__call__
    monkeypatch.setattr(Act, "__call__", grow)
    outcome = campaign(album, out)["0.png"]
    assert "changed while it was worked on" in outcome.message
    assert files(out) == []


def test_what_was_to_be_replaced_by_a_photo_that_changes_meanwhile_comes_back(
    album, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    campaign(album, out)
    precious = {name: (out / name).read_bytes() for name in files(out)}

    def touch(stage, photo, darkroom):
        scan = Path(photo.metadata.source)
        os.utime(scan, ns=(0, scan.stat().st_mtime_ns + 10**9))
        return Edit(pixels=1 - photo.pixels)

    monkeypatch.setattr(Act, "__call__", touch)
    outcomes = campaign(album, out, existing=Existing.OVERWRITE)
    assert all("changed while" in outcome.message for outcome in outcomes.values())
    assert {name: (out / name).read_bytes() for name in files(out)} == precious


BESIDE = {"save_mask": True, "report": True, "papers": Papers(sidecar=True, premis=True)}


def test_papers_of_a_result_that_was_replaced_go_and_masks_stay(album, tmp_path):
    out = tmp_path / "out"
    campaign(album, out, **BESIDE)
    assert {"0.png.premis.xml", "0.png.report.html", "0.png.unfade.json"} < set(files(out))
    changed = campaign(album, out, acting(tone=0.2))
    assert states(changed) == "dddddd"
    assert files(out) == sorted([*ALL, *(f"{name}.mask.png" for name in ALL)])
    assert states(campaign(album, out, acting(tone=0.3), **BESIDE)) == "dddddd"
    assert "0.png.report.html" in files(out)


def test_what_is_no_longer_wanted_beside_a_result_does_not_make_it_anew(album, tmp_path):
    out = tmp_path / "out"
    campaign(album, out, keep_times=True, **BESIDE)
    assert states(campaign(album, out)) == "ssssss"
    assert states(campaign(album, out, save_mask=True)) == "ssssss"
    assert states(campaign(album, out, save_origin=True)) == "dddddd"


def test_a_photo_that_its_album_lacks_is_done_again_for_it(album, tmp_path):
    out, page = tmp_path / "out", tmp_path / "page"
    campaign(album, out)
    shown = {"papers": Papers(album=str(page))}
    assert states(campaign(album, out, **shown)) == "dddddd"
    assert states(campaign(album, out, **shown)) == "ssssss"
    assert states(campaign(album, out)) == "ssssss"


def test_a_result_that_was_deleted_is_made_again_beside_its_papers(album, tmp_path):
    out = tmp_path / "out"
    campaign(album, out, **BESIDE)
    (out / "2.png").unlink()
    again = campaign(album, out, **BESIDE)
    assert states(again) == "ssdsss" and "2.png" in files(out)


def test_what_a_killed_process_left_beside_a_photo_does_not_block_it(album, tmp_path):
    out = tmp_path / "out"
    campaign(album, out, acting(deed="fail", names="0.png"))
    with Ledger(out) as ledger:
        ledger.put(dataclasses.replace(ledger.find("0.png"), error="ProcessDied"))
    (out / "0.png.mask.png").write_bytes(b"half")
    assert states(campaign(album, out, save_mask=True, retry_failed=True)) == "dddddd"


def test_photos_that_a_stop_left_unbegun_are_planned_as_before(album, tmp_path):
    out, stop = tmp_path / "out", Stop()
    execute = Pool(Share(1, 1, 2**31), stop, Silence())
    for _ in run_campaign(jobs_for(album, out, acting()), execute, Wish(out)):
        stop.finish()
    phases = [entry.phase for entry in entries(out).values()]
    assert phases == [Phase.DONE] * 2 + [Phase.PLANNED] * 4
    assert entries(out)["5.png"].attempts == 0


def test_a_vanished_photo_fails_and_the_others_are_done(album, tmp_path):
    out = tmp_path / "out"
    jobs = jobs_for(album, out, acting())
    (album / "2.png").unlink()
    execute = Inside(lambda equipment: Darkroom(), Stop(), Silence())
    outcomes = {Path(o.job.source).name: o for o in run_campaign(jobs, execute, Wish(out))}
    assert states(outcomes) == "ddfddd"


def test_a_stopped_campaign_goes_on_where_it_was(album, tmp_path):
    out, stop = tmp_path / "out", Stop()
    execute = Inside(lambda equipment: Darkroom(), stop, Silence())
    recipe = acting(log=str(tmp_path / "log"))
    for outcome in run_campaign(jobs_for(album, out, recipe), execute, Wish(out)):
        if outcome.job.source.endswith("2.png"):
            stop.finish()
    assert files(out) == ALL[:3]
    assert sorted(states(campaign(album, out))) == list("dddsss")
    assert begun(album) == ALL
    assert not list((out / FOLDER / "claims").iterdir())


RUN = """
import sys, json
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from pooled import acting
from test_campaign import jobs_for, Silence
from unfade.batch.campaign import run_campaign
from unfade.batch.inside import Inside
from unfade.batch.pool import Pool
from unfade.batch.resume import Wish
from unfade.batch.share import Share
from unfade.batch.stop import Stop
from unfade.darkroom import Darkroom

if __name__ == "__main__":
    album, out, options = Path(sys.argv[2]), Path(sys.argv[3]), json.loads(sys.argv[4])
    processes = options.pop("processes", 0)
    if processes:
        execute = Pool(Share(processes, 1, 2**31), Stop(), Silence())
    else:
        execute = Inside(lambda equipment: Darkroom(), Stop(), Silence())
    print("ready", flush=True)
    for outcome in run_campaign(jobs_for(album, out, acting(**options)), execute, Wish(out)):
        print(Path(outcome.job.source).name, outcome.state, flush=True)
"""


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def another(album, out, tmp_path, **options):
    """A campaign in a process of its own, and the file of what it says; returns when it begins."""
    script = tmp_path / "run.py"
    script.write_text(RUN)
    said = tmp_path / f"said-{next(NUMBERS)}"
    here = str(Path(__file__).parent)
    options = {"log": str(album.parent / "log"), **options}
    process = subprocess.Popen(
        [sys.executable, str(script), here, str(album), str(out), json.dumps(options)],
        stdout=said.open("w"),
    )
    wait_for(lambda: said.read_text().startswith("ready\n"))
    return process, said


def test_several_runs_at_once_do_each_photo_once(album, tmp_path):
    out = tmp_path / "out"
    runs = [another(album, out, tmp_path, seconds=0.1) for _ in range(3)]
    assert [run.wait(60) for run, _ in runs] == [0, 0, 0]
    said = [line for _, file in runs for line in file.read_text().splitlines()[1:]]
    assert begun(album) == ALL
    assert sorted(line for line in said if line.endswith("done")) == [f"{n} done" for n in ALL]
    assert len(said) == 18
    assert files(out) == ALL


@pytest.mark.parametrize("processes", [0, 2])
def test_a_run_killed_in_the_middle_is_taken_over_and_leaves_nothing_half_done(
    album, tmp_path, processes
):
    out = tmp_path / "out"
    run, said = another(album, out, tmp_path, seconds=0.4, processes=processes)
    wait_for(lambda: len(files(out)) >= 2 if out.is_dir() else False)
    time.sleep(0.1)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    done = said.read_text().splitlines()[1:]
    (out / ".5.png.0123abcd.part").write_bytes(b"half")
    seen = begun(album)
    outcomes = campaign(album, out, acting(seconds=0.4, log=str(album.parent / "log")))
    assert files(out) in (ALL, [".5.png.0123abcd.part", *ALL])
    assert all(read(out / name).size == (12, 16) for name in ALL)
    again = begun(album)
    assert not {line.split()[0] for line in done} & set(again)
    # Each process may have ended one that was not yet written down, and have begun the next.
    assert len(seen) + len(again) <= 6 + max(1, 2 * processes)
    assert set(states(outcomes)) <= set("ds")


def test_a_living_run_waits_for_a_dead_one_and_does_its_photo(album, tmp_path):
    out = tmp_path / "out"
    slow, _ = another(album, out, tmp_path, deed="sleep", names="0.png")
    wait_for(lambda: (album.parent / "log").is_file())
    killer = threading.Timer(1.5, slow.kill)
    killer.start()
    told = []
    execute = Inside(lambda equipment: Darkroom(), Stop(), Silence())
    jobs = jobs_for(album, out, acting())
    results = run_campaign(jobs, execute, Wish(out), lambda *words: told.append(words))
    outcomes = {Path(outcome.job.source).name: outcome for outcome in results}
    assert [(count, holder.process.pid) for count, holder in told] == [(1, slow.pid)]
    killer.join()
    slow.wait()
    assert states(outcomes) == "dddddd"
    assert files(out) == ALL


def test_leftovers_of_a_photo_go_and_those_of_others_stay(tmp_path):
    ours = [
        ".a.tif.0123abcd.part",
        ".a.tif.0123abcd.part.raw",
        ".a.tif.mask.png.0123abcd.part",
        ".a.tif.report.html.x_y01234",
        ".a.tif.step-2-denoise.tif.0123abcd.part",
        ".a.tif.web.jpg.0123abcd.part",
        ".a.tif.unfade.json.01_3abcd",
    ]
    theirs = ["a.tif", ".b.tif.0123abcd.part", ".a.b.tif.0123abcd.part", ".a.tif", "a.mask.png"]
    for name in (*ours, *theirs):
        (tmp_path / name).touch()
    assert sorted(path.name for path in sweep(tmp_path / "a.tif")) == sorted(ours)
    assert files(tmp_path) == sorted(theirs)
    assert sweep(tmp_path / "nowhere" / "a.tif") == []


def test_a_process_killed_while_writing_leaves_what_sweep_knows(tmp_path):
    code = (
        "import os, sys, numpy as np, unfade.io.write as w;"
        "w.Path.replace = lambda *a: os.kill(os.getpid(), 9);"
        "from unfade.photo import Edit, Photo;"
        "w.write(Photo.from_array(np.zeros((9, 9, 3), np.uint8)), sys.argv[1])"
    )
    target = tmp_path / "a.tif"
    done = subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(files(tmp_path)) == 1 and not target.exists()
    with contextlib.suppress(FileNotFoundError):
        sweep(target)
    assert files(tmp_path) == []
