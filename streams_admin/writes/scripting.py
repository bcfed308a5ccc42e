"""Whether a server runs scripts for us: its ACL, or who operates it, may refuse them."""

from __future__ import annotations

from dashboard.streams.errors import NotAllowed, ServerRefused, StreamError
from dashboard.streams.links import Server


def runs_scripts(server: Server) -> bool:
    """Raises StreamError when it does not answer."""
    try:
        server.writer.call("EVAL", "return 1", 0)
    except (NotAllowed, ServerRefused):
        return False
    return True


def only_without_scripts(server: Server, error: StreamError) -> None:
    """Raises the refusal of a script that was run: only a server that runs none is to be asked in another way."""
    if runs_scripts(server):
        raise error
