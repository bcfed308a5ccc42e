"""The entries a plan shows as examples, read anew whenever it is shown: a plan keeps no payloads."""

from __future__ import annotations

from typing import Any

from dashboard.streams import links
from dashboard.streams.errors import StreamError
from dashboard.streams.ids import StreamId
from dashboard.streams.names import from_path
from dashboard.streams.queries import EntryRange, Together
from dashboard.streams.snapshots import Body, Entry, Page, PendingEntry
from streams_admin.models import Plan


def sample(plan: Plan) -> list[PendingEntry]:
    """With their fields; "unread" where the server does not answer. Raises UnknownServer."""
    server, key = links.get(plan.server), from_path(plan.stream)
    rows = plan.preview["sample"]
    ids = [StreamId.parse(row["id"]) for row in rows]
    try:
        pages = server.run(Together(tuple(EntryRange(key, i, i, limit=1) for i in ids))) if ids else ()
    except StreamError:
        pages = (None,) * len(ids)
    return [_entry(row, page) for row, page in zip(rows, pages, strict=True)]


def _entry(row: dict[str, Any], page: Page[Entry] | Any) -> PendingEntry:
    known = isinstance(page, Page)
    fields = page.items[0].fields if known and page.items else ()
    body: Body = "unread" if not known else "present" if page.items else "gone"
    return PendingEntry(
        StreamId.parse(row["id"]), from_path(row["consumer"]), row["idle_ms"], row["deliveries"], fields, body
    )
