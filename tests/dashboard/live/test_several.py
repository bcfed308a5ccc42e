"""One watch of several streams: every frame and item says which one it is of, and each stream has its own chain."""

from __future__ import annotations

import json

import pytest
import redis

from dashboard.live.connections import connection
from dashboard.live.framing import FRAME_BYTES
from dashboard.live.subscription import STREAM_CHARS
from dashboard.streams.names import to_path
from tests.dashboard.live.events import bearer, streamed
from tests.dashboard.live.sockets import Frame, Socket, by_token, token

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]
HOSTILE = to_path(b"\xff<b>/")


def several(*streams: str, **more: object) -> Frame:
    return {"type": "watch", "id": "m", "topic": "entries", "server": "default", "streams": list(streams), **more}


async def begun(socket: Socket, *streams: str) -> None:
    await socket.send_json_to(several(*streams))
    assert {(await socket.next("watching"))["stream"] for _ in streams} == set(streams)


async def test_frames_and_items_say_their_stream(redis_client: redis.Redis) -> None:
    async with by_token(await token()) as socket:
        await begun(socket, "orders", HOSTILE)
        ids = {"orders": redis_client.xadd("orders", {"n": 1}).decode()}
        ids[HOSTILE] = redis_client.xadd(b"\xff<b>/", {"n": 2}).decode()
        frames = {frame["stream"]: frame for frame in [await socket.next("entries"), await socket.next("entries")]}
        assert {stream: frame["last_id"] for stream, frame in frames.items()} == ids
        for stream, frame in frames.items():
            assert (frame["id"], frame["prev_id"], frame["skipped"]) == ("m", "0-0", 0)
            [item] = frame["items"]
            assert (item["stream"], item["id"], item["size"]) == (stream, ids[stream], 2)


async def test_each_stream_goes_on_after_its_own_id(redis_client: redis.Redis) -> None:
    first = {key: redis_client.xadd(key, {"n": 1}).decode() for key in ("orders", "other")}
    second = {key: redis_client.xadd(key, {"n": 2}).decode() for key in ("orders", "other")}
    async with by_token(await token()) as socket:
        await socket.send_json_to(
            several("orders", "other", after={"orders": first["orders"], "other": second["other"]})
        )
        frame = await socket.next("entries")
        assert (frame["stream"], [item["id"] for item in frame["items"]]) == ("orders", [second["orders"]])
        assert await socket.receive_nothing(0.2)


async def test_events_resume_each_of_them(redis_client: redis.Redis) -> None:
    query = {"topic": "entries", "server": "default", "streams": ["orders", "other"]}
    head = bearer(await token())
    async with streamed(query, head) as events:
        assert {(await events.next("watching"))["stream"] for _ in range(2)} == {"orders", "other"}
        redis_client.xadd("orders", {"n": 1})
        await events.next("entries")
    missed = {key: redis_client.xadd(key, {"n": 2}).decode() for key in ("orders", "other")}
    async with streamed(query, [*head, (b"last-event-id", events.last_event_id.encode())]) as again:
        frames = [await again.next("entries"), await again.next("entries")]
    assert {frame["stream"]: [item["id"] for item in frame["items"]] for frame in frames} == {
        key: [id_] for key, id_ in missed.items()
    }


async def test_one_that_is_refused_is_named_and_the_others_go_on(redis_client: redis.Redis) -> None:
    async with by_token(await token(keys=("orders*",))) as socket:
        await socket.send_json_to(several("secret", "orders"))
        error = await socket.next("error")
        assert (error["id"], error["code"], error["stream"]) == ("m", "forbidden", "secret")
        assert (await socket.next("watching"))["stream"] == "orders"
        await socket.send_json_to({"type": "unwatch", "id": "m"})
        redis_client.xadd("orders", {"n": 1})
        assert await socket.receive_nothing(0.3)


@pytest.mark.parametrize(
    "streams", ["orders", [], [1], ["orders", "orders"], ["x" * (STREAM_CHARS + 1)]], ids=lambda s: str(s)[:20]
)
async def test_what_is_no_list_of_names_is_an_error(streams: object) -> None:
    async with by_token(await token()) as socket:
        await socket.send_json_to({**several(), "streams": streams})
        error = await socket.next()
        assert (error["id"], error["code"]) == ("m", "bad_field")
        await socket.send_json_to({**several("orders"), "topic": "fleet"})
        assert (await socket.next())["code"] == "bad_field"


async def test_every_stream_counts_as_a_watch_and_an_id_stands_for_one_watch() -> None:
    async with by_token(await token()) as socket:
        await begun(socket, *(f"s{n}" for n in range(connection.MAX_WATCHES)))
        await socket.send_json_to(several("more"))
        assert (await socket.next())["code"] == "too_many"
        await socket.send_json_to({**several("s0"), "id": "m"})
        assert (await socket.next())["code"] == "id_taken"
        await socket.send_json_to({"type": "watch", "id": "m", "topic": "fleet"})
        assert (await socket.next())["code"] == "id_taken"


async def test_acknowledgements_name_the_stream(redis_client: redis.Redis) -> None:
    """Without them no more than a window would come of a megabyte."""
    async with by_token(await token()) as socket:
        await begun(socket, "orders", "other")
        ids = [redis_client.xadd("orders", {"n": n, "body": "x" * 3000}).decode() for n in range(400)]
        got: list[str] = []
        while len(got) < len(ids):
            frame = await socket.next("entries")
            got += [item["id"] for item in frame["items"]]
            await socket.send_json_to({"type": "ack", "id": "m", "stream": "orders", "last_id": frame["last_id"]})
        assert got == ids


async def test_frames_with_long_names_stay_within_their_size(redis_client: redis.Redis) -> None:
    name = "x" * STREAM_CHARS
    async with by_token(await token()) as socket:
        await begun(socket, name)
        with redis_client.pipeline(transaction=True) as pipeline:
            for n in range(300):
                pipeline.xadd(name, {"n": n})
            pipeline.xadd(name, {"body": "x" * 70_000})
            last = pipeline.execute()[-1].decode()
        got, items = "", 0
        while got != last:
            event = await socket.receive_output(3)
            assert len(event["text"].encode()) <= FRAME_BYTES
            frame = json.loads(event["text"])
            got = frame.get("last_id", "")
            items += len(frame["items"])
            await socket.send_json_to({"type": "ack", "id": "m", "stream": name, "last_id": got})
        assert items == 301
