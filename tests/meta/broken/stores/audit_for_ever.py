"""Forgets no change: the audit grows until the disk is full."""

import uuid

import pytest
from honest_store import HonestStore

from periodic_contracts import StoreContract


class Broken(HonestStore):
    def bound(self):
        pass


class TestStore(StoreContract):
    adapter = Broken
    label = "audit_for_ever"

    @pytest.fixture
    def store_url(self):
        return str(uuid.uuid4())
