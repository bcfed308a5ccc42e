"""How long the event loop is held is seen and counted."""

from __future__ import annotations

import asyncio
import contextlib
import time

from dashboard.metrics.loop import EVERY, LoopWatch


def counts(watch: LoopWatch) -> dict[str, float]:
    """How often it woke up at most so many seconds too late, and the sum of these seconds."""
    (family,) = watch.families()
    return {sample.labels.get("le", sample.name.rpartition("_")[2]): sample.value for sample in family.samples}


def test_each_bound_counts_what_took_no_longer() -> None:
    watch = LoopWatch()
    for late in (0.0, 0.01, 0.011, 0.3, 9.0):
        watch.note(late)
    found = counts(watch)
    assert [found[bound] for bound in ("0.002", "0.01", "0.025", "0.25", "0.5", "2.5", "+Inf")] == [1, 2, 3, 3, 4, 4, 5]
    assert (found["count"], round(found["sum"], 3)) == (5, 9.321)


async def test_work_that_holds_the_loop_is_seen() -> None:
    watch = LoopWatch()
    task = asyncio.create_task(watch.run())
    await asyncio.sleep(0)
    time.sleep(EVERY + 0.3)  # noqa: ASYNC251 - it is what is to be seen
    await asyncio.sleep(EVERY / 2)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert counts(watch)["sum"] >= 0.29
    assert counts(watch)["0.25"] == 0
