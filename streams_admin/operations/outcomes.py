"""How an operation ended, in one place: pages, lists, the API, the command line and the audit log all say this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from dashboard.display.format import number
from streams_admin.models import AuditEntry, Operation

Word = Literal["started", "done", "partly_done", "cancelled", "denied", "refused", "failed", "unknown"]
WORDS = get_args(Word)
GOING = {"queued": "Queued", "running": "Running", "paused": "Paused"}
TEXTS = {"partly_done": "Partly done", "refused": "Nothing done", "unknown": "Unknown"}
STOPPED = {"cancelled": "Cancelled", "failed": "Failed"}
SEVERITIES = {"started": "", "done": "ok", "partly_done": "late", "cancelled": "late", "unknown": "unknown"}
BAD = "stuck"
"""What is none of these."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`word`: as the audit log and the API have it. `state`: of the operation, "" of an attempt that began none."""

    word: str
    state: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def severity(self) -> str:
        """Of the page's colours; "" while it runs."""
        if self.state == "paused":
            return "unknown"
        if self.word == "refused" and self.state:
            return "late"
        return BAD if self.state == "failed" and self.word == "partly_done" else SEVERITIES.get(self.word, BAD)

    @property
    def icon(self) -> str:
        return "idle" if self.state == "paused" else self.severity

    @property
    def text(self) -> str:
        """As a page says it: "Partly done, 3 unknown"."""
        if self.word == "started":
            return GOING.get(self.state, "Running")
        if self.word == "unknown" and self.counts.get("done") and self.counts.get("unknown"):
            return f"Partly done, {number(self.counts['unknown'])} unknown"
        if self.word == "partly_done" and self.state in STOPPED:
            return f"{STOPPED[self.state]}, partly done"
        if self.word == "refused" and not self.state:
            return "Refused"
        return TEXTS.get(self.word, self.word.capitalize())


def outcome_of(operation: Operation) -> Outcome:
    """Of an operation as it is now. With any entry unknown or failed it is not done."""
    return Outcome(_word(operation), operation.state, operation.results)


def _word(operation: Operation) -> Word:
    results, done = operation.results, operation.results.get("done", 0)
    if not operation.over:
        return "started"
    if results.get("unknown"):
        return "unknown"
    if done:
        return "done" if done == operation.done and operation.state == "done" else "partly_done"
    if operation.state == "cancelled":
        return "cancelled"
    return "failed" if operation.state == "failed" or results.get("failed") else "refused"


def outcome_of_line(line: AuditEntry, operation: Operation | None) -> Outcome:
    """Of a line of the audit log; `operation`: the one it is about, which knows whether it was cancelled."""
    return Outcome(line.outcome, operation.state if operation else "", line.counts)
