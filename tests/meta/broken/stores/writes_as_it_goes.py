"""Writes each record before it has looked at the next one: a step that fails is half written."""

import uuid

import pytest
from honest_store import HonestStore

from periodic_contracts import StoreContract


class Broken(HonestStore):
    def update(self, names, change, origin):
        return [super(Broken, self).update([name], change, origin)[0] for name in names]


class TestStore(StoreContract):
    adapter = Broken
    label = "writes_as_it_goes"

    @pytest.fixture
    def store_url(self):
        return str(uuid.uuid4())
