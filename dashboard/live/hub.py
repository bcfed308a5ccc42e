"""Brings readers and viewers together, in one process. The door for everybody who has news: `nudge`."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from weakref import WeakKeyDictionary, WeakValueDictionary

from prometheus_client.metrics_core import Metric

from dashboard.live.admission.connection_limit import PROCESS_MAX, ConnectionLimit
from dashboard.live.admission.rights import Rights
from dashboard.live.admission.subscription_quota import SubscriptionQuota, Who
from dashboard.live.feed import Feed, View
from dashboard.live.metrics import LiveFigures, families
from dashboard.live.news import Changed, Status
from dashboard.live.reader.groups import GroupWatch
from dashboard.live.reader.stream import StartAt, Stream
from dashboard.live.reader.tail import Tail
from dashboard.live.sending.delivery import Delivery
from dashboard.live.sending.flow_control import PERSON, Allowance
from dashboard.live.sending.outlet import PROTOCOL_IN_SCOPE
from dashboard.live.topics import Topic, entries, fleet, group, operation
from dashboard.streams import links
from dashboard.streams.links import Server

__all__ = [
    "PROCESS_MAX",
    "PROTOCOL_IN_SCOPE",
    "Hub",
    "StartAt",
    "close",
    "current",
    "entries",
    "fleet",
    "group",
    "metrics",
    "nudge",
    "on_nudge",
    "operation",
    "run",
]

log = logging.getLogger(__name__)

ShutdownHook = Callable[[], Awaitable[None]]


class Hub:
    """All feeds of one event loop. Not thread-safe, but for `nudge` of this module."""

    def __init__(self) -> None:
        self._feeds: dict[Topic, set[Feed]] = {}
        self._tails: dict[Server, Tail] = {}
        self._groups = GroupWatch(self._publish)
        self._shutdown_hooks: set[ShutdownHook] = set()
        self._quota = SubscriptionQuota()
        self._allowances: WeakValueDictionary[Who, Allowance] = WeakValueDictionary()
        self._operations = asyncio.Event()
        self.connections = ConnectionLimit()
        self.rights = Rights()
        self.delivery = Delivery()

    def subscribe(self, feed: Feed, start_at: StartAt | None = None) -> None:
        """From now on the feed gets the news of its topic. Raises UnknownServer or QuotaExceeded."""
        topic = feed.topic
        server = links.get(topic.server) if topic.server else None
        self._quota.acquire(topic, feed.who)
        if server and (status := self._follow(server, feed, start_at or StartAt())).state != "live":
            feed.notify(status)
        self._feeds.setdefault(topic, set()).add(feed)

    def unsubscribe(self, feed: Feed) -> None:
        """No news any more. Idempotent."""
        topic = feed.topic
        followers = self._feeds.get(topic, set())
        if feed in followers:
            followers.remove(feed)
            self._quota.release(topic, feed.who)
        for stream in self._streams(topic):
            stream.detach(feed)
        if not followers:
            self._feeds.pop(topic, None)
            self._groups.unwatch(topic)

    def review(self, feed: Feed, view: View) -> None:
        """The rights of whoever takes this feed have changed: from now on it sees the stream like that."""
        for stream in self._streams(feed.topic):
            stream.review(feed, view)

    def allowance(self, who: Who) -> Allowance:
        """What may be on its way to one person or token, over all sockets; keep it while one of them is open."""
        return self._allowances.setdefault(who, Allowance(PERSON))

    def changed(self, topic: Topic) -> None:
        if topic.kind == "operation":
            self._operations.set()
        self._publish(topic, Changed())

    async def operation_changed(self, within: float) -> None:
        """Until something about any operation has changed since the last call, `within` seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._operations.wait()
        self._operations.clear()

    def on_shutdown(self, hook: ShutdownHook) -> None:
        """Awaited when the process is told to stop."""
        self._shutdown_hooks.add(hook)

    def remove_shutdown_hook(self, hook: ShutdownHook) -> None:
        self._shutdown_hooks.discard(hook)

    @property
    def watched(self) -> frozenset[Topic]:
        """What anybody watches."""
        return frozenset(self._feeds)

    def figures(self) -> LiveFigures:
        """Its numbers now, from any thread."""
        watches: Counter[str] = Counter()
        for topic, feeds in list(self._feeds.items()):
            watches[topic.kind] += len(feeds)
        rests = {tail.server.name: tail.rest for tail in list(self._tails.values())}
        return LiveFigures(self.delivery.sockets, watches, rests, self.delivery.counters)

    async def close(self) -> None:
        """Close the sockets of all viewers."""
        await asyncio.gather(*(hook() for hook in tuple(self._shutdown_hooks)), return_exceptions=True)

    async def stop(self) -> None:
        """End the readers."""
        self.delivery.close()
        await asyncio.gather(self._groups.close(), *(tail.close() for tail in self._tails.values()))
        self._tails.clear()

    def _publish(self, topic: Topic, news: Changed | Status) -> None:
        for feed in self._feeds.get(topic, ()):
            feed.notify(news)

    def _follow(self, server: Server, feed: Feed, start_at: StartAt) -> Status:
        """Read what the feed is about; how that goes just now."""
        if feed.topic.kind == "entries":
            tail = self._tail(server)
            tail.stream(feed.topic.key).attach(feed, start_at)
            return tail.status
        self._groups.watch(server, feed.topic)
        return self._groups.status(server)

    def _streams(self, topic: Topic) -> list[Stream]:
        """What is read for a topic: one stream, or none."""
        tails = (tail for tail in self._tails.values() if topic.kind == "entries" and tail.server.name == topic.server)
        return [tail.streams[topic.key] for tail in tails if topic.key in tail.streams]

    def _tail(self, server: Server) -> Tail:
        if server not in self._tails:
            self._tails[server] = Tail(server, self.delivery.flush)
        return self._tails[server]


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()
_listeners: list[Callable[[Topic], None]] = []


def current() -> Hub:
    """The hub of the running loop."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())


def nudge(topic: Topic) -> None:
    """Something about `topic` changed: its viewers read it again. From any thread."""
    for loop, hub in list(_hubs.items()):
        if not loop.is_closed():
            loop.call_soon_threadsafe(hub.changed, topic)
    for listener in _listeners:
        listener(topic)


def on_nudge(listener: Callable[[Topic], None]) -> None:
    """Called at start-up: `listener` is called with every topic that is nudged, in the thread of who nudges."""
    if listener not in _listeners:
        _listeners.append(listener)


def metrics() -> Iterable[Metric]:
    """The numbers of all hubs of this process, from any thread."""
    return families([hub.figures() for hub in list(_hubs.values())])


async def run() -> None:
    """The background work: keeps the hub of this loop until cancelled, then ends its readers."""
    hub = current()
    try:
        await asyncio.Event().wait()
    finally:
        await hub.stop()


async def close() -> None:
    """The shutdown hook: every socket is closed, to be opened again later."""
    await current().close()
