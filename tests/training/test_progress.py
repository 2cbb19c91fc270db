"""Progress lines: content, spacing, the end, threads."""

import io
from concurrent.futures import ThreadPoolExecutor

from spectral_atlas.training.progress import Progress


def test_one_line_at_the_end_when_updates_are_quick():
    log = io.StringIO()
    progress = Progress("sweep", 100, log, every_s=3600)
    for _ in range(10):
        progress.update(10)
    lines = log.getvalue().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("sweep: 100/100 member-steps (100.0 %), ")
    assert "member-steps/s, ETA 0 s" in lines[0]


def test_a_line_each_time_that_enough_time_has_passed():
    log = io.StringIO()
    progress = Progress("sweep", 4, log, every_s=0)
    progress.update(1)
    progress.update(1)
    assert [line.split()[1] for line in log.getvalue().splitlines()] == ["1/4", "2/4"]


def test_an_unfinished_job_says_where_it_stopped():
    log = io.StringIO()
    with Progress("sweep", 100, log, every_s=3600) as progress:
        progress.update(30)
    assert "30/100 member-steps (30.0 %)" in log.getvalue()


def test_threads_lose_no_count():
    progress = Progress("sweep", 10**9)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: [progress.update(1) for _ in range(2000)], range(8)))
    assert progress.done == 16_000
