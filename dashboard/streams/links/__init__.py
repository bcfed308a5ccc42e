"""The configured servers and their clients. The only package that imports redis-py.

Every client speaks RESP2 and has redis-py's reply callbacks cleared, so a reply has one shape on every server and no
byte, field order or repeated field is lost. Nothing is retried: a read fails fast and the page says so, a write whose
reply is lost is *unknown*.

    eyes   sync and async, short timeouts, `url`        pages, API, sampler
    tail   one async connection of its own, `url`       blocking reads
    hands  sync, `admin_url`, only for streams_admin    writes
"""

from __future__ import annotations

from dashboard.streams.config import ServerConfig
from dashboard.streams.links.deadlines import ACT_TIMEOUT, BREAK_FOR, LOOK_TIMEOUT, LOOK_WITHIN, meanwhile, patience
from dashboard.streams.links.registry import all, configure, get, title_of
from dashboard.streams.links.server import Coming, Server, Tail
from dashboard.streams.links.translation import translate
from dashboard.streams.links.writer import Hands

__all__ = [
    "ACT_TIMEOUT",
    "BREAK_FOR",
    "LOOK_TIMEOUT",
    "LOOK_WITHIN",
    "Coming",
    "Hands",
    "Server",
    "ServerConfig",
    "Tail",
    "all",
    "configure",
    "get",
    "meanwhile",
    "patience",
    "title_of",
    "translate",
]
