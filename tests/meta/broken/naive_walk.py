"""A schedule that walks the wall clock without an offset and so never sees the repeated hour."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from honest import OnHonest

from periodic import crontab, to_utc, to_zone
from periodic_contracts import CrontabContract, TimezoneContract

_MINUTE = timedelta(minutes=1)


class NaiveWalk(crontab):
    kind = "naive-walk"

    def next_after(self, at):
        zone = ZoneInfo(str(self.tz))
        reading = to_zone(at, zone).replace(tzinfo=None, fold=0, second=0, microsecond=0)
        for _ in range(3 * 24 * 60):
            reading += _MINUTE
            run = reading.replace(tzinfo=zone)
            if (
                reading.minute in self.minute
                and reading.hour in self.hour
                and to_utc(run) > to_utc(at)
            ):
                return run
        return None


class _OnNaiveWalk(OnHonest):
    @pytest.fixture
    def crontab(self):
        return NaiveWalk


class TestCrontab(_OnNaiveWalk, CrontabContract):
    pass


class TestTimezones(_OnNaiveWalk, TimezoneContract):
    pass
