"""What streams weigh, asked when a page is drawn."""

from __future__ import annotations

from dashboard.streams.errors import StreamError
from dashboard.streams.figures import Figure
from dashboard.streams.links import Server
from dashboard.streams.queries import MemoryQuery


def memory_of(server: Server, keys: tuple[bytes, ...]) -> dict[bytes, Figure]:
    """Bytes of each of these streams, one MEMORY USAGE each in one round trip; unknown with the reason."""
    try:
        return server.run(MemoryQuery(keys, server.capabilities())) if keys else {}
    except StreamError as error:
        return dict.fromkeys(keys, Figure(None, error.message))
