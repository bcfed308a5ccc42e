"""Every page and API read of a small world, and how long an answer may take."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import redis
from django.test import Client

WITHIN = 2.5
"""Seconds any page and any API read may take, whatever the server does (issue 2, "What must hold")."""
KEY = b"orders:new"
S, A = "/s/default/orders:new", "/api/v1/servers/default/streams/orders:new"

FROM_THE_FLEET = {
    "attention": "/",
    "streams": "/s/default/",
    "search": "/search/?q=orders",
    "operations": "/operations/",
    "audit": "/audit/",
    "api servers": "/api/v1/servers",
    "api streams": "/api/v1/servers/default/streams",
    "api findings": "/api/v1/findings",
}
"""What the latest look at the fleet answers: 200 whatever happens."""
REMEMBERED = {
    "stream": f"{S}/",
    "filtered stream": f"{S}/?where=n+%3D+1",
    "groups of a stream": f"{S}/?tab=groups",
    "retention of a stream": f"{S}/?tab=retention",
    "group": f"{S}/g/workers/",
    "filtered group": f"{S}/g/workers/?min_idle=1+ms",
}
"""Pages that show the last known when the server does not answer."""
READ_NOW = {
    "entry": f"{S}/e/1-1/",
    "field": f"{S}/e/1-1/field/0/",
    "form": f"{S}/do/claim/?group=workers&all=1",
    "api stream": A,
    "api entries": f"{A}/entries",
    "api entry": f"{A}/entries/1-1",
    "api groups": f"{A}/groups",
    "api group": f"{A}/groups/workers",
    "api consumers": f"{A}/groups/workers/consumers",
    "api pending": f"{A}/groups/workers/pending",
}
"""What cannot be told without the server."""
BY_ID = {"search by ID": "/search/?q=2-1"}
EVERY = {**FROM_THE_FLEET, **REMEMBERED, **READ_NOW, **BY_ID}


@dataclass(frozen=True)
class Answer:
    """What came back: the status, and what a person reads."""

    status: int
    text: str


def ask(client: Client, path: str) -> Answer:
    """In time, or the test fails."""
    began = time.monotonic()
    response = client.get(path)
    seconds = time.monotonic() - began
    assert seconds < WITHIN, f"{path} took {seconds:.1f} s"
    return Answer(response.status_code, _words(response.content.decode()))


def statuses(client: Client, names: Iterable[str]) -> Mapping[str, int]:
    return {name: ask(client, EVERY[name]).status for name in names}


def _words(page: str) -> str:
    """Without tags and line breaks."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def seed(client: redis.Redis) -> None:
    """Three orders, of which wanda holds two."""
    for n in (1, 2, 3):
        client.xadd(KEY, {"n": n}, id=f"{n}-1")
    client.xgroup_create(KEY, "workers", id="0")
    client.xreadgroup("workers", "wanda", {KEY: ">"}, count=2)
