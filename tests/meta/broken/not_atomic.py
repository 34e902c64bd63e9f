"""Says ATOMIC_DISPATCH, but publishes straight into the queue and moves the cursor afterwards."""

import kombu
from honest import Honest, OnHonest

from periodic import Outcome, Status
from periodic_contracts import DedupContract


class NotAtomic(Honest):
    def __init__(self, connection, namespace):
        super().__init__(connection, namespace)
        self.straight = connection.clone()

    def render(self, message):
        return message

    def one(self, dispatch, rendered):
        stands = self.stands(dispatch)
        if not self.wins(dispatch, stands):
            return Outcome(dispatch.occurrence, Status.TAKEN, stands)
        try:
            rendered.publish(kombu.Producer(self.straight.channel()))
        except Exception as error:  # noqa: BLE001  # the outcome carries it
            return Outcome(dispatch.occurrence, Status.FAILED, stands, error)
        self.move(dispatch)
        return Outcome(dispatch.occurrence, Status.DISPATCHED, dispatch.cursor)

    def close(self):
        self.straight.release()
        super().close()


class TestDedup(OnHonest, DedupContract):
    adapter = NotAtomic
