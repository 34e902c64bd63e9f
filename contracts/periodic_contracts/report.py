"""The product's report: adapters, their capabilities, and how each contract ended."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest


@dataclass(slots=True)
class _Promise:
    """One contract on one adapter."""

    expected: set[str] = field(default_factory=set)
    #: How each test ended, by node id: (test, outcome, reason).
    ended: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        counted = Counter(outcome for _, outcome, _ in self.ended.values())
        return {word: counted[word] for word in _OUTCOMES}

    def reasons(self, outcome: str) -> dict[str, str]:
        found = sorted({(test, why) for test, how, why in self.ended.values() if how == outcome})
        return dict(found)

    def not_run(self) -> list[str]:
        return sorted(self.expected - {test for test, _, _ in self.ended.values()})


#: How a test can end, in the order of the table.
_OUTCOMES = ("passed", "failed", "skipped", "xfailed")


class Report:
    """What is known of a run: adapters x contracts."""

    def __init__(self) -> None:
        self._declared: dict[str, frozenset[str]] = {}
        self._lacking: dict[str, frozenset[str]] = {}
        self._promises: dict[str, dict[str, _Promise]] = {}

    def declare(self, adapter: str, capabilities: frozenset[str], known: Iterable[str]) -> None:
        """Take note of an adapter that takes part and of what it declares."""
        self._declared[adapter] = capabilities
        self._lacking[adapter] = frozenset(known) - capabilities

    def expect(self, adapter: str, contract: str, test: str) -> None:
        """Take note of a test that the contract has, whether or not it will run."""
        self._promise(adapter, contract).expected.add(test)

    def add(self, report: pytest.TestReport) -> None:
        """Take note of how one phase of a test ended."""
        subject = cast("Any", getattr(report, "periodic_contract", None))
        if subject is None:
            return
        adapter, contract, test = subject
        ended = self._promise(adapter, contract).ended
        before = ended.get(report.nodeid, (test, "", ""))[1]
        outcome, reason = _outcome(report)
        if outcome == "failed" or not before:
            if outcome == "passed" and report.when != "call":
                return
            ended[report.nodeid] = (test, outcome, reason)

    def header(self) -> list[str]:
        """Return one line for each adapter: what it declares and what it lacks."""
        return [f"contracts: {self._adapter_line(adapter)}" for adapter in sorted(self._declared)]

    def table(self) -> list[str]:
        """Return the table as text; no lines when no contract ran."""
        lines: list[str] = []
        for adapter, contracts in sorted(self._promises.items()):
            lines.append(self._adapter_line(adapter))
            width = max(map(len, contracts))
            for name, promise in sorted(contracts.items()):
                counts = [f"{count} {word}" for word, count in promise.counts().items() if count]
                not_run = promise.not_run()
                counts += [f"{len(not_run)} not run"] if not_run else []
                lines.append(f"  {name:<{width}}  {', '.join(counts)}")
                for word in ("failed", "skipped", "xfailed"):
                    lines += [
                        f"      {test} {word}{': ' if why else ''}{why}"
                        for test, why in promise.reasons(word).items()
                    ]
        return lines

    def data(self) -> dict[str, Any]:
        """Return the table as JSON-ready data."""
        return {
            adapter: {
                "declares": sorted(self._declared.get(adapter, ())),
                "lacks": sorted(self._lacking.get(adapter, ())),
                "contracts": {
                    name: {
                        **promise.counts(),
                        "not_run": promise.not_run(),
                        "reasons": {
                            word: promise.reasons(word) for word in _OUTCOMES if word != "passed"
                        },
                    }
                    for name, promise in sorted(contracts.items())
                },
            }
            for adapter, contracts in sorted(self._promises.items())
        }

    def write(self, path: Path) -> None:
        """Write the table as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.data(), indent=2) + "\n", encoding="utf-8")

    def _promise(self, adapter: str, contract: str) -> _Promise:
        return self._promises.setdefault(adapter, {}).setdefault(contract, _Promise())

    def _adapter_line(self, adapter: str) -> str:
        declared = ", ".join(sorted(self._declared.get(adapter, ()))) or "nothing"
        lacking = ", ".join(sorted(self._lacking.get(adapter, ()))) or "nothing"
        return f"{adapter} declares {declared}; lacks {lacking}"


#: Where the report waits in pytest's configuration.
KEY = pytest.StashKey[Report]()


def _outcome(report: pytest.TestReport) -> tuple[str, str]:
    wasxfail = getattr(report, "wasxfail", None)
    if report.skipped and wasxfail is not None:
        return "xfailed", str(wasxfail).removeprefix("reason: ")
    if report.skipped:
        location = cast("Any", report.longrepr)
        return "skipped", str(location[2]).removeprefix("Skipped: ")
    if report.failed:
        text = report.longreprtext.strip().splitlines()
        return "failed", text[-1].strip() if text else ""
    return "passed", ""
