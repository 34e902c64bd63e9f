"""Reads and decides before it has the store to itself: a faster one is overwritten."""

import time
import uuid

import pytest
from honest_store import HonestStore

from periodic_contracts import StoreContract


class Broken(HonestStore):
    def update(self, names, change, origin):
        found = self.read(names)
        time.sleep(0.002)
        with self.place["lock"]:
            for write in self.planned(names, found, change):
                if write.after != write.before:
                    self.keep(write, origin)
            kept = self.read(names)
            return [kept.get(name) for name in names]


class TestStore(StoreContract):
    adapter = Broken
    label = "reads_before_the_lock"

    @pytest.fixture
    def store_url(self):
        return str(uuid.uuid4())
