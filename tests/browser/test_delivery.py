"""What a page costs on the wire, in a real browser, from the real server: cold, and again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

REQUESTS, BYTES = 12, 120_000
YEAR = "max-age=31536000, public, immutable"


@dataclass
class Wire:
    """What loading a page asked of the site since the last `clear`: what a cache answers is no request.

    Sockets are left out, and what a live page fetches later when its socket brings news: that is no part of its load.
    """

    asked: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    bytes: int = 0

    def clear(self) -> None:
        self.asked.clear()
        self.answers.clear()
        self.bytes = 0

    def note_request(self, event: dict[str, Any]) -> None:
        if event["type"] != "Fetch":
            self.asked[event["requestId"]] = event["request"]

    def note_headers(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self.asked:
            self.asked[event["requestId"]]["sent"] = {name.lower(): value for name, value in event["headers"].items()}

    def note_answer(self, event: dict[str, Any]) -> None:
        if event["response"].get("fromDiskCache"):
            self.asked.pop(event["requestId"], None)
        elif event["requestId"] in self.asked:
            self.answers[event["requestId"]] = event["response"]

    def note_cached(self, event: dict[str, Any]) -> None:
        self.asked.pop(event["requestId"], None)

    def note_end(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self.asked:
            self.bytes += int(event["encodedDataLength"])

    def paths(self) -> list[str]:
        return [urlsplit(request["url"]).path for request in self.asked.values()]


@pytest.fixture
def wire(page: Page) -> Iterator[Wire]:
    seen = Wire()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.requestWillBeSent", seen.note_request)
    session.on("Network.requestWillBeSentExtraInfo", seen.note_headers)
    session.on("Network.responseReceived", seen.note_answer)
    session.on("Network.requestServedFromCache", seen.note_cached)
    session.on("Network.loadingFinished", seen.note_end)
    yield seen
    session.detach()


def load(page: Page, wire: Wire) -> None:
    wire.clear()
    page.goto("/")
    page.wait_for_load_state("networkidle")


def test_a_first_page_takes_few_requests_and_bytes(page: Page, wire: Wire) -> None:
    load(page, wire)
    assert "/" in wire.paths()
    assert any(path.startswith("/static/bundles/live.") for path in wire.paths())
    assert len(wire.asked) <= REQUESTS, wire.paths()
    assert 5_000 < wire.bytes <= BYTES


def test_everything_comes_compressed_and_files_for_a_year(page: Page, wire: Wire) -> None:
    load(page, wire)
    for answer in wire.answers.values():
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        path = urlsplit(answer["url"]).path
        assert headers.get("content-encoding") in ("gzip", "br"), path
        if path.startswith("/static/"):
            assert headers["cache-control"] == YEAR, path


def test_the_same_page_again_is_one_request_and_no_conditional_one(page: Page, wire: Wire) -> None:
    load(page, wire)
    load(page, wire)
    assert wire.paths() == ["/"]
    sent = next(iter(wire.asked.values()))["sent"]
    assert [name for name in sent if name.startswith("if-")] == []
