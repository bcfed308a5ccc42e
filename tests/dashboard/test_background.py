"""Work beside the site: it ends when the process is to end, even if one cancellation got lost."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

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


async def test_the_first_failure_after_a_while_is_waited_for_as_briefly_as_any(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Six failures one after the other, an hour of work, and one more."""
    clock = [0.0]
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun == 7:
            clock[0] += 3600
        if begun < 8:
            raise RuntimeError

    monkeypatch.setattr(background, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(background, "FIRST_PAUSE", 0.001)
    await asyncio.wait_for(background._keep(work), 10)
    pauses = [record.args[1] for record in caplog.records if isinstance(record.args, tuple)]
    assert pauses == [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.001]
