"""Trusts a revision that it has never had: beats wait for ever after a store was put back."""

import uuid

import pytest
from honest_store import HonestStore

from periodic import Changes
from periodic_contracts import StoreContract


class Broken(HonestStore):
    def changes(self, since):
        told = super().changes(since)
        if since is not None and since > told.revision:
            return Changes(since, [])
        return told


class TestStore(StoreContract):
    adapter = Broken
    label = "restored_from_a_copy_unseen"

    @pytest.fixture
    def store_url(self):
        return str(uuid.uuid4())
