"""Per stream and group, under the names that redis_exporter has for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.metrics_core import Metric

from dashboard.fleet.metrics.families import Gauge
from dashboard.fleet.snapshots import ServerSnapshot, StreamState, oldest_of
from dashboard.streams.figures import Figure
from dashboard.streams.names import to_path
from dashboard.streams.queries.sampling import GroupSample

LONGEST_LABEL = 512
"""Bytes. A name may have 512 MB, and every scrape would carry it."""
STREAM = ("server", "stream")
GROUP = (*STREAM, "group")


def families(servers: Sequence[ServerSnapshot], most: int) -> Iterator[Metric]:
    numbers = _Numbers()
    for server in servers:
        numbers.take(server, most)
    yield from vars(numbers).values()


class _Numbers:
    """All families, in the order of their names here."""

    def __init__(self) -> None:
        self.length = Gauge("redis_stream_length", "Entries in the stream.", *STREAM)
        self.groups = Gauge("redis_stream_groups", "Groups of the stream.", *STREAM)
        self.consumers = Gauge("redis_stream_group_consumers", "Consumers of the group.", *GROUP)
        self.pending = Gauge("redis_stream_group_messages_pending", "Pending entries of the group.", *GROUP)
        self.lag = Gauge("redis_stream_group_lag", "Entries not delivered to the group, where that is known.", *GROUP)
        self.oldest = Gauge(
            "streamgauge_group_oldest_pending_seconds", "Since the oldest pending entry was added.", *GROUP
        )
        self.left_out = Gauge("streamgauge_left_out", "Streams and groups that have no numbers here.", "server", "what")

    def take(self, server: ServerSnapshot, most: int) -> None:
        room, rest = most, {"streams": 0, "groups": 0}
        for at, key in enumerate(sorted(server.streams)):
            state, name = server.streams[key], label(key)
            if at >= most or name is None:
                rest["streams"] += 1
                rest["groups"] += state.sample.facts.groups
                continue
            self._stream(server.name, name, state)
            named = ((label(group.facts.name), group) for group in state.sample.groups)
            taken = [(group_name, group) for group_name, group in named if group_name is not None][:room]
            room -= len(taken)
            rest["groups"] += state.sample.facts.groups - len(taken)
            for group_name, group in taken:
                self._group((server.name, name, group_name), group, server.now_ms)
        for what, count in rest.items():
            self.left_out.put((server.name, what), count)

    def _stream(self, server: str, name: str, state: StreamState) -> None:
        self.length.put((server, name), state.sample.facts.length)
        self.groups.put((server, name), state.sample.facts.groups)

    def _group(self, labels: tuple[str, str, str], group: GroupSample, now_ms: int) -> None:
        facts = group.facts
        self.consumers.put(labels, facts.consumers)
        self.pending.put(labels, facts.pending)
        self.lag.put(labels, facts.lag.value if facts.lag.exact else None)
        oldest = oldest_of(group, now_ms) if facts.pending else Figure(None)
        self.oldest.put(labels, None if oldest.value is None else oldest.value / 1000)


def label(name: bytes) -> str | None:
    """A name as a label: itself, or its path name where it is no text or has a tilde, so that no two are the same.

    None when it is too long for one.
    """
    if len(name) > LONGEST_LABEL:
        return None
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return to_path(name)
    return text if text and text.isprintable() and "~" not in text else to_path(name)
