"""What an answer weighs with the worst payloads there are: no page above 300 KB, no answer of the API above 4 MB."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
import redis
from django.test import Client

from dashboard.fleet.samplers import fleet
from dashboard.streams.ids import StreamId
from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from tests.dashboard.views.test_cost import ANSWER_BYTES, PAGE_BYTES

CONTROL, MARKUP, BINARY = bytes(range(1, 32)), b"""<"'&>""", bytes(range(128, 256))
NAME = b"a:" + CONTROL + BINARY[:40] + MARKUP
"""A name that no page can show as it is."""
DOCUMENT = json.dumps({f"k{n}": ["<&>\x00" * 9] * 40 for n in range(40)}).encode()
WORST = {
    "many control characters": {f"f{n}".encode(): CONTROL * 260 for n in range(200)},
    "much markup": {f"f{n}".encode(): MARKUP * 1600 for n in range(200)},
    "many bytes": {f"f{n}".encode(): BINARY * 64 for n in range(200)},
    "documents": {f"f{n}".encode(): DOCUMENT for n in range(50)},
    "one large value": {b"f": CONTROL * 60_000},
    "very many fields": {f"f{n}".encode(): CONTROL for n in range(40_000)},
    "short and ugly": {NAME + str(n).encode(): CONTROL * 2 for n in range(8)},
}
ENTRIES = 60
FEW = 6


@dataclass
class Heavy:
    """A stream of entries like the worst, all of them pending; `top` is the newest one's ID."""

    top: str
    entries: int
    bytes: int
    page: str = f"/s/default/{to_path(NAME)}/"
    reads: str = f"/api/v1/servers/default/streams/{to_path(NAME)}"


@pytest.fixture(params=WORST.values(), ids=list(WORST))
def heavy(
    request: pytest.FixtureRequest, server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> Heavy:
    fields = request.param
    entries = ENTRIES if len(fields) < 50 else FEW
    for _ in range(entries):
        top = redis_client.xadd(NAME, fields)
    redis_client.xgroup_create(NAME, NAME, "0")
    redis_client.xreadgroup(NAME, NAME, {NAME: ">"}, count=entries, noack=False)
    fleet().sample(server)
    monkeypatch.setattr(fleet(), "running", True)
    return Heavy(top.decode(), entries, sum(len(name) + len(value) for name, value in fields.items()))


PAGES = (
    "/",
    "/s/default/",
    "{page}",
    "{page}e/{top}/",
    "{page}e/{top}/?as=raw",
    "{page}e/{top}/?as=hex",
    "{page}g/{g}/",
)
OPEN = ("{page}?open={top}", "{page}?open={top}&as=raw", "{page}?open={top}&as=hex")
READS = ("{reads}/entries?limit=500", "{reads}/entries/{top}", "{reads}/groups/{g}/pending?limit=500")


def test_no_page_is_too_large(heavy: Heavy, operator: Client) -> None:
    weights = {}
    for address in (*PAGES, *OPEN):
        response = operator.get(address.format(page=heavy.page, top=heavy.top, g=to_path(NAME)))
        assert response.status_code == 200
        weights[address] = len(response.content)
    assert {address: weight for address, weight in weights.items() if weight > PAGE_BYTES} == {}


def test_no_answer_is_too_large(heavy: Heavy, operator: Client) -> None:
    weights = {}
    for address in READS:
        response = operator.get(address.format(reads=heavy.reads, top=heavy.top, g=to_path(NAME)))
        assert response.status_code == 200
        weights[address] = len(response.content)
    assert {address: weight for address, weight in weights.items() if weight > ANSWER_BYTES} == {}


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_what_did_not_fit_comes_with_the_next_answer(order: str, heavy: Heavy, operator: Client) -> None:
    found: list[str] = []
    cursor, answers = "", 0
    while cursor is not None and answers < 100:
        answer = operator.get(f"{heavy.reads}/entries?limit=500&order={order}&cursor={cursor}").json()
        found += [item["id"] for item in answer["items"]]
        cursor, answers = answer["next"], answers + 1
    assert [StreamId.parse(text) for text in found] == sorted(map(StreamId.parse, found), reverse=order == "desc")
    assert len(found) == heavy.entries
    assert answers > 1 or heavy.entries * heavy.bytes < ANSWER_BYTES


def test_a_page_says_how_many_fields_it_does_not_show(
    server: Server, redis_client: redis.Redis, operator: Client
) -> None:
    top = redis_client.xadd(b"s", WORST["many control characters"]).decode()
    assert b"of 200 fields are shown" in operator.get(f"/s/default/s/e/{top}/").content
    assert b"of 200 fields are shown" in operator.get(f"/s/default/s/?open={top}&as=hex").content


def test_an_answer_says_how_many_fields_it_leaves_out(
    server: Server, redis_client: redis.Redis, operator: Client
) -> None:
    top = redis_client.xadd(b"s", WORST["very many fields"]).decode()
    answer = operator.get(f"/api/v1/servers/default/streams/s/entries/{top}").json()
    assert (len(answer["fields"]), answer["fields_reason"]) == (5_000, "35,000 more fields omitted.")


def test_a_filter_looks_at_no_more_than_a_page_may_weigh(
    server: Server, redis_client: redis.Redis, operator: Client
) -> None:
    for _ in range(30):
        redis_client.xadd(b"s", {b"a": b"x" * 1_000_000})
    redis_client.config_resetstat()
    response = operator.get("/s/default/s/?where=a = y")
    assert b"Scanned 4 entries from here, 0 match." in response.content
