"""How deep schedules and their data may be nested, so that no input exhausts the stack."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ScheduleError

#: How deep schedules may be nested, and how many calendars a chain may have.
DEEPEST = 16
#: How often runs may be moved to other days: each time makes a search five times as long.
MOST_MOVES = 2
#: How deep their data is at most: a list and a mapping for each schedule, a chain, and its fields.
DEEPEST_DATA = 4 * DEEPEST


def check_nesting(data: object, limit: int = DEEPEST_DATA) -> None:
    """Refuse data that is nested too deeply to be a schedule, without recursion.

    Raises:
        ScheduleError: the data has more levels than `limit`.
    """
    level: list[object] = [data]
    for _ in range(limit):
        inside = {
            id(inner): inner
            for each in level
            if isinstance(each, Mapping | list | tuple)
            for inner in (each.values() if isinstance(each, Mapping) else each)
            if isinstance(inner, Mapping | list | tuple)
        }
        level = list(inside.values())
        if not level:
            return
    raise ScheduleError(f"the data is nested more than {limit} levels deep; make it flatter")
