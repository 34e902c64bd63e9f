"""Tells all there is as if it had changed: each change costs what there is."""

import uuid

import pytest
from honest_store import HonestStore

from periodic import Changes
from periodic_contracts import StoreContract


class Broken(HonestStore):
    def changes(self, since):
        told, all_there_is = super().changes(since), super().changes(None)
        return Changes(told.revision, all_there_is.records, told.removed)


class TestStore(StoreContract):
    adapter = Broken
    label = "tells_everything"

    @pytest.fixture
    def store_url(self):
        return str(uuid.uuid4())
