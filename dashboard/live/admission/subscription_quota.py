"""How much is followed live at a time, and by whom: what is watched costs the server on every round, seen or not."""

from __future__ import annotations

from collections import Counter

from dashboard.live.topics import Topic

STREAMS = 200
"""Of one server. All of them are read by XREAD, and XINFO every few seconds, within a fraction of a second."""
EACH = 100
"""Streams that one person or one token follows, of whatever server: nobody uses up what is there for all."""
Who = str
"""The id of a principal."""
Place = tuple[str, bytes]


class QuotaExceeded(Exception):
    """No further stream may be followed. `message` is a sentence for whoever asked."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class SubscriptionQuota:
    """Which streams are followed, by their entries or by their groups. Of one event loop."""

    def __init__(self) -> None:
        self._followers: dict[Place, Counter[Who]] = {}

    def acquire(self, topic: Topic, who: Who) -> None:
        """Count one more watch. Raises QuotaExceeded, changing nothing. A topic without a stream counts for nothing."""
        place = (topic.server, topic.key)
        if not topic.server:
            return
        followers = self._followers.get(place, Counter())
        if not followers and sum(server == topic.server for server, _ in self._followers) >= STREAMS:
            raise QuotaExceeded(f"{STREAMS} streams of this server are already followed live. Try again later.")
        if who not in followers and sum(who in others for others in self._followers.values()) >= EACH:
            raise QuotaExceeded(f"You already follow {EACH} streams live. Close some of their pages.")
        followers[who] += 1
        self._followers[place] = followers

    def release(self, topic: Topic, who: Who) -> None:
        """One watch less."""
        followers = self._followers.get((topic.server, topic.key))
        if not followers or who not in followers:
            return
        followers[who] -= 1
        if not followers[who]:
            del followers[who]
        if not followers:
            del self._followers[topic.server, topic.key]
