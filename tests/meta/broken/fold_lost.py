"""A schedule that converts with `astimezone`: right until somebody freezes the clock."""

from datetime import UTC, datetime

import pytest
from honest import OnHonest

from periodic import crontab
from periodic_contracts import CrontabContract


class FoldLost(crontab):
    kind = "fold-lost"

    def next_after(self, at):
        following = super().next_after(at)
        if following is None:
            return None
        # As a library does that makes its datetimes anew, with the frozen class.
        instant = datetime.fromisoformat(following.isoformat()).astimezone(UTC)
        return instant.astimezone(self.tz)


class TestCrontab(OnHonest, CrontabContract):
    clocks = ("freezegun", "time-machine")

    @pytest.fixture
    def crontab(self):
        return FoldLost
