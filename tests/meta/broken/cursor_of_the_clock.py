"""Keeps when it dispatched, not what: a clock that is ahead swallows what is still due."""

from dataclasses import replace

from honest import Honest, OnHonest

from periodic_contracts import ClockContract


class CursorOfTheClock(Honest):
    def move(self, dispatch):
        super().move(replace(dispatch, up_to=self.clock.now()))


class TestClocks(OnHonest, ClockContract):
    adapter = CursorOfTheClock
