"""Nobody takes the sockets of the others: neither who has not signed in, nor one person alone."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from dashboard.asgi import application
from dashboard.live.admission import connection_limit
from dashboard.live.connections import connection
from tests.dashboard.live.sockets import PATH, Socket, browser, by_token, headers, opened, token

pytestmark = pytest.mark.django_db(transaction=True)


async def refused(head: list[tuple[bytes, bytes]]) -> bool:
    socket = Socket(application, PATH, headers=head)
    answered, _ = await socket.connect()
    await socket.disconnect()
    return not answered


@pytest.mark.usefixtures("server")
async def test_strangers_do_not_take_the_sockets_of_those_who_are_signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limit, "ANONYMOUS_MAX", 3)
    _, client = await browser()
    secret = await token()
    async with AsyncExitStack() as stack:
        strangers = [await stack.enter_async_context(opened(headers(origin=None))) for _ in range(3)]
        assert await refused(headers(origin=None))
        await stack.enter_async_context(opened(headers(client)))
        await strangers[0].send_json_to({"type": "auth", "token": secret})
        await strangers[0].send_json_to({"type": "watch", "id": "f", "topic": "fleet"})
        await strangers[0].next("watching")
        assert not await refused(headers(origin=None))
    assert not await refused(headers(origin=None))


@pytest.mark.usefixtures("server")
async def test_one_person_does_not_take_the_sockets_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limit, "PRINCIPAL_MAX", 2)
    _, vera = await browser()
    _, anna = await browser("anna", "admin")
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(opened(headers(vera)))
        async with opened(headers(vera)) as third:
            error = await third.next("error")
            assert (error["code"], "2 live pages" in error["message"]) == ("too_many", True)
            assert await third.closed() == connection.TOO_MANY
        await stack.enter_async_context(opened(headers(anna)))
    async with opened(headers(vera)) as again:
        await again.send_json_to({"type": "watch", "id": "f", "topic": "fleet"})
        await again.next("watching")


@pytest.mark.usefixtures("server")
async def test_one_token_does_not_take_the_sockets_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limit, "PRINCIPAL_MAX", 1)
    secret = await token()
    async with by_token(secret) as first:
        await first.send_json_to({"type": "watch", "id": "f", "topic": "fleet"})
        await first.next("watching")
        async with by_token(secret) as second:
            assert (await second.next("error"))["code"] == "too_many"
            assert await second.closed() == connection.TOO_MANY
        async with by_token(await token("admin")) as other:
            await other.send_json_to({"type": "watch", "id": "f", "topic": "fleet"})
            await other.next("watching")


@pytest.mark.usefixtures("server")
async def test_a_wrong_token_is_wrong_when_all_seats_of_strangers_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limit, "ANONYMOUS_MAX", 1)
    async with by_token("wrong") as socket:
        assert (await socket.next("error"))["code"] == "bad_token"
