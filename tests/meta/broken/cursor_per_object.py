"""Keeps its cursors on the object: a second beat or a restart knows nothing of them."""

from honest import Honest, OnHonest

from periodic_contracts import DedupContract


class CursorPerObject(Honest):
    def __init__(self, connection, namespace):
        super().__init__(connection, namespace)
        self.cursors = {}


class TestDedup(OnHonest, DedupContract):
    adapter = CursorPerObject
