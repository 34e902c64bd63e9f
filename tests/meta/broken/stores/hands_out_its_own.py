"""Hands out the very record that it keeps: who changes it in its hands changes the store."""

import uuid

import pytest
from honest_store import HonestStore

from periodic_contracts import StoreContract


class Broken(HonestStore):
    def out(self, record):
        return record


class TestStore(StoreContract):
    adapter = Broken
    label = "hands_out_its_own"

    @pytest.fixture
    def store_url(self):
        return str(uuid.uuid4())
