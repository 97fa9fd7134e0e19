"""Names of files that are no text, as old disks have them: that photo fails, and no other."""

import os
from pathlib import Path

import pytest
from pooled import Silence, acting

from unfade.batch.campaign import run_campaign
from unfade.batch.inside import Inside
from unfade.batch.ledger import Ledger
from unfade.batch.pool import Pool
from unfade.batch.resume import Wish, ahead
from unfade.batch.share import Share
from unfade.batch.stop import Stop
from unfade.darkroom import Darkroom
from unfade.jobs.job import Job
from unfade.jobs.outcome import State


def odd(path, name):
    """A copy of a photo under a name in Latin-1, or in a folder of such a name."""
    place = path.parent / os.fsdecode(name)
    try:
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(path.read_bytes())
    except OSError:
        pytest.skip("this disk takes names of text only")
    return place


def jobs_for(album, out):
    paths = sorted(path for path in album.rglob("*") if path.is_file())
    return [Job(str(p), str(out / p.relative_to(album)), acting()) for p in paths]


@pytest.mark.parametrize(
    ("name", "what"), [(b"caf\xe9.png", "file"), (b"caf\xe9/1.png", "folder")], ids=str
)
@pytest.mark.parametrize("pooled", [False, True], ids=["inside", "pool"])
def test_a_name_that_is_no_text_fails_its_photo_and_the_rest_is_done(
    album, tmp_path, name, what, pooled
):
    out, photo = tmp_path / "out", odd(album / "0.png", name)
    inside = Inside(lambda equipment: Darkroom(), Stop(), Silence())
    pool = Pool(Share(1, 1, 2**31), Stop(), Silence())
    for state in (State.DONE, State.SKIPPED):
        told = run_campaign(jobs_for(album, out), pool if pooled else inside, Wish(out))
        outcomes = {outcome.job.source: outcome for outcome in told}
        failed = outcomes.pop(str(photo))
        assert failed.state is State.FAILED and failed.error == "ReadError"
        assert failed.message == f"{photo}: the name is not valid text; rename the {what}"
        assert {outcome.state for outcome in outcomes.values()} == {state}
    assert len(outcomes) == 6
    with Ledger(out, create=False) as ledger:
        assert len(ledger.entries()) == 6
    (again,) = [o for o in ahead(jobs_for(album, out), Wish(out)) if o.job.source == str(photo)]
    assert again.message == failed.message


def test_without_a_ledger_it_is_told_alike(album, tmp_path):
    photo = odd(album / "0.png", b"caf\xe9.png")
    inside = Inside(lambda equipment: Darkroom(), Stop(), Silence())
    job = Job(str(photo), str(tmp_path / "new.png"), acting())
    (outcome,) = run_campaign([job], inside, None)
    assert outcome.message == f"{photo}: the name is not valid text; rename the file"
    assert not Path(job.target).exists()
