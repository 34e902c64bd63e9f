"""What lint finds: codes, severities, ignores with a reason, and how it is printed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..errors import ConfigError


class Severity(StrEnum):
    """How bad a finding is."""

    #: It will not do what was meant.
    ERROR = "error"
    #: It will hurt on a bad day.
    WARNING = "warning"
    #: Good to know.
    NOTE = "note"


#: How findings are printed.
FORMATS = ("text", "json", "sarif", "github")
#: From which severity on a command fails.
FAIL_ON = ("error", "warning", "note", "never")
_RANK = (Severity.NOTE, Severity.WARNING, Severity.ERROR)


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that lint looks for.

    Args:
        code: how it is named, ignored and looked up.
        severity: how bad it is.
        title: what it is, in a few words.
    """

    code: str
    severity: Severity
    title: str


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE
#: Every rule by its code.
RULES: Mapping[str, Rule] = {
    rule.code: rule
    for rule in (
        Rule("PER001", _E, "an entry that cannot be read"),
        Rule("PER002", _E, "an ignore without a reason, or of an unknown code"),
        Rule("PER101", _E, "a schedule that never fires"),
        Rule("PER102", _W, "a step that starts anew each hour, day or month"),
        Rule("PER103", _W, "day of month together with day of week"),
        Rule("PER104", _W, "a reading that does not exist on a day of the coming year"),
        Rule("PER105", _N, "a reading that comes twice on a day of the coming year"),
        Rule("PER106", _W, "a star where a single minute or second is meant"),
        Rule("PER107", _N, "a day that some months do not have"),
        Rule("PER108", _N, "every hour or minute written without a star"),
        Rule("PER201", _W, "many entries at the same instant"),
        Rule("PER202", _W, "runs that pile up while no worker takes them"),
        Rule("PER203", _W, "a time limit longer than the period"),
        Rule("PER204", _W, "messages that expire later than the next run"),
        Rule("PER205", _E, "messages that expire at a fixed moment"),
        Rule("PER206", _W, "a lock that ends before the time limit of its task"),
        Rule("PER301", _E, "a task that nobody knows"),
        Rule("PER302", _W, "a queue that the app does not define"),
        Rule("PER303", _E, "arguments that cannot be serialized"),
        Rule("PER304", _W, "an argument that looks like a secret"),
        Rule("PER401", _W, "a beat inside of a worker"),
        Rule("PER402", _W, "two schedulers"),
        Rule("PER403", _W, "files that Celery's own scheduler left"),
        Rule("PER404", _W, "a setting of Celery's beat without effect"),
        Rule("PER405", _W, "tasks that run inside of the beat"),
    )
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Args:
        code: of its rule.
        subject: the entry's name, or what it is about, such as a file.
        text: what was found and what to do, in whole sentences.
    """

    code: str
    subject: str
    text: str

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return RULES[self.code].severity

    def line(self) -> str:
        """Return it as one line of text."""
        return f"{self.subject}: {self.severity} {self.code}: {self.text}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "title": RULES[self.code].title,
            "subject": self.subject,
            "text": self.text,
        }


#: Entry -> code -> why it is ignored there.
Ignores = Mapping[str, Mapping[str, str]]


def without_ignored(findings: Iterable[Finding], ignores: Ignores) -> Iterator[Finding]:
    """Yield findings that nobody ignores, and those about the ignores themselves.

    Args:
        findings: of all rules.
        ignores: entry -> code -> reason.
    """
    for finding in findings:
        if finding.code not in ignores.get(finding.subject, {}):
            yield finding
    for name, codes in ignores.items():
        for code, reason in codes.items():
            if code not in RULES:
                known = ", ".join(RULES)
                yield Finding("PER002", name, f"{code!r} is no code; known codes: {known}.")
            elif not (isinstance(reason, str) and reason.strip()):
                yield Finding("PER002", name, f"{code} is ignored without a reason; write why.")


def worst(findings: Iterable[Finding]) -> Severity | None:
    """Return the severity of the worst of the findings."""
    ranks = [_RANK.index(finding.severity) for finding in findings]
    return _RANK[max(ranks)] if ranks else None


def fails(findings: Iterable[Finding], fail_on: str) -> bool:
    """Return whether a finding is as bad as that.

    Args:
        findings: all of them.
        fail_on: a severity, or "never".
    """
    if fail_on == "never":
        return False
    found = worst(findings)
    return found is not None and _RANK.index(found) >= _RANK.index(Severity(fail_on))


def chosen(
    findings: Iterable[Finding], *, ignored: Sequence[str], only: Sequence[str]
) -> list[Finding]:
    """Return the findings that are asked for.

    Args:
        findings: all of them.
        ignored: codes, or how they begin, to leave out.
        only: codes, or how they begin, to keep; all when there is none.

    Raises:
        ConfigError: no code begins so.
    """
    for given in (*ignored, *only):
        if not any(code.startswith(given) for code in RULES):
            raise ConfigError(f"{given!r} is no code; known codes: {', '.join(RULES)}")
    found = [each for each in findings if not each.code.startswith(tuple(ignored))]
    return [each for each in found if not only or each.code.startswith(tuple(only))]


def printed(findings: list[Finding], form: str) -> str:
    """Return findings as text.

    Args:
        findings: all of them.
        form: `text`, `json`, `sarif` (2.1.0) or `github` (workflow commands).

    Raises:
        ConfigError: there is no such form.
    """
    if form == "text":
        return "".join(f"{finding.line()}\n" for finding in findings) + _count(findings)
    if form == "json":
        return json.dumps([finding.to_dict() for finding in findings], indent=2) + "\n"
    if form == "sarif":
        return json.dumps(_sarif(findings), indent=2) + "\n"
    if form == "github":
        return "".join(f"{_command(finding)}\n" for finding in findings)
    raise ConfigError(f"{form!r} is no format; allowed: {', '.join(FORMATS)}")


def _count(findings: list[Finding]) -> str:
    if not findings:
        return "nothing found\n"
    counts = [
        f"{number} {severity}{'s' if number > 1 else ''}"
        for severity in reversed(_RANK)
        if (number := sum(finding.severity is severity for finding in findings))
    ]
    return f"{', '.join(counts)}\n"


def _command(finding: Finding) -> str:
    word = {"note": "notice"}.get(finding.severity, str(finding.severity))
    title = _escaped(f"{finding.code} {finding.subject}").replace(":", "%3A").replace(",", "%2C")
    return f"::{word} title={title}::{_escaped(finding.text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _sarif(findings: list[Finding]) -> dict[str, Any]:
    used = sorted({finding.code for finding in findings})
    rules = [
        {
            "id": code,
            "shortDescription": {"text": RULES[code].title},
            "defaultConfiguration": {"level": str(RULES[code].severity)},
        }
        for code in used
    ]
    results = [
        {
            "ruleId": finding.code,
            "ruleIndex": used.index(finding.code),
            "level": str(finding.severity),
            "message": {"text": f"{finding.subject}: {finding.text}"},
            "locations": [
                {
                    "logicalLocations": [
                        {"name": finding.subject, "kind": "object"},
                    ]
                }
            ],
        }
        for finding in findings
    ]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {"tool": {"driver": {"name": "periodic", "rules": rules}}, "results": results},
        ],
    }
