"""`beats` and `health` as commands: what they print and how they end, for whatever app.

Imports neither Flask nor Celery, so both groups of commands share it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any, NoReturn

import click

from ..clock import to_zone
from ..errors import BrokerUnreachable
from ..registry import BeatState, BeatStatus
from . import console
from .health import Problem, Sight, problems_of

_MILLISECONDS = 1000
#: What programs read of the verdict, and the status with which `health` ends.
_ENDS = {"healthy": 0, "unhealthy": 1, "unknown": 2}


class CannotTell(click.ClickException):  # click names them by what they say
    """There is no answer; ends with status 2."""

    exit_code = 2


def show_beats(sight: Sight, zone: tzinfo, *, as_json: bool) -> None:
    """Print every beat that is remembered, and who leads.

    Args:
        sight: what was seen.
        zone: in which the table tells since when a beat runs.
        as_json: one JSON list instead of a table.
    """
    if as_json:
        click.echo(json.dumps([_as_json(sight, beat) for beat in sight.beats], indent=2))
        return
    if not sight.beats:
        click.echo(problems_of(sight)[0].text)
        return
    console.print_table(
        ("beat", "host", "pid", "state", "since", "last tick", "entries", "lag"),
        [_cells(sight, beat, zone) for beat in sight.beats],
    )
    told = [beat for beat in sight.beats if beat.reason and not sight.silent(beat)]
    for beat in told:
        click.echo(f"\n{beat.beat}: {_one_line(beat.reason)}")
    click.echo(f"\n{_who_leads(sight)}")


def show_health(sight: Sight, of_broker: Sequence[Problem], *, as_json: bool) -> NoReturn:
    """Print whether the beats do their work, and end: status 0 when they do, else 1.

    Args:
        sight: what was seen.
        of_broker: why the broker takes no messages, if it does not.
        as_json: one JSON object instead of lines.
    """
    problems = [*of_broker, *problems_of(sight)]
    if problems:
        end_health("unhealthy", problems, sight, as_json=as_json)
    if not as_json:
        click.echo(_healthy(sight))
    end_health("healthy", [], sight, as_json=as_json)


def end_health(
    verdict: str, problems: Sequence[Problem], sight: Sight | None = None, *, as_json: bool
) -> NoReturn:
    """Print a verdict with its problems, one line each, and end with its status.

    Args:
        verdict: "healthy", "unhealthy" or "unknown".
        problems: why.
        sight: what was seen, if anything was.
        as_json: one JSON object instead of lines.
    """
    if as_json:
        beats = [] if sight is None else [_as_json(sight, beat) for beat in sight.beats]
        told = {
            "status": verdict,
            "problems": [
                {"problem": each.kind, "beat": each.beat or None, "text": each.text}
                for each in problems
            ],
            "leader": (sight.leader or None) if sight is not None else None,
            "beats": beats,
        }
        click.echo(json.dumps(told, indent=2))
    else:
        for problem in problems:
            click.echo(_one_line(problem.text), err=verdict == "unknown")
    sys.exit(_ENDS[verdict])


def broker_problem(error: BrokerUnreachable) -> Problem:
    """Return the problem of a broker that does not take what it is sent."""
    return Problem(f"broker-{error.state}", f"the broker is {error.state}: {error}")


def _healthy(sight: Sight) -> str:
    working = [beat for beat in sight.beats if sight.claims(beat) and not sight.stuck(beat)]
    first = working[0]
    ago = console.relative(first.ticked_at, sight.now)
    verb = "works" if sight.all_active else "leads"
    entries = f"{first.entries} {'entry' if first.entries == 1 else 'entries'}"
    parts = [f"healthy: {first.beat} {verb}, {entries}, last tick {ago}"]
    if len(working) > 1:
        parts.append(f"{len(working) - 1} more {'works' if len(working) == 2 else 'work'}")  # noqa: PLR2004
    waiting = [
        beat for beat in sight.beats if beat.state is BeatState.STANDBY and not sight.silent(beat)
    ]
    if waiting:
        parts.append(f"{len(waiting)} {'stands' if len(waiting) == 1 else 'stand'} by")
    if first.reason:
        parts.append(_one_line(first.reason))
    return "; ".join(parts)


def _who_leads(sight: Sight) -> str:
    if sight.all_active:
        return "every active beat works; none leads"
    return f"{sight.leader} leads" if sight.leader else "nobody leads"


def _cells(sight: Sight, beat: BeatStatus, zone: tzinfo) -> tuple[str, ...]:
    state = f"silent (was {beat.state})" if sight.silent(beat) else str(beat.state)
    return (
        beat.beat,
        beat.host,
        str(beat.pid),
        state,
        console.local(to_zone(beat.started_at.replace(microsecond=0), zone)),
        console.relative(beat.ticked_at, sight.now),
        str(beat.entries),
        _lag(beat.lag),
    )


def _lag(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * _MILLISECONDS:.0f} ms"
    return console.duration(seconds)


def _as_json(sight: Sight, beat: BeatStatus) -> dict[str, Any]:
    ticked = sight.now - beat.ticked_at
    return {
        **beat.to_dict(),
        "leads": sight.leads(beat),
        "silent": sight.silent(beat),
        "seen_seconds_ago": round(sight.silence(beat).total_seconds(), 3),
        "ticked_seconds_ago": round(ticked.total_seconds(), 3),
    }


def _one_line(text: str) -> str:
    return " ".join(text.split())
