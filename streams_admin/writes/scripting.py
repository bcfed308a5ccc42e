"""Whether a server runs scripts for us: its ACL, or who operates it, may refuse them."""

from __future__ import annotations

from typing import Any

from dashboard.streams.errors import NotAllowed, ServerRefused
from dashboard.streams.links import Server


def runs_scripts(server: Server) -> bool:
    """Raises StreamError when it does not answer."""
    try:
        server.writer.call("EVAL", "return 1", 0)
    except (NotAllowed, ServerRefused):
        return False
    return True


class NoScripts(Exception):
    """The server runs no scripts at all: what a script was to do may be done in another way."""


def run_script(server: Server, script: str, keys: int, *argv: bytes | str | int) -> Any:
    """The reply of EVAL; `argv` begins with so many `keys`.

    Raises NoScripts, or StreamError: where others are run, the refusal of this one is final, and no weaker way follows.
    """
    try:
        return server.writer.call("EVAL", script, keys, *argv)
    except (NotAllowed, ServerRefused) as error:
        if runs_scripts(server):
            raise
        raise NoScripts from error
