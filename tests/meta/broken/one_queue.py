"""Puts every message into one queue, whatever its routing says."""

from honest import Honest, OnHonest

from periodic_contracts import DispatchContract
from periodic_contracts.messages import QUEUE


class OneQueue(Honest):
    def render(self, message):
        return [(QUEUE, raw) for _, raw in super().render(message)]


class TestDispatch(OnHonest, DispatchContract):
    adapter = OneQueue
