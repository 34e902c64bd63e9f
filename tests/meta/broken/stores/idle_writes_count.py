"""Writes what is as it was: each idle put is a change that all beats take up."""

import uuid

import pytest
from honest_store import HonestStore

from periodic_contracts import StoreContract


class Broken(HonestStore):
    def update(self, names, change, origin):
        with self.place["lock"]:
            for write in self.planned(names, self.read(names), change):
                self.keep(write, origin)
            kept = self.read(names)
            return [kept.get(name) for name in names]


class TestStore(StoreContract):
    adapter = Broken
    label = "idle_writes_count"

    @pytest.fixture
    def store_url(self):
        return str(uuid.uuid4())
