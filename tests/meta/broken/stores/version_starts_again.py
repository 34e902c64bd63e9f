"""Counts versions for each record: one that was made anew looks like the one before it."""

import uuid

import pytest
from honest_store import HonestStore

from periodic_contracts import StoreContract


class Broken(HonestStore):
    def version(self, write, _revision):
        return 1 if write.before is None else write.before.version + 1


class TestStore(StoreContract):
    adapter = Broken
    label = "version_starts_again"

    @pytest.fixture
    def store_url(self):
        return str(uuid.uuid4())
