"""Whether a full server will refuse an action: foreseen in its plan, since the run would only fail."""

from __future__ import annotations

from dashboard.display.format import size
from dashboard.streams.errors import StreamError
from dashboard.streams.links import Server
from dashboard.streams.queries.server import ServerQuery
from streams_admin.actions.base import AnyAction
from streams_admin.actions.preview import Note

TITLE = "The server is out of memory and will refuse this"


def memory_notes(server: Server, action: AnyAction) -> list[Note]:
    """A warning where the server is at its maxmemory and evicts nothing; none where it does not say."""
    if not _needs_memory(server, action):
        return []
    try:
        figures = server.run(ServerQuery(("memory",)))
    except StreamError:
        return []
    if not figures.full:
        return []
    used = f"It uses {size(figures.memory_bytes)} of {size(figures.maxmemory_bytes)} and evicts nothing (noeviction)."
    return [Note("stuck", TITLE, f"{used} Acknowledging, claiming, trimming and deleting still work.")]


def _needs_memory(server: Server, action: AnyAction) -> bool:
    """Redis up to 6.2 refuses every XGROUP, even those that free memory."""
    if action.needs_memory:
        return True
    return server.capabilities().before_7 and action.slug.startswith(("group_", "consumer_"))
