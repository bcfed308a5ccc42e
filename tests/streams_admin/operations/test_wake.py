"""The background takes an operation as soon as it is begun, and not when it happens to look again."""

from __future__ import annotations

import asyncio
import time

import pytest
from asgiref.sync import sync_to_async

from dashboard.live import hub
from streams_admin.operations import start

pytestmark = pytest.mark.asyncio
LONG = 30.0


async def test_the_background_looks_when_an_operation_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []
    monkeypatch.setattr(start, "LOOK_EVERY", LONG)
    monkeypatch.setattr(start, "work_once", lambda turn: looks.append(time.monotonic()))
    background = asyncio.create_task(start.run())
    await asyncio.sleep(0.3)
    assert len(looks) == 1
    await sync_to_async(hub.nudge, thread_sensitive=False)(hub.operation("any"))
    for _ in range(100):
        await asyncio.sleep(0.05)
        if len(looks) == 2:
            break
    background.cancel()
    assert len(looks) == 2


async def test_what_changed_while_it_looked_is_not_missed() -> None:
    hub.nudge(hub.operation("any"))
    hub.current()
    hub.nudge(hub.operation("any"))
    await asyncio.sleep(0)
    began = time.monotonic()
    await hub.current().operation_changed(LONG)
    await hub.current().operation_changed(0.01)
    assert time.monotonic() - began < LONG / 2


async def test_other_news_does_not_wake_it() -> None:
    hub.current()
    hub.nudge(hub.fleet())
    await asyncio.sleep(0)
    began = time.monotonic()
    await hub.current().operation_changed(0.2)
    assert time.monotonic() - began >= 0.19
