"""The socket as browsers and scripts meet it."""

from __future__ import annotations

import asyncio
import json

import pytest
import redis
from channels.db import database_sync_to_async
from django.contrib.auth.models import User

from dashboard.config.masking import MaskRule
from dashboard.live import encoding as frames
from dashboard.live import hub as hubs
from dashboard.live.connections import connection
from dashboard.live.hub import Hub
from dashboard.live.sending import flow_control
from dashboard.models import ApiToken
from tests.conftest import Configure
from tests.dashboard.live.sockets import (
    PATH,
    Socket,
    application,
    browser,
    by_token,
    headers,
    opened,
    token,
    watch,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]


@pytest.mark.parametrize(
    "origin",
    [
        "http://127.0.0.1:9000",
        "http://127.0.0.1",
        "http://127.0.0.1:8000.evil.example",
        "http://evil.example",
        "https://sub.127.0.0.1:8000",
        "HTTP://127.0.0.1:8000",
        "null",
        "file://",
        "ftp://127.0.0.1:8000",
        "http://127.0.0.1:8000/",
        "http://user@127.0.0.1:8000",
    ],
)
async def test_a_page_from_elsewhere_is_refused(origin: str) -> None:
    _, client = await browser()
    socket = Socket(application, PATH, headers=headers(client, origin))
    assert (await socket.connect())[0] is False


async def test_a_foreign_host_does_not_become_the_own_one() -> None:
    _, client = await browser()
    socket = Socket(application, PATH, headers=headers(client, "http://evil.example", host="evil.example"))
    assert (await socket.connect())[0] is False


async def test_a_trusted_origin_is_let_in(settings: object) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://ops.example"]  # type: ignore[attr-defined]
    _, client = await browser()
    async with opened(headers(client, "https://ops.example")) as socket:
        await socket.send_json_to(watch())
        assert (await socket.next())["type"] == "watching"


async def test_a_browser_watches_with_its_session(redis_client: redis.Redis) -> None:
    _, client = await browser()
    async with opened(headers(client)) as socket:
        await socket.send_json_to(watch())
        begun = await socket.next()
        assert (begun["type"], begun["id"], begun["after"]) == ("watching", "t1", "0-0")
        id_ = redis_client.xadd("orders", {"n": "1"}).decode()
        frame = await socket.next(within=1)
        assert (frame["type"], frame["prev_id"], frame["last_id"], frame["skipped"]) == ("entries", "0-0", id_, 0)
        [item] = frame["items"]
        assert (item["id"], item["fields"], item["size"]) == (id_, [["n", "1"]], 2)


async def test_a_session_does_not_count_without_an_origin() -> None:
    _, client = await browser()
    async with opened(headers(client, origin=None)) as socket:
        await socket.send_json_to(watch())
        assert (await socket.next())["code"] == "auth_required"
        assert await socket.closed() == connection.NOT_SIGNED_IN


async def test_a_script_signs_in_by_token() -> None:
    async with by_token(await token()) as socket:
        await socket.send_json_to(watch())
        assert (await socket.next())["type"] == "watching"


async def test_a_wrong_token_ends_it() -> None:
    async with by_token("nonsense") as socket:
        assert (await socket.next())["code"] == "bad_token"
        assert await socket.closed() == connection.NOT_SIGNED_IN


async def test_who_never_signs_in_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SIGN_IN_TIMEOUT", 0.1)
    async with opened(headers(origin=None)) as socket:
        assert await socket.closed() == connection.NOT_SIGNED_IN


async def test_a_stream_that_may_not_be_seen_looks_like_none(redis_client: redis.Redis) -> None:
    redis_client.xadd("users", {"n": "1"})
    async with by_token(await token(keys=("orders*",))) as socket:
        answers = []
        for stream, server in (("users", "default"), ("none", "default"), ("users", "nowhere")):
            await socket.send_json_to({**watch(stream=stream), "server": server})
            answers.append(await socket.next())
        assert [answer["code"] for answer in answers] == ["forbidden"] * 3
        assert len({answer["message"] for answer in answers}) == 1
        await socket.send_json_to(watch(stream="orders"))
        assert (await socket.next())["type"] == "watching"


async def test_masked_fields_never_travel(redis_client: redis.Redis, configure: Configure) -> None:
    configure(mask_rules=(MaskRule("orders", ("email",)),))
    async with by_token(await token()) as socket:
        await socket.send_json_to(watch("json"))
        await socket.send_json_to(watch("rows", **{"as": "html", "columns": ["email", "n"]}))
        await socket.send_json_to(watch("oracle", where="email = a@example.com"))
        for _ in range(3):
            await socket.next("watching")
        redis_client.xadd("orders", {"email": "a@example.com", "n": "7"})
        frames = {frame["id"]: frame for frame in [await socket.next(), await socket.next()]}
        assert "example" not in json.dumps(frames)
        assert frames["json"]["items"][0]["fields"][1] == ["n", "7"]
        assert await socket.receive_nothing(0.3)


async def test_rows_come_drawn(redis_client: redis.Redis) -> None:
    async with by_token(await token()) as socket:
        await socket.send_json_to(watch(**{"as": "html", "columns": ["name"]}))
        await socket.next("watching")
        id_ = redis_client.xadd("orders", {"name": "<script>alert(1)</script>"}).decode()
        frame = await socket.next("entries")
        assert frame["items"] == [{"id": id_, "time": frame["items"][0]["time"], "size": 29}]
        [row] = frame["html"]
        assert row.strip().startswith(f'<tr id="e-{id_}"')
        assert "<script>" not in row
        assert "&lt;script&gt;" in row


async def test_frames_chain_and_count_across_a_reconnect(redis_client: redis.Redis) -> None:
    async with by_token(await token()) as socket:
        await socket.send_json_to(watch())
        begun = await socket.next("watching")
        ids = [redis_client.xadd("orders", {"n": n}).decode() for n in range(30)]
        got = await socket.until(lambda frames: bool(frames) and frames[-1]["last_id"] == ids[-1])
    ids += [redis_client.xadd("orders", {"n": n}).decode() for n in range(30)]
    async with by_token(await token()) as socket:
        await socket.send_json_to(watch(after=got[-1]["last_id"], epoch=begun["epoch"]))
        again = await socket.next("watching")
        assert again["after"] == got[-1]["last_id"]
        got += await socket.until(lambda frames: bool(frames) and frames[-1]["last_id"] == ids[-1])
    assert [item["id"] for frame in got for item in frame["items"]] == ids
    assert [frame["prev_id"] for frame in got] == [begun["after"], *(frame["last_id"] for frame in got[:-1])]
    assert not any(frame["skipped"] for frame in got)


async def test_where_is_asked_of_every_entry(redis_client: redis.Redis) -> None:
    async with by_token(await token()) as socket:
        await socket.send_json_to(watch(where="status = failed"))
        await socket.next("watching")
        redis_client.xadd("orders", {"status": "ok"})
        id_ = redis_client.xadd("orders", {"status": "failed"}).decode()
        frame = await socket.next("entries")
        assert [item["id"] for item in frame["items"]] == [id_]
        assert frame["skipped"] == 0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "malformed"),
        ("[]", "malformed"),
        ('{"type": 7}', "malformed"),
        ("[" * 30_000, "malformed"),
        (json.dumps({"type": "watch", "id": "x" * 70_000}), "too_large"),
    ],
)
async def test_a_malformed_frame_ends_it(text: str, code: str) -> None:
    async with by_token(await token()) as socket:
        await socket.send_to(text_data=text)
        assert (await socket.next())["code"] == code
        assert await socket.closed() == frames.BAD_FRAME


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"type": "dance"}, "unknown_type"),
        ({"type": "watch", "id": "t", "topic": "weather"}, "unknown_topic"),
        ({"type": "watch", "topic": "fleet"}, "bad_field"),
        (watch(stream="a/b"), "bad_name"),
        (watch(stream="~zz"), "bad_name"),
        (watch(after="yesterday"), "bad_field"),
        (watch(where="no condition"), "bad_field"),
        (watch(**{"as": "html", "columns": "n"}), "bad_field"),
        ({"type": "auth", "token": "again"}, "already_signed_in"),
    ],
)
async def test_a_wrong_frame_is_said_and_the_socket_stays(frame: dict[str, object], code: str) -> None:
    async with by_token(await token()) as socket:
        await socket.send_json_to(frame)
        error = await socket.next()
        assert (error["type"], error["code"], error["id"]) == ("error", code, frame.get("id"))
        await socket.send_json_to({"type": "watch", "id": "still", "topic": "fleet"})
        assert await socket.next() == {"type": "watching", "id": "still"}


async def test_a_socket_has_twenty_watches(redis_client: redis.Redis) -> None:
    async with by_token(await token()) as socket:
        for n in range(connection.MAX_WATCHES):
            await socket.send_json_to({"type": "watch", "id": str(n), "topic": "fleet"})
            await socket.next("watching")
        await socket.send_json_to({"type": "watch", "id": "more", "topic": "fleet"})
        assert (await socket.next())["code"] == "too_many"
        await socket.send_json_to({"type": "unwatch", "id": "0"})
        await socket.send_json_to({"type": "watch", "id": "more", "topic": "fleet"})
        assert (await socket.next())["type"] == "watching"


async def test_a_flood_of_frames_ends_it() -> None:
    async with by_token(await token()) as socket:
        for _ in range(200):
            await socket.send_json_to({"type": "unwatch", "id": "nothing"})
        assert (await socket.next())["code"] == "too_fast"
        assert await socket.closed() == connection.TOO_MANY


async def test_nudges_become_changed_frames() -> None:
    async with by_token(await token()) as socket:
        await socket.send_json_to({"type": "watch", "id": "o", "topic": "operation", "operation": "7"})
        await socket.next("watching")
        hubs.nudge(hubs.operation("8"))
        await asyncio.to_thread(hubs.nudge, hubs.operation("7"))
        assert await socket.next() == {"type": "changed", "id": "o"}
        assert await socket.receive_nothing(0.2)


async def test_who_signs_out_is_cut_off(monkeypatch: pytest.MonkeyPatch, redis_client: redis.Redis) -> None:
    monkeypatch.setattr(connection, "RECHECK_EVERY", 0.2)
    _, client = await browser()
    async with opened(headers(client)) as socket:
        await socket.send_json_to(watch())
        await socket.next("watching")
        await database_sync_to_async(client.logout)()
        assert await socket.closed() == connection.NOT_SIGNED_IN


@pytest.mark.parametrize("change", ["disable", "password", "delete"])
async def test_a_person_who_is_no_more_is_cut_off(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    monkeypatch.setattr(connection, "RECHECK_EVERY", 0.2)
    user, client = await browser()
    async with opened(headers(client)) as socket:
        await database_sync_to_async(_change)(user, change)
        assert await socket.closed() == connection.NOT_SIGNED_IN


def _change(user: User, change: str) -> None:
    if change == "delete":
        user.delete()
        return
    user.is_active = change != "disable"
    user.set_password("another one entirely")
    user.save()


async def test_a_narrowed_token_loses_its_watch_and_keeps_its_socket(
    monkeypatch: pytest.MonkeyPatch, redis_client: redis.Redis
) -> None:
    monkeypatch.setattr(connection, "RECHECK_EVERY", 0.2)
    async with by_token(await token()) as socket:
        await socket.send_json_to(watch())
        await socket.next("watching")
        await database_sync_to_async(ApiToken.objects.update)(keys=["other"])
        error = await socket.next("error")
        assert (error["id"], error["code"]) == ("t1", "forbidden")
        redis_client.xadd("orders", {"n": "1"})
        assert await socket.receive_nothing(0.3)


async def test_at_the_end_every_socket_is_told_to_come_back(hub: Hub) -> None:
    async with by_token(await token()) as socket:
        await socket.send_json_to(watch())
        await socket.next("watching")
        await hubs.close()
        assert await socket.closed() == connection.GOING_AWAY


async def test_a_viewer_who_stops_acknowledging_gets_a_window_and_is_then_cut_off(
    monkeypatch: pytest.MonkeyPatch, redis_client: redis.Redis
) -> None:
    monkeypatch.setattr(flow_control, "CUT_OFF_AFTER", 1.0)
    async with by_token(await token()) as socket:
        await socket.send_json_to(watch())
        await socket.next("watching")
        await socket.send_json_to({"type": "ack", "id": "t1", "last_id": "0-0"})
        for n in range(600):
            redis_client.xadd("orders", {"n": n, "body": "x" * 3000})
        size, code = 0, 0
        while not code:
            event = await socket.receive_output(5)
            code = event.get("code", 0)
            size += len(event.get("text", ""))
        assert code == connection.TOO_SLOW
        assert flow_control.WINDOW_BYTES <= size < 2 * flow_control.WINDOW_BYTES
        assert hubs.current().delivery.counters.closed_slow == 1


async def test_leaving_leaves_nothing_behind(hub: Hub) -> None:
    async with by_token(await token()) as socket:
        await socket.send_json_to(watch())
        await socket.next("watching")
        assert len(hub.connections) == 1
    assert len(hub.connections) == 0
    assert not hub.watched
