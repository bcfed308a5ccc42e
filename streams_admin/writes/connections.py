"""Ending connections of our own on which a command may still be on its way."""

from __future__ import annotations

from dashboard.streams.links import ConnectionId, Server


def end_connection(server: Server, lost: ConnectionId | None) -> bool:
    """Returns once nothing that was sent on it and not carried out yet ever will be by this server (CLIENT KILL).

    False: by then another process of the server answers, which has no such connection. None: one that the server has
    not named. Raises NotAllowed or ServerRefused where it cannot be ended, another
    StreamError where the server did not answer.
    """
    return server.writer.end(lost)
