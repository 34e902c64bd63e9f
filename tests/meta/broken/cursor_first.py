"""Moves the cursor before the message is enqueued: a message that fails is lost."""

from honest import Honest, OnHonest

from periodic_contracts import DedupContract


class CursorFirst(Honest):
    def one(self, dispatch, rendered):
        if self.wins(dispatch, self.stands(dispatch)):
            self.move(dispatch)
            self.wins = lambda *_: True
        try:
            return super().one(dispatch, rendered)
        finally:
            self.__dict__.pop("wins", None)


class TestDedup(OnHonest, DedupContract):
    adapter = CursorFirst
