"""The correct adapter as one that lets only one broker of a namespace claim."""

from honest import Honest

from periodic import Capability, NotLeading, Outcome, Status


class Leading(Honest):
    capabilities = Honest.capabilities | {Capability.LEADERSHIP}
    leaders = {}  # noqa: RUF012  # shared on purpose: the state of the process

    def lead(self):
        with self.lock:
            return self.leaders.setdefault(self.seat(), self) is self

    def seat(self):
        return self.namespace

    def resign(self):
        with self.lock:
            if self.leaders.get(self.seat()) is self:
                del self.leaders[self.seat()]

    def may_claim(self):
        return self.lead()

    def adopt(self, adoptions):
        if not self.may_claim():
            raise NotLeading
        return super().adopt(adoptions)

    def forget(self, names):
        if not self.may_claim():
            raise NotLeading
        super().forget(names)

    def dispatch(self, batch):
        if self.may_claim():
            return super().dispatch(batch)
        return [Outcome(one.occurrence, Status.FAILED, one.previous, NotLeading()) for one in batch]

    def close(self):
        self.resign()
        super().close()
