"""Works only in the thread that opened it: two beats in one process are one too many."""

import threading

from honest import Honest, OnHonest

from periodic_contracts import DedupContract


class BoundToAThread(Honest):
    def __init__(self, connection, namespace):
        super().__init__(connection, namespace)
        self.thread = threading.get_ident()

    def dispatch(self, batch):
        if threading.get_ident() != self.thread:
            raise RuntimeError("opened in another thread")
        return super().dispatch(batch)


class TestDedup(OnHonest, DedupContract):
    adapter = BoundToAThread
