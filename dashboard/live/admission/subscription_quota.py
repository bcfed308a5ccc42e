"""How much is followed live at a time, and by whom: what is watched costs the server on every round, seen or not."""

from __future__ import annotations

from collections import Counter

from dashboard.live.topics import Topic

STREAMS = 200
"""Of one server. All of them have their turn in XREAD, and XINFO every few seconds, within a fraction of a second."""
EACH = 100
"""Streams that one person or one token follows, of whatever server: nobody takes the room of all others."""
Who = tuple[str, str]
Place = tuple[str, bytes]


class Busy(Exception):
    """There is no room for another stream. `message` is a sentence for whoever asked."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Room:
    """Which streams are followed, by their entries or by their groups. Of one event loop."""

    def __init__(self) -> None:
        self._followers: dict[Place, Counter[Who]] = {}

    def take(self, topic: Topic, who: Who) -> None:
        """One more watch. Raises Busy, and then nothing has changed. A topic without a stream needs no room."""
        place = (topic.server, topic.key)
        if not topic.server:
            return
        followers = self._followers.get(place, Counter())
        if not followers and sum(server == topic.server for server, _ in self._followers) >= STREAMS:
            raise Busy(f"{STREAMS} streams of this server are followed live already. Try again later.")
        if who not in followers and sum(who in others for others in self._followers.values()) >= EACH:
            raise Busy(f"You follow {EACH} streams live already. Close some of their pages.")
        followers[who] += 1
        self._followers[place] = followers

    def leave(self, topic: Topic, who: Who) -> None:
        """One watch less."""
        followers = self._followers.get((topic.server, topic.key))
        if not followers or who not in followers:
            return
        followers[who] -= 1
        if not followers[who]:
            del followers[who]
        if not followers:
            del self._followers[topic.server, topic.key]
