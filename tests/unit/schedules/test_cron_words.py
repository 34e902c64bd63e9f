"""What a cron expression says of itself in English."""

from __future__ import annotations

import pytest

from periodic.schedules import cron


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("0 * * * *", "every hour"),
        ("0 9 * * *", "at 09:00 every day"),
        ("0 9 * * mon-fri", "every weekday at 09:00"),
        ("0 9,17 * * sat,sun", "every Saturday and Sunday at 09:00 and 17:00"),
        ("0 9 * 5 mon", "every Monday at 09:00 in May"),
        ("*/5 9-17 * * mon-fri", "every 5 minutes from 09:00 to 17:55 on weekdays"),
        ("0 9 1,15 * *", "at 09:00 on the 1st and 15th of every month"),
        ("0 0 29 2 *", "at 00:00 on the 29th of February"),
        ("@hourly", "every hour"),
        ("@yearly", "at 00:00 on the 1st of January"),
        # special days
        ("30 2 * * 5L", "at 02:30 on the last Friday of the month"),
        ("30 2 * * fri#2", "at 02:30 on the second Friday of the month"),
        ("30 2 * 3,11 sun#1", "at 02:30 on the first Sunday of March and November"),
        ("0 0 L * *", "at 00:00 on the last day of the month"),
        ("0 0 L-3 * *", "at 00:00 on the 3rd day before the last day of the month"),
        ("0 0 LW * *", "at 00:00 on the last weekday of the month"),
        ("0 0 15W * *", "at 00:00 on the weekday nearest the 15th of the month"),
        ("0 0 1,L 1 *", "at 00:00 on the 1st and the last day of January"),
        ("0 9 * * mon,5L", "at 09:00 on every Monday and the last Friday of the month"),
        ("0 9 * 2 mon,5L", "at 09:00 on every Monday and the last Friday of February"),
        ("*/15 * L * *", "every 15 minutes on the last day of the month"),
        # day of month OR day of week
        ("0 9 13 * fri", "at 09:00 on the 13th of every month, and on every Friday"),
        ("0 9 13 5 fri", "at 09:00 on the 13th of May, and on every Friday in May"),
        ("0 9 L 5 fri#1", "at 09:00 on the last day of May, and on the first Friday of May"),
        ("0 9 1-31 * fri", "at 09:00 every day"),
        ("0 9 1-31 6 fri#1", "at 09:00 every day in June"),
        ("0 9 L * 0-6", "at 09:00 every day"),
        # day of month AND day of week
        (
            "0 9 */2 5 fri",
            "at 09:00 on every 2nd day from the 1st to the 31st of May if it is a Friday",
        ),
        (
            "0 9 */10 6 fri#2",
            "at 09:00 on the 1st, 11th, 21st and 31st of June if it is the second Friday",
        ),
        ("0 9 L * */5", "at 09:00 on the last day of the month if it is a Friday or Sunday"),
        # seconds
        ("0 0 9 * * *", "at 09:00 every day"),
        ("30 0 9 * * *", "at 09:00:30 every day"),
        ("0,30 0 9 * * mon", "every Monday at 09:00:00 and 09:00:30"),
        ("* * * * * *", "every second"),
        ("*/10 * * * * *", "every 10 seconds"),
        ("*/10 * 9-17 * * *", "every 10 seconds from 09:00 to 17:59"),
        ("* 0 9 * * *", "every second of the minute at 09:00"),
        ("* 0 9,10 * * *", "every second of the minutes at 09:00 and 10:00"),
        ("30 */15 * * * *", "every 15 minutes, at second 30"),
        ("*/10 */15 * * * *", "every 10 seconds during one minute every 15 minutes"),
        # settled by a name
        ("H 2 * * *", "as 'H 2 * * *' says, with each H settled by the entry's name"),
    ],
)
def test_words(expression: str, words: str) -> None:
    """The words say when, how often, on which days, and whether both day fields must match."""
    assert words == cron(expression).describe()


def test_words_name_the_zone() -> None:
    """Where the zone is settled, it is said."""
    london = cron("30 2 * * 5L", tz="Europe/London")

    assert "at 02:30 on the last Friday of the month, Europe/London" == london.describe()
    settled = cron("H 2 * * *", tz="UTC", name="report")
    minute = min(settled.parsed.minute.values)
    assert f"at 02:{minute:02} every day, UTC" == settled.describe()
