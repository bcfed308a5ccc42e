"""How plans, operations and audit lines look in JSON (CONTRACT.md): names are values there, and path names in here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel

from dashboard.access import Actor
from dashboard.api.shapes import Fields, Value, fields, holder, name, number
from dashboard.format import iso
from dashboard.names import from_path, to_path
from dashboard.rows import Sight, sight
from dashboard.streams.snapshots import PendingEntry
from streams_admin import plans, values
from streams_admin.actions.base import RESULTS
from streams_admin.errors import BadOrder
from streams_admin.models import AuditEntry, Operation, Plan
from streams_admin.permissions import NOT_TOLD, hidden_target, said
from streams_admin.samples import sample

NAMES = ("group", "to", "consumer", "like")
"""Parameters that name a stream, a group or a consumer; a filter has `consumer` too."""
NOT_BEFORE = "It is not known before it is done."
HIDDEN = "It is a stream you may not see."


class SampleItem(BaseModel):
    """An entry the plan is about, as it is now."""

    id: str
    consumer: Value
    idle_ms: int | None
    idle_ms_reason: str = ""
    deliveries: int
    fields: Fields
    fields_reason: str = ""
    body: Literal["present", "gone", "unread"]


class Caution(BaseModel):
    """What to know before it is run, the weightiest first."""

    severity: str
    message: str
    detail: str


class PlanItem(BaseModel):
    """What would be done. `plan` runs it, once, until `expires_at`. `confirm`: what has to be typed then.

    `total`: entries; null when they cannot be counted. `at_least`: there may be more.
    """

    plan: str
    expires_at: str
    title: str
    sentence: str
    total: int | None
    total_reason: str = ""
    at_least: bool
    counts: dict[str, Any]
    warnings: list[Caution]
    sample: list[SampleItem]
    redis_cli: list[str]
    confirm: str | None


class EntryResult(BaseModel):
    id: str
    result: str


class FigureItem(BaseModel):
    """A number read from the server before and after; `after` is null until the end."""

    label: str
    before: int | None
    after: int | None


class OperationItem(BaseModel):
    """A plan that runs or ran. `results` counts entries; `entries` names the first thousand."""

    id: str
    state: Literal["queued", "running", "paused", "done", "cancelled", "failed"]
    done: int
    total: int | None
    total_reason: str = ""
    at_least: bool
    results: dict[str, int]
    entries: list[EntryResult]
    figures: list[FigureItem]
    error: str
    server: str
    stream: Value
    stream_path: str
    action: str
    params: dict[str, Any]
    title: str
    who: str
    reason: str
    created: str
    ended: str | None


class AuditItem(BaseModel):
    """A line of the audit log. What was done is two lines with the same `span`: started, and how it ended."""

    number: int
    span: str
    at: str
    who: str
    who_kind: str
    role: str
    via: str
    peer: str
    claimed: str
    server: str
    stream: Value
    stream_path: str
    action: str
    title: str
    params: dict[str, Any]
    plan: str | None
    operation: str | None
    reason: str
    outcome: Literal["started", "done", "partly_done", "denied", "refused", "failed", "unknown"]
    detail: str
    counts: dict[str, int]
    hash: str


def name_of(what: str, given: Any) -> bytes:
    """A name in a body: a string, or {"base64": "..."}. Raises BadOrder."""
    found = values.bytes_in(given)
    if found is not None and given != "":
        return found
    raise BadOrder(f'{what} is {str(given)[:60]!r}; allowed is a string that is not empty, or {{"base64": "..."}}.')


def params_in(given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a body as actions take them: every name a path name. Raises BadOrder."""
    found = _paths("", given)
    return {**found, "filter": _paths("filter.", given["filter"])} if isinstance(given.get("filter"), dict) else found


def _paths(where: str, given: Mapping[str, Any]) -> dict[str, Any]:
    named = [key for key in NAMES if given.get(key) is not None]
    return {**given, **{key: to_path(name_of(where + key, given[key])) for key in named}}


def params_out(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as an action keeps them, with names as values again."""
    found = {key: name(from_path(value)) if key in NAMES else value for key, value in kept.items()}
    return {**found, "filter": params_out(found["filter"])} if "filter" in found else found


def plan_item(plan: Plan, actor: Actor) -> dict[str, Any]:
    preview = plan.preview
    seen = sight(actor, plan.server, from_path(plan.stream))
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
        "sample": [_sample_item(entry, seen) for entry in sample(plan)],
        "redis_cli": preview["redis_cli"],
        "confirm": preview["confirm"] or None,
    }


def _total(plan: Plan) -> dict[str, Any]:
    return {**number("total", plan.preview["total"], NOT_BEFORE), "at_least": plan.preview["least"]}


def _sample_item(entry: PendingEntry, seen: Sight) -> dict[str, Any]:
    return {
        "id": str(entry.id),
        **holder(entry),
        "deliveries": entry.deliveries,
        **fields(entry.fields if entry.body == "present" else None, seen),
        "body": entry.body,
    }


def operation_item(operation: Operation, actor: Actor) -> dict[str, Any]:
    plan = operation.plan
    hidden = hidden_target(actor, plan)
    return {
        "id": str(operation.pk),
        "state": operation.state,
        "done": operation.done,
        **_total(plan),
        "results": {kind: operation.results.get(kind, 0) for kind in RESULTS},
        "entries": [{"id": id_, "result": result} for id_, result in operation.entries],
        "figures": [{"label": label, "before": before, "after": after} for label, before, after in operation.figures],
        "error": said(operation.error, hidden, NOT_TOLD),
        "server": plan.server,
        **_stream(plan.stream),
        "action": plan.action,
        "params": _params(plans.action_of(plan.action).told(plan.params), hidden),
        "title": plan.preview["title"],
        "who": plan.who,
        "reason": operation.reason,
        "created": iso(operation.created),
        "ended": iso(operation.ended),
    }


def audit_item(line: AuditEntry, actor: Actor) -> dict[str, Any]:
    hidden = hidden_target(actor, line)
    plainly = ("who", "who_kind", "role", "via", "peer", "claimed", "server", "action", "title")
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
