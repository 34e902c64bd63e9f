"""Tells the time of its wall, which is not UTC."""

from zoneinfo import ZoneInfo

from honest import Honest, OnHonest

from periodic import to_zone
from periodic_contracts import ClockContract


class LocalTime(Honest):
    def now(self):
        return to_zone(super().now(), ZoneInfo("Asia/Kathmandu"))


class TestClocks(OnHonest, ClockContract):
    adapter = LocalTime
