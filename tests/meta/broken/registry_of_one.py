"""Keeps the registry on the object: each beat sees itself alone."""

from honest import Honest, OnHonest

from periodic import MemoryRegistry
from periodic_contracts import RegistryContract


class RegistryOfOne(Honest):
    def registry(self):
        return MemoryRegistry(self.clock, self.__dict__.setdefault("beats", {}))


class TestRegistry(OnHonest, RegistryContract):
    adapter = RegistryOfOne
