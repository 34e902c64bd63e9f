"""Draw the night that clocks go back, as `celery beat` and as `periodic` run it.

Both are run, not described: Celery's own `Scheduler.tick` loop on a clock moved by time-machine,
and our planner asked for the same span. Usage: python docs/pictures/dst_night.py [FILE.svg]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

import time_machine
from celery import Celery
from celery.beat import Scheduler
from celery.schedules import crontab as celery_crontab

from periodic import Schedule, crontab, to_zone

ZONE = ZoneInfo("America/New_York")
#: 00:00 to 04:00 local time on 1 November 2026: five hours long.
START = datetime(2026, 11, 1, 4, 0, tzinfo=UTC)
END = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
#: A beat that is restarted at this instant, 40 minutes into the second pass.
RESTART = datetime(2026, 11, 1, 6, 10, tzinfo=UTC)
#: More dispatches of one entry than this in one night are a runaway; counting on is pointless.
RUNAWAY = 1000
#: Both are started a minute early, so that a run at START itself counts for both.
WARM_UP = timedelta(minutes=1)

FIELDS: dict[str, dict[str, str]] = {
    "*/15 * * * *": {"minute": "*/15"},
    "0 * * * *": {"minute": "0"},
    "30 1 * * *": {"minute": "30", "hour": "1"},
}


class RecordingScheduler(Scheduler):  # type: ignore[misc]  # celery's base is untyped
    """Celery's scheduler, with sending replaced by writing down the instant."""

    sent: list[datetime]

    def apply_async(self, *_: object, **__: object) -> None:
        """Write down the instant."""
        self.sent.append(datetime.now(UTC))


def as_celery(fields: dict[str, str], start: datetime) -> list[datetime]:
    """Run Celery's beat loop from `start` to END and return the instants of its dispatches."""
    app = Celery("night", broker="memory://", set_as_current=False)
    app.conf.update(timezone="America/New_York", result_expires=None)
    app.conf.beat_schedule = {"job": {"task": "job", "schedule": celery_crontab(**fields)}}
    with time_machine.travel(start, tick=False) as traveller:
        scheduler = RecordingScheduler(app, lazy=True)
        scheduler.sent = []
        scheduler.setup_schedule()
        while datetime.now(UTC) < END and len(scheduler.sent) < RUNAWAY:
            interval = scheduler.tick()
            traveller.shift(max(interval or 0.0, 0.001))
    return [at for at in scheduler.sent if START <= at < END]


def as_periodic(schedule: Schedule, start: datetime) -> list[datetime]:
    """Ask our schedule for the same span."""
    return [to_zone(at, UTC) for at in schedule.between(start, END)]


LEFT, WIDTH, ROW, TOP, COUNT = 240, 680, 30, 78, 970


def x(at: datetime) -> float:
    """Return the horizontal place of an instant."""
    return LEFT + WIDTH * ((at - START) / (END - START))


def rows() -> Iterator[tuple[str, str, list[datetime]]]:
    """Yield label, runner and dispatches of each row."""
    for expression, fields in FIELDS.items():
        yield expression, "celery beat", as_celery(fields, START - WARM_UP)
        yield expression, "periodic", as_periodic(crontab(**fields, tz=ZONE), START)
    fields = FIELDS["30 1 * * *"]
    label = "30 1 * * *, restart 01:10 EST"
    yield label, "celery beat", as_celery(fields, RESTART)
    yield label, "periodic", as_periodic(crontab(**fields, tz=ZONE), RESTART)


def draw() -> str:
    """Return the picture as an SVG document."""
    lines: list[str] = []
    index = 0
    said: set[str] = set()
    summary: list[str] = []
    for label, runner, sent in rows():
        y = TOP + index * ROW + (index // 2) * 10
        if label not in said:
            said.add(label)
            lines.append(f'<text x="10" y="{y - 3}" class="what">{escape(label)}</text>')
        lines.append(f'<text x="10" y="{y + 15}" class="{runner.split()[0]}">{runner}</text>')
        lines.append(
            f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y + 10}" y2="{y + 10}" class="axis"/>'
        )
        times = sorted({round(x(at), 1) for at in sent})
        lines += [
            f'<circle cx="{at}" cy="{y + 10}" r="4.5" class="{runner.split()[0]}"/>' for at in times
        ]
        runaway = len(sent) >= RUNAWAY
        count = f"over {RUNAWAY:,}" if runaway else str(len(sent))
        lines.append(f'<text x="{COUNT}" y="{y + 15}" class="count">{count}</text>')
        summary.append(f"{label}, {runner}: {count} runs.")
        index += 1
    height = TOP + index * ROW + (index // 2) * 10
    ticks: list[str] = []
    at = START
    while at <= END:
        local = to_zone(at, ZONE)
        ticks.append(
            f'<line x1="{x(at)}" x2="{x(at)}" y1="{TOP - 18}" y2="{height - 12}" class="hour"/>'
            f'<text x="{x(at)}" y="{TOP - 24}" text-anchor="middle" class="tick">'
            f"{local:%H:%M %Z}</text>"
        )
        at += timedelta(hours=1)
    repeated = x(datetime(2026, 11, 1, 6, tzinfo=UTC))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1080 {height + 14}" role="img" \
aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="14">
<title id="title">The night of 1 November 2026 in New York, \
as celery beat and as periodic run it</title>
<desc id="desc">{escape(" ".join(summary))}</desc>
<style>
.axis {{ stroke: #d0d7de; }} .hour {{ stroke: #eaeef2; }}
.tick, .count {{ fill: #57606a; font-size: 12px; }}
.what {{ font-family: ui-monospace, monospace; font-weight: 600; fill: #24292f; font-size: 12px; }}
text.celery {{ fill: #b35900; }} circle.celery {{ fill: #e36209; }}
text.periodic {{ fill: #116329; }} circle.periodic {{ fill: #1a7f37; }}
</style>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="10" y="22" font-size="16" font-weight="600" fill="#24292f">\
New York, 1 November 2026: clocks go back at 02:00</text>
<rect x="{repeated}" y="{TOP - 18}" width="{x(datetime(2026, 11, 1, 7, tzinfo=UTC)) - repeated}" \
height="{height - TOP + 6}" fill="#ddf4ff" opacity="0.6"/>
<text x="{COUNT}" y="{TOP - 24}" class="tick">runs</text>
{"".join(f"{line}{chr(10)}" for line in ticks + lines)}</svg>
"""


def main() -> None:
    """Write the picture to the file named on the command line, or beside this script."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_suffix(".svg")
    target.write_text(draw(), encoding="utf-8")
    print(target)  # a script's answer


if __name__ == "__main__":
    main()
