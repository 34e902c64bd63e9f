"""The correct store: no fault, no failure."""

import uuid

import pytest
from honest_store import HonestStore

from periodic_contracts import StoreContract


class Broken(HonestStore):
    pass


class TestStore(StoreContract):
    adapter = Broken
    label = "honest_all_store"

    @pytest.fixture
    def store_url(self):
        return str(uuid.uuid4())
