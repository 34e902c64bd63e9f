"""Forgets no beat: the registry grows with each restart, and the dead are shown for ever."""

from honest import Honest, OnHonest

from periodic import MemoryRegistry
from periodic_contracts import RegistryContract


class Registry(MemoryRegistry):
    def announce(self, status):
        self._kept[status.beat] = status.seen(self.now())


class RemembersEverybody(Honest):
    def registry(self):
        return Registry(self.clock, self.beats.setdefault(self.namespace, {}))


class TestRegistry(OnHonest, RegistryContract):
    adapter = RemembersEverybody
