"""Beats that are killed at any moment: each occurrence is in the queue once.

`PERIODIC_CHAOS_KILLS` says how many kills (10 unless set), `PERIODIC_CHAOS_SEED` which moments.
"""

from __future__ import annotations

import os
import random

import pytest
from chaos import count, kill_at_random, messages, now, whole_second_after

from periodic.leadership import TTL

pytestmark = pytest.mark.redis

KILLS = int(os.environ.get("PERIODIC_CHAOS_KILLS", "10"))
SEED = int(os.environ.get("PERIODIC_CHAOS_SEED", str(random.SystemRandom().randrange(10**6))))


@pytest.mark.timeout(90 + 15 * KILLS)
@pytest.mark.parametrize("all_active", [False, True], ids=["leased", "all-active"])
def test_beats_killed_at_random(serve, gather, all_active):
    """3 beats, 20 entries each second, one beat killed and started again: 0 lost, 0 doubled."""
    server = serve()
    beats = gather(server, 20, all_active=all_active)
    beats.start_many(3)
    first = whole_second_after(now())
    leaders_killed = kill_at_random(beats, KILLS, random.Random(SEED))
    last = beats.settle(TTL.total_seconds() + 30)
    beats.stop()

    counted = count(messages(server), beats.names, first, last)
    mode = "all-active" if all_active else f"leased, {leaders_killed} of them leaders"
    print(f"\n{KILLS} kills ({mode}; seed {SEED}) in {last - first}: {counted}")
    assert counted.numbers == (0, 0, 0)
