"""Takes one column for another where it tells all there is: a record changed when it was made."""

import uuid
from dataclasses import replace

import pytest
from honest_store import HonestStore

from periodic_contracts import StoreContract


class Broken(HonestStore):
    def changes(self, since):
        told = super().changes(since)
        if not told.whole:
            return told
        slipped = [replace(each, updated_at=each.created_at) for each in told.records]
        return replace(told, records=slipped)


class TestStore(StoreContract):
    adapter = Broken
    label = "whole_read_slips"

    @pytest.fixture
    def store_url(self):
        return str(uuid.uuid4())
