"""Takes a cursor that lies in the future for a mistake: a clock set back repeats what was sent."""

from honest import Honest, OnHonest

from periodic_contracts import ClockContract


class BelievesNoFuture(Honest):
    def adopt_one(self, adoption):
        stands = super().adopt_one(adoption)
        if stands <= self.clock.now():
            return stands
        del self.cursors[self.key(adoption.name)]
        return super().adopt_one(adoption)


class TestClocks(OnHonest, ClockContract):
    adapter = BelievesNoFuture
