"""Streams of events as browsers and scripts meet them: the frames of the socket, and all that holds there."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import redis
from channels.db import database_sync_to_async

from dashboard.accounts.authenticators import Credentials, authenticate_again
from dashboard.accounts.principals import Principal
from dashboard.config.masking import MaskRule
from dashboard.live import hub as hubs
from dashboard.live.admission import connection_limit, rights
from dashboard.live.connections import connection, events
from dashboard.live.hub import Hub
from dashboard.live.sending import flow_control
from dashboard.live.sending.outlet import PROTOCOL_IN_SCOPE
from dashboard.models import ApiToken
from tests.conftest import Configure
from tests.dashboard.live.events import Events, Headers, Query, bearer, entries, streamed
from tests.dashboard.live.sockets import HOST, browser, headers, token, watch
from tests.test_browser_rules import HEADERS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]


def several(*frames: dict[str, object]) -> list[tuple[str, object]]:
    return [("watch", json.dumps(frame)) for frame in frames]


async def refused(query: Query, head: Headers) -> tuple[int, str]:
    """The status and the sentence of a request that gets no stream."""
    asked = Events(query, head)
    status = await asked.begin()
    return status, str((await asked.problem())["detail"])


async def head_of(kind: str) -> Headers:
    if kind == "token":
        return bearer(await token())
    return headers((await browser())[1], origin=None)


@pytest.mark.parametrize("kind", ["token", "session"])
async def test_the_frames_are_those_of_the_socket(kind: str, redis_client: redis.Redis) -> None:
    async with streamed(entries(), await head_of(kind)) as stream:
        assert stream.head["content-type"] == "text/event-stream"
        assert {name: stream.head[name.lower()] for name in HEADERS} == HEADERS
        assert "no-store" in stream.head["cache-control"]
        begun = await stream.next()
        assert (begun["type"], begun["id"], begun["after"]) == ("watching", "live", "0-0")
        id_ = redis_client.xadd("orders", {"n": "1", "text": "a\nb\r\u2028c"}).decode()
        frame = await stream.next(within=1)
        assert (frame["type"], frame["prev_id"], frame["last_id"], frame["skipped"]) == ("entries", "0-0", id_, 0)
        assert frame["items"][0]["fields"] == [["n", "1"], ["text", "a\nb\r\u2028c"]]


async def test_the_last_event_id_resumes_every_watch_where_it_was(redis_client: redis.Redis) -> None:
    query = several(watch("a"), {"type": "watch", "id": "f", "topic": "fleet"}, watch("b", "other"))
    head = bearer(await token())
    async with streamed(query, head) as stream:
        for _ in range(3):
            await stream.next("watching")
        first = redis_client.xadd("orders", {"n": 1}).decode()
        assert (await stream.next("entries"))["last_id"] == first
    missed = [redis_client.xadd(key, {"n": 2}).decode() for key in ("orders", "other")]
    async with streamed(query, [*head, (b"last-event-id", stream.last_event_id.encode())]) as again:
        frames = [await again.next("entries"), await again.next("entries")]
    found = {frame["id"]: (frame["prev_id"], [item["id"] for item in frame["items"]]) for frame in frames}
    assert found == {"a": (first, missed[:1]), "b": ("0-0", missed[1:])}


@pytest.mark.parametrize(
    ("query", "status", "named"),
    [
        ({}, 400, "topic must be"),
        ({"topic": "weather"}, 400, "topic must be"),
        (entries("a/b"), 400, "not a path name"),
        (entries(after="yesterday"), 400, "yesterday"),
        (entries(where="no condition"), 400, "no condition"),
        (entries(limit="5"), 422, "limit"),
        ([("watch", "{")], 400, "JSON object"),
        ([("watch", '{"type":"auth"}')], 400, "watch"),
        (several(watch("a"), watch("a")), 400, "id of its own"),
        (several(*(watch(str(n)) for n in range(connection.MAX_WATCHES + 1))), 400, "At most 20"),
    ],
)
async def test_a_wrong_request_is_a_problem(query: Query, status: int, named: str) -> None:
    found, detail = await refused(query, bearer(await token()))
    assert (found, named in detail) == (status, True), detail


@pytest.mark.parametrize(
    ("last", "named"),
    [("nonsense", "id of an event"), ("1-0.abc,2-0.abc", "other watches"), ("1-0.", "id of an event")],
)
async def test_an_id_of_no_event_is_a_problem(last: str, named: str) -> None:
    head = [*bearer(await token()), (b"last-event-id", last.encode())]
    status, detail = await refused(entries(), head)
    assert (status, named in detail) == (400, True), detail


async def test_nobody_else_gets_a_stream() -> None:
    _, client = await browser()
    session = headers(client, origin=None)
    assert (await refused(entries(), [(b"host", HOST.encode())]))[0] == 401
    assert (await refused(entries(), bearer("nonsense")))[0] == 401
    assert (await refused(entries(), [*session, (b"authorization", b"Bearer nonsense")]))[0] == 401
    assert (await refused(entries(), headers(client, "http://evil.example")))[0] == 403
    assert (await refused(entries(), headers(client, "null")))[0] == 403
    assert (await refused(entries(), [*session, (b"sec-fetch-site", b"cross-site")]))[0] == 403
    assert (await refused(entries(), headers(client, origin=None, host="evil.example")))[0] == 400
    async with streamed(entries(), [*session, (b"sec-fetch-site", b"same-origin")]) as stream:
        assert (await stream.next())["type"] == "watching"


async def test_a_stream_that_may_not_be_seen_looks_like_none_and_the_others_go_on(redis_client: redis.Redis) -> None:
    redis_client.xadd("users", {"n": "1"})
    head = bearer(await token(keys=("orders*",)))
    answers = {await refused(entries(stream), head) for stream in ("users", "none")}
    assert {status for status, _ in answers} == {403}
    assert len(answers) == 1
    async with streamed(several(watch("u", "users"), watch("o")), head) as stream:
        error = await stream.next("error")
        assert (error["id"], error["code"]) == ("u", "forbidden")
        assert (await stream.next("watching"))["id"] == "o"


async def test_masked_fields_never_travel(redis_client: redis.Redis, configure: Configure) -> None:
    configure(mask_rules=(MaskRule("orders", ("email",)),))
    query = several(
        watch("json"),
        watch("rows", **{"as": "html", "columns": ["email", "n"]}),
        watch("preview", **{"as": "html"}),
        watch("oracle", where="email = a@example.com"),
    )
    async with streamed(query, bearer(await token())) as stream:
        for _ in range(4):
            await stream.next("watching")
        redis_client.xadd("orders", {"email": "a@example.com", "n": "7"})
        frames = {frame["id"]: frame for frame in [await stream.next() for _ in range(3)]}
        assert "example" not in json.dumps(frames)
        assert frames["json"]["items"][0]["fields"][1] == ["n", "7"]
        assert "<b>n</b> 7" in " ".join(frames["preview"]["html"][0].split()).replace("</b >", "</b>")
        assert await stream.receive_nothing(0.3)


async def test_who_signs_out_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "RECHECK_EVERY", 0.2)
    _, client = await browser()
    async with streamed(entries(), headers(client, origin=None)) as stream:
        await stream.next("watching")
        await database_sync_to_async(client.logout)()
        assert (await stream.next("error"))["code"] == "signed_out"
        assert await stream.closed() == connection.NOT_SIGNED_IN


async def test_a_token_that_is_revoked_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "RECHECK_EVERY", 0.2)
    async with streamed(entries(), bearer(await token())) as stream:
        await stream.next("watching")
        await database_sync_to_async(ApiToken.objects.all().delete)()
        assert await stream.closed() == connection.NOT_SIGNED_IN


def test_rights_are_looked_up_soon_enough_and_once_for_all_pages_of_a_person() -> None:
    """A revoked session or token is cut off within five seconds, with a moment for the look itself."""
    assert connection.RECHECK_EVERY + rights.FRESH < 5


async def test_rights_are_asked_once_for_all_connections_of_one_token(monkeypatch: pytest.MonkeyPatch) -> None:
    credentials, asked = Credentials(token=await token()), 0

    async def ask() -> Principal:
        nonlocal asked
        asked += 1
        return await authenticate_again(credentials)

    known = rights.Rights()
    names = [found.name for found in await asyncio.gather(*(known.principal(credentials, ask) for _ in range(20)))]
    assert (asked, len(set(names))) == (1, 1)
    monkeypatch.setattr(rights, "FRESH", 0.0)
    await known.principal(credentials, ask)
    assert asked == 2


async def test_at_the_end_every_stream_says_to_come_back() -> None:
    async with streamed(entries(), bearer(await token())) as stream:
        await stream.next("watching")
        await hubs.close()
        assert await stream.closed() == connection.GOING_AWAY


async def test_one_person_does_not_take_all_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limit, "PRINCIPAL_MAX", 1)
    head = bearer(await token())
    async with streamed(entries(), head) as stream:
        await stream.next("watching")
        status, detail = await refused(entries(), head)
        assert (status, "1 live pages open" in detail) == (429, True)
    async with streamed(entries(), head) as again:
        await again.next("watching")


async def test_a_sign_of_life_comes_while_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PING_EVERY", 0.1)
    async with streamed(entries(), bearer(await token())) as stream:
        bodies = b""
        while b"event: ping" not in bodies:
            bodies += (await stream.receive_output(3))["body"]
        assert bodies.endswith(b"event: ping\ndata: {}\n\n")


class Transport:
    def __init__(self) -> None:
        self.aborted = asyncio.Event()

    def abortConnection(self) -> None:
        self.aborted.set()


class FullRequest:
    """The request of a viewer who does not read, as our own server has it: it asks its producer to pause at once."""

    def __init__(self) -> None:
        self.transport, self.channel, self.streams = Transport(), object(), False
        self.producers: list[Any] = []

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producers.append(producer)
        producer.pauseProducing()

    def unregisterProducer(self) -> None:
        self.producers.clear()


async def test_who_does_not_read_gets_little_and_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, redis_client: redis.Redis, hub: Hub
) -> None:
    monkeypatch.setattr(flow_control, "CUT_OFF_AFTER", 0.5)
    monkeypatch.setattr(connection, "ABORT_AFTER", 0.1)
    monkeypatch.setattr(events, "ABORT_AFTER", 0.1)
    request = FullRequest()
    last = redis_client.xadd("orders", {"n": "0"}).decode()
    async with streamed(entries(after=last), bearer(await token()), {PROTOCOL_IN_SCOPE: request}) as stream:
        assert request.streams
        [producer] = request.producers
        producer.resumeProducing()
        await stream.next("watching")
        for n in range(300):
            redis_client.xadd("orders", {"n": n, "body": "x" * 3000})
        await stream.next("entries")
        producer.pauseProducing()
        await asyncio.wait_for(request.transport.aborted.wait(), 5)
        assert hub.delivery.counters.closed_slow == 1
        assert await stream.closed() == connection.TOO_SLOW
    assert request.producers == []
    assert not hub.watched
    assert len(hub.connections) == 0


async def test_leaving_leaves_nothing_behind(hub: Hub) -> None:
    async with streamed(entries(), bearer(await token())) as stream:
        await stream.next("watching")
        assert len(hub.connections) == 1
    assert len(hub.connections) == 0
    assert not hub.watched
    assert hub.delivery.sockets == 0
