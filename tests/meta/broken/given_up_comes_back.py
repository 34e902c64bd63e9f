"""Moves the cursor to the occurrence only: what was given up with it is sent after all."""

from dataclasses import replace

from honest import Honest, OnHonest

from periodic_contracts import DedupContract


class GivenUpComesBack(Honest):
    def move(self, dispatch):
        super().move(replace(dispatch, up_to=None))


class TestDedup(OnHonest, DedupContract):
    adapter = GivenUpComesBack
