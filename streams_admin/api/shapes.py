"""How plans, operations and audit lines look in JSON: names are values there, and path names in here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from django.urls import reverse
from pydantic import BaseModel, Field

from dashboard.accounts.principals import Principal
from dashboard.api.shapes import (
    HeldItem,
    IdText,
    Large,
    OptionalValue,
    Reason,
    ServerName,
    Value,
    deliveries,
    exact,
    fields,
    holder,
    name,
    number,
)
from dashboard.display.format import iso
from dashboard.display.rows import Sight, sight
from dashboard.streams.names import from_path
from dashboard.streams.snapshots import PendingEntry
from streams_admin import plans
from streams_admin.actions import gate
from streams_admin.actions.gate import Admitted
from streams_admin.actions.work import RESULTS
from streams_admin.models import AuditEntry, Operation, Plan
from streams_admin.operations.outcomes import Word, outcome_of
from streams_admin.operations.progress import visible_figures
from streams_admin.params.base import Spelling, serialise
from streams_admin.params.kinds import NAMES
from streams_admin.permissions import NOT_TOLD, hidden_target, said
from streams_admin.views.samples import sample

NOT_BEFORE = "Not known before it is done."
OF_THE_STREAM = "The plan is about entries of the stream, not about a group's pending ones."
HIDDEN = "It names a stream you may not see."

_RESULTS = ", ".join(f"`{result}`" for result in RESULTS)
Total = Annotated[int | None, Field(description="entries affected; null if they cannot be counted in advance")]
AtLeast = Annotated[bool, Field(description="true if `total` is a lower bound")]
Who = Annotated[str, Field(description="the user, or `token` and the name of an API token")]


class SampleItem(HeldItem):
    """An entry the plan is about, as it is now."""

    consumer: OptionalValue = Field(
        description="the consumer that holds it; null if it was released, and in plans that are not about a group"
    )


class Caution(BaseModel):
    """What to know before it is run."""

    severity: str = Field(description="`stuck`, `late` or `unknown`, most severe first")
    message: str = Field(description="the warning, in a few words")
    detail: str = Field(description="the details")


class PlanItem(BaseModel):
    """What would be done."""

    plan: str = Field(description="pass it to `/plans/{plan}/run`; good once, until `expires_at`")
    expires_at: str = Field(description="two minutes from now: ISO 8601 in UTC")
    title: str = Field(description="a short title of what would be done")
    sentence: str = Field(description="one sentence about what would be done")
    total: Total
    total_reason: Reason = ""
    at_least: AtLeast
    counts: dict[str, Any] = Field(
        description="what it would do in numbers, by name; a null has its `<name>_reason` beside it"
    )
    warnings: list[Caution] = Field(description="what to know before running it")
    sample: list[SampleItem] = Field(description="some of the affected entries")
    redis_cli: list[str] = Field(description="equivalent redis-cli commands")
    confirm: str | None = Field(description="the text that must be sent back to run it; null if none")
    entries_file: str | None = Field(
        description="URL of the entries it would remove, as JSON Lines; null if none, or if you may not read them"
    )


class EntryResult(BaseModel):
    """What came of one entry."""

    id: IdText
    result: str = Field(description=f"one of {_RESULTS}")


class FigureItem(BaseModel):
    """A number read from the server before and after."""

    label: str = Field(description="what is counted")
    before: Large | None = Field(description="before the operation")
    after: Large | None = Field(description="after the operation; null until then")


class OperationItem(BaseModel):
    """A plan that runs or ran."""

    id: str = Field(description="the operation")
    state: Literal["queued", "running", "paused", "done", "cancelled", "failed"] = Field(description="its state")
    outcome: Word = Field(description="how it ended, as the audit log has it; `started` until then")
    done: int = Field(description="entries processed")
    total: Total
    total_reason: Reason = ""
    at_least: AtLeast
    results: dict[str, int] = Field(description=f"how many entries ended as {_RESULTS}")
    entries: list[EntryResult] = Field(description="the first thousand entries, each with its result")
    results_file: str = Field(description="URL of the results of every entry, as JSON Lines")
    figures: list[FigureItem] = Field(description="numbers read from the server before and after")
    error: str = Field(description="why it ended early, or did nothing, in a sentence; otherwise empty")
    server: ServerName
    stream: Value = Field(description="the stream")
    stream_path: str = Field(description="its path name")
    action: str = Field(description="the action")
    params: dict[str, Any] = Field(description="its parameters")
    title: str = Field(description="what was planned, in short")
    who: Who
    reason: str = Field(description="the reason given when it was run; may be empty")
    created: str = Field(description="when it was run: ISO 8601 in UTC")
    ended: str | None = Field(description="when it ended; null until then")


class AuditItem(BaseModel):
    """A line of the audit log."""

    number: int = Field(description="its number; records are never changed")
    span: str = Field(
        description="records of one run: started, its outcome, and what was found when it was checked again"
    )
    at: str = Field(description="when: ISO 8601 in UTC")
    who: Who
    who_id: str = Field(description="`user:<number>` or `token:<number>`: stays, and is given to nobody else")
    who_kind: str = Field(description="`user` or `token`")
    role: str = Field(description="their role at that time")
    via: str = Field(description="`page`, `api` or `command`")
    peer: str = Field(description="the connecting address")
    claimed: str = Field(description="the address reported by a proxy; for a command, the login and the machine")
    server: str = Field(description="the server")
    stream: Value = Field(description="the stream")
    stream_path: str = Field(description="its path name")
    action: str = Field(description="the action")
    title: str = Field(description="what was planned, in short")
    params: dict[str, Any] = Field(description="its parameters, without payloads")
    plan: str | None = Field(description="the plan; null if there is none")
    operation: str | None = Field(description="the operation; null if none started")
    reason: str = Field(description="the reason given; may be empty")
    outcome: Word = Field(description="the outcome")
    detail: str = Field(description="what went wrong, in a sentence; otherwise empty")
    counts: dict[str, int] = Field(description=f"how many entries ended as {_RESULTS}")
    hash: str = Field(description="SHA-256 over the record and the hash of the record before it")


def params_out(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as an action keeps them, with names as values again."""
    found = {key: name(from_path(value)) if key in NAMES else value for key, value in kept.items()}
    return {**found, "filter": params_out(found["filter"])} if "filter" in found else found


def plan_item(plan: Plan, admitted: Admitted) -> dict[str, Any]:
    preview = plan.preview
    seen = sight(admitted.ctx.principal, plan.server, from_path(plan.stream))
    return {
        "plan": plans.token(plan),
        "expires_at": iso(plan.expires),
        "title": preview["title"],
        "sentence": preview["sentence"],
        **_total(plan),
        "counts": {k: v for key, count in preview["counts"].items() for k, v in number(key, count, NOT_BEFORE).items()},
        "warnings": [
            {"severity": note["severity"], "message": note["title"], "detail": note["text"]}
            for note in preview["notes"]
            if note["severity"]
        ],
        "sample": [_sample_item(entry, seen, in_group="group" in plan.params) for entry in sample(plan)],
        "redis_cli": preview["redis_cli"],
        "confirm": preview["confirm"] or None,
        "entries_file": _entries_file(plan, admitted) if seen.may_read else None,
    }


def _held(entry: PendingEntry) -> dict[str, Any]:
    return {**holder(entry), **deliveries(entry)}


_NO_GROUP = {
    "consumer": None,
    **number("idle_ms", None, OF_THE_STREAM),
    **number("deliveries", None, OF_THE_STREAM),
}
"""Entries that no plan about pending ones has chosen: who has them pending was not asked."""


def _entries_file(plan: Plan, admitted: Admitted) -> str | None:
    goes = admitted.action.affected(admitted.ctx, gate.seen_of(plan)) is not None
    return reverse("api:plan_entries", args=[plans.token(plan)]) if goes else None


def _total(plan: Plan) -> dict[str, Any]:
    return {**number("total", plan.preview["total"], NOT_BEFORE), "at_least": plan.preview["least"]}


def _sample_item(entry: PendingEntry, seen: Sight, *, in_group: bool) -> dict[str, Any]:
    return {
        "id": str(entry.id),
        **(_held(entry) if in_group else _NO_GROUP),
        **fields(entry.fields if entry.body == "present" else None, seen),
        "body": entry.body,
    }


def operation_item(operation: Operation, principal: Principal) -> dict[str, Any]:
    plan = operation.plan
    hidden = hidden_target(principal, plan)
    figures = visible_figures(operation, hidden)
    return {
        "id": str(operation.pk),
        "state": operation.state,
        "outcome": outcome_of(operation).word,
        "done": operation.done,
        **_total(plan),
        "results": {kind: operation.results.get(kind, 0) for kind in RESULTS},
        "entries": [{"id": id_, "result": result} for id_, result in operation.entries],
        "results_file": reverse("api:operation_results", args=[operation.pk]),
        "figures": [
            {"label": label, "before": _exact(before), "after": _exact(after)} for label, before, after in figures
        ],
        "error": said(operation.error, hidden, NOT_TOLD),
        "server": plan.server,
        **_stream(plan.stream),
        "action": plan.action,
        "params": _params(serialise(gate.params_of(plan), Spelling.AUDIT), hidden),
        "title": plan.preview["title"],
        "who": plan.who,
        "reason": operation.reason,
        "created": iso(operation.created),
        "ended": iso(operation.ended),
    }


def _exact(value: int | None) -> float | str | None:
    return None if value is None else exact(value)


def audit_item(line: AuditEntry, principal: Principal) -> dict[str, Any]:
    hidden = hidden_target(principal, line)
    plainly = ("who", "who_id", "who_kind", "role", "via", "peer", "claimed", "server", "action", "title")
    return {
        "number": line.pk,
        "span": str(line.span),
        "at": iso(line.at),
        **{key: getattr(line, key) for key in plainly},
        **_stream(line.stream),
        "params": _params(line.params, hidden),
        "plan": str(line.plan) if line.plan else None,
        "operation": str(line.operation) if line.operation else None,
        "detail": said(line.detail, hidden, NOT_TOLD),
        **{key: getattr(line, key) for key in ("reason", "outcome", "counts", "hash")},
    }


def _params(kept: Mapping[str, Any], hidden: bytes | None) -> dict[str, Any]:
    """As `params_out`, without a target that is not for the reader."""
    found = params_out(kept)
    return {**found, "to": None, "to_reason": HIDDEN} if hidden is not None and "to" in found else found


def _stream(path: str) -> dict[str, Any]:
    return {"stream": name(from_path(path)), "stream_path": path}
