"""Who does the work: this process for a few photos, others where memory must stay flat."""

from __future__ import annotations

import pytest

from unfade.batch.inside import Inside
from unfade.batch.pool import RENEW, Pool
from unfade.batch.stop import Stop
from unfade.cli.batch import Manner, workforce
from unfade.cli.display import Display
from unfade.jobs.job import Job


@pytest.mark.parametrize(
    ("photos", "timeout_s", "kind"),
    [(1, 0, Inside), (RENEW, 0, Inside), (RENEW + 1, 0, Pool), (1, 60, Pool)],
)
def test_one_process_is_renewed_where_there_are_many_photos(photos, timeout_s, kind):
    jobs = [Job(f"{number}.png", f"out/{number}.png") for number in range(photos)]
    manner = Manner(processes=1, timeout_s=timeout_s)
    shared, execute = workforce(jobs, manner, Stop(), Display(photos))
    assert isinstance(execute, kind) and len(shared) == photos
