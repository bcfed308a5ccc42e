"""What looking costs: every page and every API read sends the same few commands, however large the world is.

The table is the promise. Each line is asked of a large world (1,000,000 entries, 200,000 pending, 50 consumers, 3,000
streams beside it) and of a small one whose pages are full as well; the server's own count is compared with ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
import redis
from django.http import HttpResponse
from django.test import Client

from dashboard.fleet.samplers import fleet
from dashboard.streams import links
from dashboard.streams.links import ServerConfig
from dashboard.streams.links.standalone import Standalone
from dashboard.streams.queries import LOOK_MAX, Command
from tests import world
from tests.world import LARGE, SMALL, World

pytestmark = [pytest.mark.big, pytest.mark.django_db]

PAGE_BYTES = 300_000
ANSWER_BYTES = 4_000_000
"""The largest page and the largest answer of the API."""

FACTS = {"XINFO STREAM": 1}
HEAD = {"TIME": 1, "XINFO STREAM": 1, "XINFO GROUPS": 1}
STREAM = {**HEAD, "XPENDING": 1}
"""One XPENDING per group that holds something: here one of two, never more than 500."""
GROUP = {"TIME": 1, "XINFO STREAM": 1, "XINFO GROUPS": 1, "XINFO CONSUMERS": 1, "XPENDING": 2}
FIRST = {"TIME": 1, "XINFO STREAM": 1, "XINFO GROUPS": 1, "XRANGE": 2, "XPENDING": 2}
ENTRY = {**FIRST, "XREVRANGE": 1}
"""The entry and its two neighbours; one XPENDING per group, never more than 500. The first one has none before it."""

PAGE, LIST, LOOK = 5, 33, 127
"""Commands that fetch 50 entries of a page, 500 of a list and 2,000 for a filter, and one more to know of a next page:
4, 8 and then 16 at a time, for nobody knows before what an entry weighs."""

ALL = "/s/default/"
ONE, GRP = f"{ALL}orders:new/", f"{ALL}orders:new/g/order_processors/"
PAGES = {
    "/": {},
    ALL: {"MEMORY USAGE": 1},  # one per row that is a stream: the rest is folded by its prefix
    f"{ALL}?flat=1": {"MEMORY USAGE": 50},
    f"{ALL}?flat=1&limit=50&sort=-length&search=tenant": {"MEMORY USAGE": 50},
    "/search/?q=tenant": {},
    "/search/?q={entry}": {"XRANGE": 100},
    ONE: {**HEAD, "MEMORY USAGE": 1, "XREVRANGE": PAGE},
    f"{ONE}?at={{entry}}": {**HEAD, "MEMORY USAGE": 1, "XRANGE": 2, "XREVRANGE": 1},  # forty before it at most
    f"{ONE}?start={{entry}}": {**HEAD, "MEMORY USAGE": 1, "XRANGE": PAGE},
    f"{ONE}?end={{entry}}&open={{entry}}": {**HEAD, "MEMORY USAGE": 1, "XREVRANGE": 1},
    f"{ONE}?where=status = paid": {**HEAD, "MEMORY USAGE": 1, "XREVRANGE": PAGE},
    f"{ONE}?where=status = lost": {**HEAD, "MEMORY USAGE": 1, "XREVRANGE": LOOK},
    f"{ONE}?tab=groups": {**STREAM, "MEMORY USAGE": 1},
    f"{ONE}?tab=retention": {**STREAM, "MEMORY USAGE": 1},
    f"{ONE}?at=2001-01-01": {**HEAD, "MEMORY USAGE": 1, "XRANGE": 2},  # XREVRANGE would walk all of them
    f"{ONE}e/{{first}}/": FIRST,
    f"{ONE}e/{{entry}}/": ENTRY,
    f"{ONE}e/{{entry}}/?as=hex": ENTRY,
    f"{ONE}e/{{entry}}/field/0/": ENTRY,
    GRP: {**GROUP, "XPENDING": 3, "XRANGE": 50},  # a payload per row
    f"{GRP}?after={{entry}}": {**GROUP, "XPENDING": 3, "XRANGE": 50},
    f"{GRP}?consumer=worker-01": {**GROUP, "XPENDING": 3, "XRANGE": 50},
    f"{GRP}?min_idle=5 min&min_deliveries=2": {**GROUP, "XPENDING": 3, "XRANGE": 50},
    f"{GRP}?min_idle=9 d": {**GROUP, "XPENDING": 3},
}
V, A = "/api/v1", "/api/v1/servers/default/streams"
AO, AG = f"{A}/orders:new", f"{A}/orders:new/groups/order_processors"
READS = {
    f"{V}/servers": {},
    f"{V}/servers/default/about": {},
    f"{V}/findings": {},
    f"{A}?limit=500": {},
    AO: {**STREAM, "MEMORY USAGE": 1},
    f"{AO}/groups": STREAM,
    AG: GROUP,
    f"{AG}/consumers": GROUP,
    f"{AG}/pending?limit=200": {"XPENDING": 1, "XRANGE": 200},
    f"{AG}/pending?limit=200&min_idle_ms=1000&min_deliveries=2": {"XPENDING": 1, "XRANGE": 200},
    f"{AO}/entries?limit=500": {**FACTS, "XRANGE": LIST},
    f"{AO}/entries?limit=500&order=desc&where=status = paid": {**FACTS, "XREVRANGE": LIST},
    f"{AO}/entries?order=desc&end=2001-01-01": FACTS,
    f"{AO}/entries/{{first}}": FIRST,
    f"{AO}/entries/{{entry}}": ENTRY,
}


@dataclass
class Sent:
    """The commands of one request, as they went to the server."""

    commands: list[Command] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(_name(command) for command in self.commands))


def _name(command: Command) -> str:
    words = 2 if command[0] in ("XINFO", "MEMORY") else 1
    return " ".join(map(str, command[:words]))


@pytest.fixture(scope="module", params=[LARGE, SMALL], ids=["large", "small"])
def seeded(request: pytest.FixtureRequest, redis_url: str) -> Iterator[redis.Redis]:
    """A world, watched by a sampler that has looked at all of it: as a page finds it while the site is served."""
    size: World = request.param
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        client.flushall()
        world.seed(client, size)
        links.configure([ServerConfig("default", redis_url)])
        watched = links.get("default")
        assert fleet().sample(watched).complete
        watched.capabilities()
        yield client
        links.configure([])
        client.flushall()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Everything that a request asks, sync or async. The sampler's own round is not part of a request."""
    seen, ask, aask = Sent(), Standalone.exchange, Standalone.aexchange

    def noted(self: Standalone, commands: Sequence[Command]) -> list[object]:
        seen.commands.extend(commands)
        return ask(self, commands)

    async def anoted(self: Standalone, commands: Sequence[Command]) -> list[object]:
        seen.commands.extend(commands)
        return await aask(self, commands)

    monkeypatch.setattr(fleet(), "running", True)
    monkeypatch.setattr(Standalone, "exchange", noted)
    monkeypatch.setattr(Standalone, "aexchange", anoted)
    return seen


Get = Callable[[str], HttpResponse]


@pytest.fixture
def get(seeded: redis.Redis, operator: Client, sent: Sent) -> Get:
    """Asks for an address, and compares what was noted with what the server counted itself."""
    first, entry = (row["message_id"].decode() for row in seeded.xpending_range(world.STREAM, world.GROUP, "-", "+", 2))

    def asked(address: str) -> HttpResponse:
        seeded.config_resetstat()
        response = operator.get(address.replace("{entry}", entry).replace("{first}", first))
        assert sum(_counted(seeded).values()) == len(sent.commands)
        return response

    return asked


def _counted(client: redis.Redis) -> dict[str, int]:
    """The server's own count, without what belongs to a new connection and to this question."""
    ours = {"cmdstat_client|setname", "cmdstat_select", "cmdstat_config|resetstat", "cmdstat_info"}
    return {name: found["calls"] for name, found in client.info("commandstats").items() if name not in ours}


@pytest.mark.parametrize("address", PAGES)
def test_a_page_sends_what_the_table_says_and_stays_small(address: str, get: Get, sent: Sent) -> None:
    response = get(address)
    assert response.status_code in (200, 302), response.content
    assert sent.counts == PAGES[address]
    assert [command for command in sent.commands if boundless(command)] == []
    assert len(response.content) <= PAGE_BYTES


@pytest.mark.parametrize("address", READS)
def test_a_read_sends_what_the_table_says_and_stays_small(address: str, get: Get, sent: Sent) -> None:
    response = get(address)
    assert response.status_code == 200, response.content
    assert sent.counts == READS[address]
    assert [command for command in sent.commands if boundless(command)] == []
    assert len(response.content) <= ANSWER_BYTES


def test_a_full_page_of_rows_stays_small(get: Get, sent: Sent, seeded: redis.Redis) -> None:
    """The longest page there is: 200 rows, one MEMORY USAGE each."""
    rows = min(200, seeded.dbsize())
    response = get(f"{ALL}?flat=1&limit=200")
    assert sent.counts == {"MEMORY USAGE": rows}
    assert len(response.content) <= PAGE_BYTES


def test_the_table_asks_for_every_read_there_is(client: Client) -> None:
    """A read that is added has to be added to the table."""
    from dashboard.api.site import api

    told = {"/operations/{id}", "/operations/{id}/results.jsonl", "/audit", "/audit.jsonl", "/audit.csv"}
    """Read from the database alone, or from a file."""
    told |= {"/plans/{plan}/entries.jsonl"}  # a page of entries after the other, while it is sent: see test_download
    paths = {path.removeprefix(V) for path, found in api.get_openapi_schema()["paths"].items() if "get" in found}
    asked = {_pattern(address) for address in READS}
    assert {path for path in paths if path not in told} == asked


def _pattern(address: str) -> str:
    path = address.partition("?")[0].removeprefix(V)
    names = {"servers/default": "servers/{server}", "orders:new": "{stream}", "order_processors": "{group}"}
    names |= {"{first}": "{entry}"}
    for name, pattern in names.items():
        path = path.replace(name, pattern)
    return path


# What a command may cost --------------------------------------------------------------------------------------------


def boundless(command: Command) -> bool:
    """Whether nothing in a command bounds its work: it must be one of those known to be bounded, and have its COUNT."""
    words = [word if isinstance(word, str) else "" for word in command]
    if command[0] == "TIME":
        return len(command) != 1
    if command[0] == "XINFO":  # a stream without FULL, its groups, a group's consumers
        return {"STREAM": 3, "GROUPS": 3, "CONSUMERS": 4}.get(words[1]) != len(command)
    if command[0] == "MEMORY":
        return len(command) > 3 and (words[3] != "SAMPLES" or not 1 <= int(command[4]) <= 1000)
    if command[0] == "XPENDING":  # the summary, or a range with its count; IDLE would walk the whole list
        return len(command) != 3 and (len(command) < 6 or words[3] == "IDLE" or not _some(command[5]))
    if command[0] in ("XRANGE", "XREVRANGE"):
        return len(command) != 6 or words[4] != "COUNT" or not _some(command[5])
    return True


def _some(count: bytes | str | int) -> bool:
    return isinstance(count, int) and 1 <= count <= LOOK_MAX


@pytest.mark.parametrize(
    "command",
    [
        ("KEYS", "*"),
        ("SMEMBERS", b"s"),
        ("XLEN", b"s"),
        ("XINFO", "STREAM", b"s", "FULL"),
        ("XINFO", "STREAM", b"s", "FULL", "COUNT", 0),
        ("XRANGE", b"s", "-", "+"),
        ("XREVRANGE", b"s", "+", "-", "COUNT", 1_000_000),
        ("XPENDING", b"s", b"g", "-", "+"),
        ("XPENDING", b"s", b"g", "-", "+", 200_000),
        ("XPENDING", b"s", b"g", "IDLE", 1000, "-", "+", 10),
        ("MEMORY", "USAGE", b"s", "SAMPLES", 0),
    ],
    ids=lambda command: " ".join(map(str, command)),
)
def test_the_check_sees_what_has_no_bound(command: Command) -> None:
    assert boundless(command)
