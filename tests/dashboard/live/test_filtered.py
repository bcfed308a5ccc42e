"""A filter on the socket: evaluated once per entry, however many watch, and never for long at a time."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest
import redis

from dashboard.accounts.masking import Mask
from dashboard.filters import Filter
from dashboard.live.hub import Hub
from dashboard.live.reader import stream
from dashboard.live.reader.stream import TURN_BYTES, turns
from dashboard.streams.ids import StreamId
from dashboard.streams.snapshots import Entry
from tests.dashboard.live.sockets import Frame, by_token, token, watch

pytestmark = pytest.mark.django_db(transaction=True)
WHERE = "order.total > 4 and not (state = paid or has gone)"


def ids(frames: list[Frame]) -> list[str]:
    return [item["id"] for frame in frames for item in frame["items"]]


async def test_viewers_of_one_filter_share_its_evaluation(
    hub: Hub, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[StreamId] = []
    keeps = Filter.keeps

    def counted(self: Filter, entry: Entry, mask: Mask) -> bool:
        asked.append(entry.id)
        return keeps(self, entry, mask)

    monkeypatch.setattr(Filter, "keeps", counted)
    async with by_token(await token()) as one, by_token(await token()) as other:
        for socket, where in ((one, WHERE), (other, f"  {WHERE.replace(' = ', '=')} ")):
            await socket.send_json_to(watch(where=where))
            await socket.next("watching")
        added = []
        for n in range(10):
            order = json.dumps({"total": n})
            added.append(redis_client.xadd("orders", {"order": order, "state": "paid" if n == 7 else "new"}).decode())
        wanted = [added[n] for n in (5, 6, 8, 9)]
        for socket in (one, other):
            assert ids(await socket.until(lambda frames: len(ids(frames)) == len(wanted))) == wanted
    assert len(asked) == len(set(asked)) == 10


async def test_a_filter_that_is_wrong_says_where(hub: Hub) -> None:
    async with by_token(await token()) as socket:
        await socket.send_json_to(watch(where="state = new and total > many"))
        error = await socket.next("error")
        assert error["code"] == "bad_field"
        assert error["message"].startswith("where, character 17: 'total > many' is not a valid condition")


async def test_a_filter_of_large_documents_leaves_turns_to_others(
    hub: Hub, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen of them come in at most three reads, and are looked into in seven parts."""
    document = json.dumps({"items": [{"sku": f"A-{n}", "n": n} for n in range(850)]})
    assert TURN_BYTES / 3 < len(document) < TURN_BYTES / 2
    turn, turns_of_entries, keeps = 0, [], Filter.keeps

    async def others() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    def noted(self: Filter, entry: Entry, mask: Mask) -> bool:
        turns_of_entries.append(turn)
        return keeps(self, entry, mask)

    monkeypatch.setattr(Filter, "keeps", noted)
    async with by_token(await token()) as socket:
        await socket.send_json_to(watch(where="order.items.sku = A-849"))
        await socket.next("watching")
        beside = asyncio.create_task(others())
        with redis_client.pipeline(transaction=True) as pipeline:
            for _ in range(16):
                pipeline.xadd("orders", {"order": document})
            pipeline.execute()
        frames = await socket.until(lambda frames: len(ids(frames)) == 16)
        beside.cancel()
    assert len(ids(frames)) == len(turns_of_entries) == 16
    assert len(set(turns_of_entries)) >= 6


def test_turns_have_everything_in_order_and_little_each() -> None:
    entries = [
        Entry(StreamId(n, 0), ((b"f", b"x" * size),)) for n, size in enumerate((10, 70_000, 10, 30_000, 40_000, 5))
    ]
    parts = [[entry.id.ms for entry in part] for part in turns(entries)]
    assert parts == [[0, 1], [2, 3, 4], [5]]
    assert list(turns([])) == []


async def test_a_filter_that_takes_too_long_looks_into_the_newest(
    hub: Hub, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty entries, each large enough for a turn of its own, and time for one a read: the newest comes."""
    monkeypatch.setattr(stream, "FILTER_SECONDS", 1e-9)
    async with by_token(await token()) as socket:
        await socket.send_json_to(watch("t", where="n >= 0"))
        await socket.next("watching")
        pipe = redis_client.pipeline(transaction=True)
        for n in range(30):
            pipe.xadd("orders", {"n": n, "body": b"x" * TURN_BYTES})
        last = pipe.execute()[-1].decode()
        frames = [await socket.next("entries")]
        while frames[-1]["last_id"] != last:
            await socket.send_json_to({"type": "ack", "id": "t", "last_id": frames[-1]["last_id"]})
            frames.append(await socket.next("entries"))
    skipped = sum(frame["skipped"] for frame in frames)
    assert ids(frames)[-1] == last
    assert skipped > 0
    assert skipped + len(ids(frames)) == 30


async def test_filters_beyond_the_time_of_a_read_skip_it_and_have_their_turn_later(
    hub: Hub, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three filters, and time for one at each read: whoever is left out learns how many that were."""
    monkeypatch.setattr(stream, "FILTER_SECONDS", 1e-9)
    async with by_token(await token()) as socket:
        for n in range(3):
            await socket.send_json_to(watch(f"t{n}", where=f"n != {-n - 1}"))
            await socket.next("watching")
        got: Counter[str] = Counter()
        for n in range(9):
            redis_client.xadd("orders", {"n": n})
            frame = await socket.next("entries")
            got[frame["id"]] += frame["skipped"] + len(frame["items"])
            await socket.send_json_to({"type": "ack", "id": frame["id"], "last_id": frame["last_id"]})
    assert sorted(got) == ["t0", "t1", "t2"]
    assert sorted(got.values()) == [7, 8, 9], "the last ones are still to be told of one or two"
