"""A watch that never sees anything: changes wait for the poll."""

import uuid

import pytest
from honest_store import HonestStore, Watch

from periodic_contracts import StoreContract


class Asleep(Watch):
    def changed(self):
        return False


class Broken(HonestStore):
    watch_class = Asleep


class TestStore(StoreContract):
    adapter = Broken
    label = "watch_sleeps"

    @pytest.fixture
    def store_url(self):
        return str(uuid.uuid4())
