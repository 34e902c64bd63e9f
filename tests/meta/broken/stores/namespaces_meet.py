"""Keeps the records of all namespaces in one place."""

import uuid

import pytest
from honest_store import HonestStore

from periodic_contracts import StoreContract


class Broken(HonestStore):
    def key(self):
        return ""


class TestStore(StoreContract):
    adapter = Broken
    label = "namespaces_meet"

    @pytest.fixture
    def store_url(self):
        return str(uuid.uuid4())
