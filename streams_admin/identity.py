"""What a plan was made on: which server and which stream. Under the same names there may be others by now."""

from __future__ import annotations

from typing import Any

from dashboard.streams.errors import StreamError
from dashboard.streams.queries import Identity, IdentityQuery
from streams_admin import stored
from streams_admin.actions.context import Scope


class Replaced(StreamError):
    """Another server answers, or the stream is another one."""


def look(scope: Scope) -> Any:
    """As a plan keeps it. Raises StreamError."""
    return stored.dump(Identity, scope.server.run(IdentityQuery(scope.key)))


def replaced(scope: Scope, kept: Any) -> str:
    """Why it is not what `kept` says any more, "" while it is. Raises StreamError."""
    then = stored.load(Identity, kept or {})
    return then.replaced_by(scope.server.run(IdentityQuery(scope.key)))


def check(scope: Scope, kept: Any) -> None:
    """Raises Replaced; another StreamError when nobody answers."""
    why = replaced(scope, kept)
    if why:
        raise Replaced(why)
