"""Takes the later of cursor and copy: a copy of something else skips what was never sent."""

from honest import Honest, OnHonest

from periodic_contracts import DedupContract


class CopyIsBelieved(Honest):
    def adopt_one(self, adoption):
        stands = super().adopt_one(adoption)
        return max(stands, adoption.copy or stands)


class TestDedup(OnHonest, DedupContract):
    adapter = CopyIsBelieved
