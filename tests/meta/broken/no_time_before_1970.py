"""Keeps no cursor from before 1970: the run at an entry's start, which is owed there, is lost."""

from datetime import UTC, datetime

from honest import Honest, OnHonest

from periodic_contracts import BeatContract

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NoTimeBefore1970(Honest):
    def start(self, adoption, cursor):
        return max(super().start(adoption, cursor), _EPOCH)


class TestBeat(OnHonest, BeatContract):
    adapter = NoTimeBefore1970
