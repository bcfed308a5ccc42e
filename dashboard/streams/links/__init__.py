"""The configured servers and their clients. The only package that imports redis-py.

Every client speaks RESP2 and has redis-py's reply callbacks cleared, so a reply has one shape on every server and no
byte, field order or repeated field is lost. Nothing is retried: a read fails fast and the page says so, a write whose
reply is lost is *unknown*.

A `Server` is a configuration and a `Link`, the way to it whatever its topology; `Standalone` is the only kind yet.

    exchange, aexchange   short timeouts, `url`                 pages, API, sampler
    unparsed              as aexchange                          the sampler, to compare replies
    follow                a connection of its own, `url`        blocking reads
    writer                `admin_url`, only for streams_admin   writes
"""

from __future__ import annotations

from dashboard.streams.config import ServerConfig
from dashboard.streams.links.base import Batch, Link
from dashboard.streams.links.deadlines import (
    COOLDOWN,
    PAGE_DEADLINE,
    READ_TIMEOUT,
    WRITE_TIMEOUT,
    before_each_trip,
    deadline,
    meanwhile,
)
from dashboard.streams.links.pending_reply import PendingReply
from dashboard.streams.links.raw import packed, parsed
from dashboard.streams.links.registry import all, configure, get, title_of
from dashboard.streams.links.server import Server
from dashboard.streams.links.translation import ID_PASSED, translate
from dashboard.streams.links.writing.trips import ConnectionId, tracked
from dashboard.streams.links.writing.writer import Writer

__all__ = [
    "COOLDOWN",
    "ID_PASSED",
    "PAGE_DEADLINE",
    "READ_TIMEOUT",
    "WRITE_TIMEOUT",
    "Batch",
    "ConnectionId",
    "Link",
    "PendingReply",
    "Server",
    "ServerConfig",
    "Writer",
    "all",
    "before_each_trip",
    "configure",
    "deadline",
    "get",
    "meanwhile",
    "packed",
    "parsed",
    "title_of",
    "tracked",
    "translate",
]
