"""Which lines of the audit log are meant: the filters of its page, of its files and of the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import QueryDict

from dashboard.http.params import position
from dashboard.streams.ids import StreamId
from dashboard.streams.names import to_path
from streams_admin.models.audit import STREAM_START

TEXTS = ("who", "action", "outcome", "server", "stream", "via")
TIMES = ("start", "end")
MOST = 1000
"""Characters of a filter, as in the API."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_MS = 250_000_000_000_000
"""Of the year 9892: an ID may name a later time than a database knows."""


def chosen(query: QueryDict) -> dict[str, str]:
    """The filters that are set, as they were typed. No database has to look for a zero byte: PostgreSQL cannot."""
    found = {name: query.get(name, "").strip().replace("\0", "")[:MOST] for name in (*TEXTS, *TIMES)}
    return {name: value for name, value in found.items() if value}


def conditions(query: QueryDict) -> dict[str, Any]:
    """The same as a query set takes them. Raises BadParameter for what is no time."""
    texts = {name: value for name, value in chosen(query).items() if name in TEXTS}
    stream = texts.pop("stream", "")
    found = {**texts, **within(position(query, "start"), position(query, "end", upper=True))}
    # People type a key as they see it; what links here has its path name.
    return {**found, **of_stream(stream, to_path(stream.encode(errors="replace")))} if stream else found


def of_stream(*paths: str) -> dict[str, list[str]]:
    """Lines about streams with one of these path names. Their beginnings are what the index knows."""
    return {"stream_start__in": [path[:STREAM_START] for path in paths], "stream__in": list(paths)}


def within(start: StreamId | None, end: StreamId | None) -> dict[str, datetime]:
    """Lines between two times, both included: of an ID, its milliseconds."""
    after = {"at__gte": _moment(start.ms)} if start else {}
    return {**after, "at__lt": _moment(end.ms + 1)} if end else after


def _moment(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=min(ms, LATEST_MS))
