"""Claims of runs that are right, so that each fault beside them is one step done wrong."""

import pytest

from periodic_brokers import memory


class OnHonestClaims:
    """Claims in the memory of this process, which start empty."""

    clocks = ("manual",)

    @pytest.fixture
    def connection(self):
        memory.reset()
        yield
        memory.reset()
