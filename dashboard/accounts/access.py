"""Who may see and do what: one question, `may()`, for views, API, sockets and actions alike. Deny by default."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied

from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from dashboard.streams import links
from dashboard.streams.errors import UnknownServer


class Forbidden(PermissionDenied):
    """The principal lacks a permission. `message` says which, where, in a sentence."""

    def __init__(self, permission: Permission, server: str | None = None) -> None:
        where = f" on {links.title_of(server)}" if server else ""
        self.permission = permission
        self.message = f"This needs the permission “{permission}”{where}. Ask an admin for it."
        super().__init__(self.message)


def may(principal: Principal, permission: Permission, server: str | None = None, key: bytes | None = None) -> bool:
    """Whether `principal` has `permission` on the stream `key` of `server`.

    Without a key: on at least one stream there; without a server: on any server. A key outside the server's own `keys`
    is looked at by nobody.
    """
    if key is not None and server is not None and not _looked_at(server, key):
        return False
    return any(grant.covers(permission, server, key) for grant in principal.grants)


def may_all(principal: Principal, permission: Permission, server: str) -> bool:
    """Whether `principal` surely has `permission` on every stream of `server`, so that none has to be asked about."""
    try:
        narrowed = bool(links.get(server).config.keys)
    except UnknownServer:
        return False
    grants = [grant for grant in principal.grants if "*" in grant.keys]
    return not narrowed and any(grant.covers(permission, server, None) for grant in grants)


def require(principal: Principal, permission: Permission, server: str | None = None, key: bytes | None = None) -> None:
    """Raises Forbidden."""
    if not may(principal, permission, server, key):
        raise Forbidden(permission, server)


def _looked_at(server: str, key: bytes) -> bool:
    try:
        return links.get(server).config.looks_at(key)
    except UnknownServer:
        return False


def server_for(principal: Principal, name: str) -> links.Server:
    """The server of that name. Raises UnknownServer, also for one on which the principal may see nothing.

    Who may see nothing anywhere gets no answer about names at all: Forbidden.
    """
    require(principal, Permission.SEE)
    if not may(principal, Permission.SEE, name):
        raise UnknownServer(name)
    return links.get(name)


def visible_servers(principal: Principal) -> list[links.Server]:
    """The servers on which the principal may see anything at all."""
    return [server for server in links.all() if may(principal, Permission.SEE, server.name)]
