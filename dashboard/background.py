"""Work that runs beside the site in the serving process: registered at start-up, begun by `serve`, supervised.

A loop that fails is logged and begun again, later each time until it has run for a while. On the way down every loop is
cancelled and awaited.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
STEADY_AFTER = 60.0
"""Seconds that work must have run for its next failure to count as the first one again."""
CANCEL_AGAIN_AFTER = 0.1

_work: list[Work] = []
_shutdown_hooks: list[Work] = []
_tasks: list[asyncio.Task[None]] = []
_stopping = False


def register(work: Work) -> None:
    """Called at start-up: `work` is to run for as long as the site is served."""
    if work not in _work:
        _work.append(work)


def on_shutdown(hook: Work) -> None:
    """Called at start-up: `hook` is awaited when the process is told to stop, before the work is cancelled."""
    if hook not in _shutdown_hooks:
        _shutdown_hooks.append(hook)


def start() -> None:
    """Begin everything that is registered, on the running loop."""
    global _stopping
    _stopping = False
    _tasks.extend(asyncio.create_task(_keep(work), name=_name(work)) for work in _work)


async def stop() -> None:
    """Run the shutdown hooks, cancel everything, and wait until it has ended."""
    drain()
    await asyncio.gather(*(hook() for hook in _shutdown_hooks), return_exceptions=True)
    tasks, _tasks[:] = list(_tasks), []
    await cancelled(*tasks)


async def cancelled(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks, again and again until all have ended, however.

    Once is not enough: a timeout that passes at the same moment, as those of redis-py, can swallow a cancellation.
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN_AFTER)
    await asyncio.gather(*tasks, return_exceptions=True)


def drain() -> None:
    """From now on `/readyz` says that this process takes no new work."""
    global _stopping
    _stopping = True


def stopping() -> bool:
    return _stopping


def running() -> bool:
    return bool(_tasks)


async def _keep(work: Work) -> None:
    pause = FIRST_PAUSE
    while True:
        began = time.monotonic()
        try:
            await work()
            return
        except Exception:
            if time.monotonic() - began >= STEADY_AFTER:
                pause = FIRST_PAUSE
            log.exception("%s failed; restarting in about %.0f s", _name(work), pause)
        await asyncio.sleep(pause * random.uniform(0.7, 1.3))
        pause = min(pause * 2, LONGEST_PAUSE)


def _name(work: Work) -> str:
    return f"{getattr(work, '__module__', '')}.{getattr(work, '__qualname__', work)}"
