"""A schedule that has no run for a reading that does not exist."""

from functools import partial

import pytest
from honest import OnHonest

from periodic import crontab
from periodic_contracts import CrontabContract


class TestCrontab(OnHonest, CrontabContract):
    @pytest.fixture
    def crontab(self):
        return partial(crontab, on_gap="skip")
