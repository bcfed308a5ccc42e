"""Files of entries, as JSON Lines: what an action is about to take away, and what came of each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from sys import maxsize
from typing import Any
from uuid import UUID

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from dashboard.accounts.access import require
from dashboard.accounts.authenticators import principal_of
from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from dashboard.api.shapes import deliveries, holder, iso_id
from dashboard.display.rows import Sight, sight, values_json
from dashboard.streams.errors import StreamError
from dashboard.streams.names import from_path
from dashboard.streams.snapshots import Entry, PendingEntry
from streams_admin import plans
from streams_admin.actions import gate
from streams_admin.errors import Changed, NoSuchPlan
from streams_admin.models import Plan
from streams_admin.operations.results import read
from streams_admin.permissions import operation_for
from streams_admin.views.refusals import refusals
from streams_admin.views.streamed import Streamed

LINES_MOST = 100_000
BYTES_MOST = 64 * 2**20
"""What the server may keep of a file that is read slowly."""
SECONDS_MOST = 20.0
"""The site cuts an answer off after 30 s; one that ends by itself says that something is missing."""


@refusals
def entries(request: HttpRequest, token: str) -> StreamingHttpResponse:
    """As `entries_of`; a refusal is a page."""
    return entries_of(principal_of(request), token)


def entries_of(principal: Principal, token: str) -> StreamingHttpResponse:
    """The entries a plan is about as they are now, for who made it and may read them. The last line says if it is all.

    The plan does not run before that line is made. Raises NoSuchPlan, Expired, Changed or Forbidden.
    """
    found = plans.find(token, principal)
    _check(found)
    ctx = gate.context_of(found, principal)
    require(principal, Permission.READ_PAYLOAD, found.server, ctx.key)
    pages = gate.resolve(found.action).affected(ctx, gate.seen_of(found))
    if pages is None:
        raise NoSuchPlan("This plan removes no entries: there is nothing to download.")
    plans.begin_file(found)
    written, seen = Written(), sight(principal, found.server, from_path(found.stream))
    name = f"{found.action}-{timezone.localtime():%Y%m%d-%H%M%S}"
    return file_of(_entry_lines(pages, seen, written), name, lambda: _last_line(found, written))


def results(request: HttpRequest, id: UUID) -> StreamingHttpResponse:
    """The result of every entry of an operation, for who may see it. Raises Forbidden."""
    return file_of(read(operation_for(principal_of(request), id)), f"results-{id}")


def _check(found: Plan) -> None:
    if found.used:
        raise Changed("This plan was already run: its entries may be gone.")
    plans.check_fresh(found)


@dataclass
class Written:
    """What a file holds so far. `why`: why it does not hold all, "" when it does."""

    lines: int = 0
    size: int = 0
    began: float = field(default_factory=time.monotonic)
    why: str = ""

    def why_no_more(self, following: int) -> str:
        """The reason to end before a page of so many entries, "" when there is room for it."""
        if self.lines + following > LINES_MOST:
            return f"A file holds at most {LINES_MOST:,} entries."
        if self.size > BYTES_MOST:
            return f"A file holds at most about {BYTES_MOST // 2**20} MiB."
        late = time.monotonic() - self.began > SECONDS_MOST
        return f"Reading took longer than {SECONDS_MOST:.0f} s." if late else ""

    def last_line(self) -> bytes:
        stopped = {"stopped": self.why} if self.why else {}
        return _line({"complete": not self.why, "entries": self.lines, **stopped})


def lines_of(pages: Iterator[Sequence[Entry | PendingEntry]], seen: Sight) -> Iterator[bytes]:
    """A line for each entry, page by page, then one that says how many there are and whether that is all."""
    written = Written()
    yield from _entry_lines(pages, seen, written)
    yield written.last_line()


def _entry_lines(pages: Iterator[Sequence[Entry | PendingEntry]], seen: Sight, written: Written) -> Iterator[bytes]:
    try:
        for page in pages:
            written.why = written.why_no_more(len(page))
            lines = [_line(item(entry, seen)) for entry in page[: LINES_MOST - written.lines if written.why else None]]
            written.lines += len(lines)
            written.size += sum(map(len, lines))
            yield b"".join(lines)
            if written.why:
                break
    except StreamError as error:
        written.why = error.message


def _last_line(plan: Plan, written: Written) -> bytes:
    if not plans.end_file(plan) and not written.why:
        written.why = "The plan was run, or deleted, before the file was complete: entries may be missing."
    return written.last_line()


def item(entry: Entry | PendingEntry, seen: Sight) -> dict[str, Any]:
    """As the JSON API has it, with values in full: a file is to restore them from."""
    known = {"id": str(entry.id), "time": iso_id(entry.id)}
    if isinstance(entry, Entry):
        return {**known, "fields": values_json(entry.fields, seen, limit=maxsize), "size": seen.size(entry.fields)}
    fields = values_json(entry.fields or (), seen, limit=maxsize) if entry.body == "present" else None
    return {**known, **holder(entry), **deliveries(entry), "fields": fields, "body": entry.body}


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode() + b"\n"


def file_of(chunks: Iterator[bytes], name: str, last: Callable[[], bytes] | None = None) -> StreamingHttpResponse:
    """A JSON Lines file. `last`: of what is read from our database, after all else."""
    return Streamed(chunks, f"{name}.jsonl", "application/jsonl", own_threads=True, last=last)
