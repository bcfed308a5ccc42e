"""Work beside the site: it ends when the process is to end, even if one cancellation got lost."""

from __future__ import annotations

import asyncio

import pytest

from dashboard import background


async def test_a_loop_that_swallows_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `asyncio.wait_for` of Python 3.11 does when what it waits for ends at the same moment."""
    swallowed: list[bool] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.append(True)
        await asyncio.Event().wait()

    monkeypatch.setattr(background, "_work", [work])
    monkeypatch.setattr(background, "_shutdown_hooks", [])
    monkeypatch.setattr(background, "_stopping", False)
    background.start()
    await asyncio.sleep(0)
    await asyncio.wait_for(background.stop(), 5)
    assert (swallowed, background.running()) == ([True], False)
