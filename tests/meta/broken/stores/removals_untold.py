"""Tells what was changed and not what is gone: beats run it for ever."""

import uuid

import pytest
from honest_store import HonestStore

from periodic import Changes
from periodic_contracts import StoreContract


class Broken(HonestStore):
    def changes(self, since):
        told = super().changes(since)
        return Changes(told.revision, told.records, whole=told.whole)


class TestStore(StoreContract):
    adapter = Broken
    label = "removals_untold"

    @pytest.fixture
    def store_url(self):
        return str(uuid.uuid4())
