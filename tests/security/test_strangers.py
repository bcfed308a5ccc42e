"""Whoever has not signed in takes nothing from those who have."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from dashboard.asgi import application
from dashboard.live import consumers
from tests.dashboard.live.sockets import PATH, Socket, browser, headers, opened, token

pytestmark = pytest.mark.django_db(transaction=True)


async def refused(head: list[tuple[bytes, bytes]]) -> bool:
    socket = Socket(application, PATH, headers=head)
    answered, _ = await socket.connect()
    await socket.disconnect()
    return not answered


@pytest.mark.usefixtures("server")
async def test_strangers_do_not_take_the_sockets_of_those_who_are_signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "STRANGERS", 3)
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
