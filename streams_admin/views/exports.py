"""The audit log as a file: JSON Lines as the API shows a line, or CSV that a spreadsheet takes for nothing but text."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from dashboard.accounts.access import require
from dashboard.accounts.authenticators import principal_of
from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from dashboard.streams.names import from_path, plain
from streams_admin.api.shapes import audit_item
from streams_admin.audit.filters import conditions
from streams_admin.models import AuditEntry
from streams_admin.permissions import open_to
from streams_admin.views.streamed import Streamed

CHUNK = 500
COLUMNS = (
    "number",
    "span",
    "at",
    "who",
    "who_id",
    "who_kind",
    "role",
    "via",
    "peer",
    "claimed",
    "server",
    "stream",
    "action",
    "title",
    "params",
    "plan",
    "operation",
    "reason",
    "outcome",
    "detail",
    "counts",
    "hash",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet compute a cell."""


def jsonl(request: HttpRequest) -> StreamingHttpResponse:
    """Every line that is open to the principal, the oldest first; what was done is two lines, as in the API."""
    return as_jsonl(principal_of(request), conditions(request.GET))


def spreadsheet(request: HttpRequest) -> StreamingHttpResponse:
    """The same as CSV."""
    return as_csv(principal_of(request), conditions(request.GET))


def as_jsonl(principal: Principal, wanted: Mapping[str, Any]) -> StreamingHttpResponse:
    """The lines that meet the conditions. Raises Forbidden."""
    return _file(_json_lines(_lines(principal, wanted), principal), "jsonl", "application/jsonl")


def as_csv(principal: Principal, wanted: Mapping[str, Any]) -> StreamingHttpResponse:
    """The same as CSV."""
    return _file(_csv_lines(_lines(principal, wanted), principal), "csv", "text/csv; charset=utf-8")


def _lines(principal: Principal, wanted: Mapping[str, Any]) -> QuerySet[AuditEntry]:
    """Raises Forbidden. What is written after the request is not chased."""
    require(principal, Permission.SEE_AUDIT)
    last = AuditEntry.objects.order_by("pk").values_list("pk", flat=True).last() or 0
    return open_to(principal, AuditEntry.objects.filter(pk__lte=last, **wanted))


def _file(content: Iterator[str], ending: str, kind: str) -> StreamingHttpResponse:
    """A chunk for each part that is read: one for each line would be a change of threads for each."""
    name = f"audit-{timezone.localtime():%Y%m%d-%H%M%S}.{ending}"
    chunks = ("".join(part).encode() for part in _batched(content))
    return Streamed(chunks, name, kind, own_threads=False)


def _batched(lines: Iterator[str]) -> Iterator[list[str]]:
    """CHUNK lines together, and what is left."""
    while part := list(islice(lines, CHUNK)):
        yield part


def _read(lines: QuerySet[AuditEntry]) -> Iterator[AuditEntry]:
    """In parts, so that no cursor stays open while a slow client reads."""
    last = 0
    while part := list(lines.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        yield from part
        last = part[-1].pk


def _json_lines(lines: QuerySet[AuditEntry], principal: Principal) -> Iterator[str]:
    for line in _read(lines):
        yield json.dumps(audit_item(line, principal), ensure_ascii=False) + "\n"


def _csv_lines(lines: QuerySet[AuditEntry], principal: Principal) -> Iterator[str]:
    yield _row(COLUMNS)
    for line in _read(lines):
        item = {**audit_item(line, principal), "stream": plain(from_path(line.stream))}
        yield _row(_cell(item[column]) for column in COLUMNS)


def _row(cells: Iterable[str]) -> str:
    """Every cell in quotes: half the world's spreadsheets split at a semicolon."""
    out = StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(cells)
    return out.getvalue()


def _cell(value: Any) -> str:
    """Text for a cell; what a spreadsheet would compute begins with an apostrophe."""
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
