"""Enqueues a batch from its end: a worker runs Tuesday before Monday."""

from honest import Honest, OnHonest

from periodic_contracts import DispatchContract


class NewestFirst(Honest):
    def dispatch(self, batch):
        queued = []
        enqueue, self.channel.enqueue = self.channel.enqueue, queued.append
        outcomes = super().dispatch(batch)
        self.channel.enqueue = enqueue
        for puts in reversed(queued):
            enqueue(puts)
        return outcomes


class TestDispatch(OnHonest, DispatchContract):
    adapter = NewestFirst
