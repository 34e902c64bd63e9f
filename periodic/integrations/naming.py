"""A schedule by its name: the one place that turns whatever somebody names into entries.

Imports neither Flask nor Celery, so both groups of commands share it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

import click

from ..cli_simulate import read_text
from ..crontab_file import read_crontab
from ..entry import Entry
from ..simulation.plan import Execute
from .arrivals.coming import Coming
from .arrivals.documents import from_json, from_yaml
from .objects import mapping_at

#: What stands for the entries of the app.
APP = "app"
#: What `--help` of a command says of the names that it takes.
HELP = (
    "`app`, a file (a crontab, or .json or .yaml as `export` writes it), git:REVISION:FILE, - for "
    "a crontab on standard input, the URL of another store, or MODULE:NAME, a mapping in the form "
    "of beat_schedule"
)
_GIT = "git:"
_DOCUMENTS: Mapping[str, Callable[[Path], list[Coming]]] = {
    ".json": from_json,
    ".yaml": from_yaml,
    ".yml": from_yaml,
}


@dataclass(frozen=True, slots=True)
class Named:
    """What stands under a name.

    Args:
        entries: the good ones.
        problems: name or line -> one sentence, for each that has no entry.
        zone: of what names none.
        tasks: whether the entries name tasks; those of a crontab name commands.
    """

    entries: Sequence[Entry]
    problems: Mapping[str, str]
    zone: tzinfo
    tasks: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Finds schedules by name, for an app.

    Args:
        own: what a beat of the app would run, of its code and its store.
        mapping: reads a mapping in the form of `beat_schedule`.
        stored: what a beat of the app would run if a URL were that of its store.
        coming: makes entries of what was read from a file.
        execute: returns what runs tasks at their instants.
    """

    own: Callable[[], Named]
    mapping: Callable[[Mapping[str, Any]], Named]
    stored: Callable[[str], Named]
    coming: Callable[[Sequence[Coming]], Named]
    execute: Callable[[], Execute]

    def find(self, name: str, zone: tzinfo | None) -> Named:
        """Return what stands under a name.

        Args:
            name: as `HELP` says.
            zone: of a crontab; UTC when None.

        Raises:
            PeriodicError: there is no such thing, or it cannot be read.
        """
        if name == APP:
            return self.own()
        if "://" in name:
            return self.stored(name)
        if not (Path(name).exists() or name == "-" or name.startswith(_GIT)) and ":" in name:
            return self.mapping(mapping_at(name))
        document = _DOCUMENTS.get(Path(name).suffix.lower())
        if document is not None:
            return self.coming(document(Path(name)))
        file = read_crontab(read_text(name), tz=zone or UTC)
        return Named(file.entries, file.problems, zone or UTC, tasks=False)

    def find_and_warn(self, name: str, zone: tzinfo | None) -> Named:
        """Return what stands under a name, and tell on standard error what is left out."""
        found = self.find(name, zone)
        where = "" if name == APP else f"{name}: "
        for subject, problem in found.problems.items():
            click.echo(f"warning: {where}{subject} is left out: {problem}", err=True)
        return found
