"""Black box on real servers: `celery beat -S periodic` and `celery worker` as people start them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest

from periodic import Occurrence

ENTRIES = """
app.conf.beat_schedule = {
    "tick": {"task": "project.note", "schedule": 1.0},
    "tock": {"task": "project.note", "schedule": timedelta(seconds=1), "options": {"priority": 3}},
}
app.conf.task_default_queue = %r
"""


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("clean_redis_url", marks=pytest.mark.redis, id="redis"),
        pytest.param("clean_rabbitmq_url", marks=pytest.mark.rabbitmq, id="rabbitmq"),
    ],
)
@pytest.mark.timeout(120)
def test_every_occurrence_runs_exactly_once(request, project, url):
    """Over a beat's restart, too: each occurrence once, under the id that can be computed."""
    project.write(ENTRIES % project.folder.name, broker=request.getfixturevalue(url))
    worker, beat = project.worker(), project.beat()
    project.wait_for_runs(4)
    assert beat.stop() < 2
    seen = len(project.runs())
    beat = project.beat()
    project.wait_for_runs(seen + 4)
    beat.stop()
    worker.stop()  # warm: what was sent is run
    runs = project.runs()
    sent = sum(each.output.count("Scheduler: Sending due task") for each in project.started)
    assert len(runs) == sent
    assert set(Counter(run.task_id for run in runs).values()) == {1}
    for run in runs:
        assert run.task_id == Occurrence("project", run.entry, run.fire_time).id
    for entry in ("tick", "tock"):
        times = sorted(run.fire_time for run in runs if run.entry == entry)
        gaps = {b - a for a, b in pairwise(times)}
        assert gaps <= {timedelta(seconds=1)}
