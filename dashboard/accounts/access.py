"""Who may see and do what: one question, `may()`, asked by views, API, sockets and actions alike. Deny by default."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from dashboard.config.masking import MaskRule
from dashboard.streams import links
from dashboard.streams.errors import UnknownServer


class Permission(StrEnum):
    """Everything that can be allowed. Reading first, then what an operator may do, then what only an admin may."""

    SEE = "see"
    READ_PAYLOAD = "read_payload"
    SEE_AUDIT = "see_audit"
    ACK = "ack"
    CLAIM = "claim"
    RELEASE = "release"
    DEAD_LETTER = "dead_letter"
    REPLAY = "replay"
    ADD = "add"
    DELETE = "delete"
    TRIM = "trim"
    GROUPS = "groups"
    CONSUMERS = "consumers"
    POLICIES = "policies"
    TOKENS = "tokens"


_VIEWER = frozenset({Permission.SEE, Permission.READ_PAYLOAD})
_OPERATOR = _VIEWER | {
    Permission.SEE_AUDIT,
    Permission.ACK,
    Permission.CLAIM,
    Permission.RELEASE,
    Permission.DEAD_LETTER,
    Permission.REPLAY,
    Permission.ADD,
}
ROLES: dict[str, frozenset[Permission]] = {
    "viewer": _VIEWER,
    "operator": _OPERATOR,
    "admin": frozenset(Permission),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, narrowed to servers (glob on the name) and key patterns (globs on the bytes of the key)."""

    role: str
    server: str = "*"
    keys: tuple[str, ...] = ("*",)

    def covers(self, permission: Permission, server: str | None, key: bytes | None) -> bool:
        """None asks about any server, or about the server as a whole (any key)."""
        if permission not in ROLES[self.role]:
            return False
        if server is not None and not fnmatchcase(server, self.server):
            return False
        return key is None or any(fnmatchcase(key, pattern.encode()) for pattern in self.keys)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks: a signed-in user or an API token. Without grants nothing is allowed."""

    name: str
    kind: str = "anonymous"
    grants: tuple[Grant, ...] = ()

    @property
    def role(self) -> str:
        """The highest role of any grant, for display and audit; never a basis for a decision."""
        return next((role for role in reversed(ROLES) if any(g.role == role for g in self.grants)), "none")


ANONYMOUS = Principal("anonymous")


class Forbidden(PermissionDenied):
    """The principal lacks a permission. `message` says which, where, in a sentence."""

    def __init__(self, permission: Permission, server: str | None = None) -> None:
        where = f" on {links.title_of(server)}" if server else ""
        self.permission = permission
        self.message = f"You need the permission “{permission}”{where} for this. An admin can grant it."
        super().__init__(self.message)


def may(principal: Principal, permission: Permission, server: str | None = None, key: bytes | None = None) -> bool:
    """Whether `principal` has `permission` on the stream `key` of `server`.

    Without a key: on at least one stream there; without a server: on any server. A key outside the server's own `keys`
    is looked at by nobody.
    """
    if key is not None and server is not None and not _looked_at(server, key):
        return False
    return any(grant.covers(permission, server, key) for grant in principal.grants)


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


@dataclass(frozen=True, slots=True)
class Mask:
    """Which fields of one stream policy hides. Asked wherever bytes become a value to show, filter or send."""

    fields: tuple[str, ...] = ()

    def hides(self, field: bytes) -> bool:
        """Also the whole of `card` when a part of it (`card.number`, `card.*`) is to be hidden: closed on doubt."""
        return any(
            fnmatchcase(field, pattern) or pattern.startswith(field + b".")
            for pattern in (text.encode() for text in self.fields)
        )


def mask(key: bytes) -> Mask:
    """The mask of a stream: all rules that match its key."""
    rules: tuple[MaskRule, ...] = settings.STREAMGAUGE_MASKING
    return Mask(tuple(f for rule in rules if fnmatchcase(key, rule.streams.encode()) for f in rule.fields))


def principal_for(user: Any) -> Principal:
    """A user of the site with the grants they have now."""
    from dashboard.accounts.principals import principal_for_user  # models are not there yet when this module is loaded

    return principal_for_user(user)


def principal_again(name: str, kind: str) -> Principal:
    """Somebody of whom only the name is left, with the grants they have now."""
    from dashboard.accounts import principals  # as above

    return principals.principal_again(name, kind)


def principal_of(request: HttpRequest) -> Principal:
    """Who asks: the token's principal when the API has set one, else the signed-in user's. Asked once per request."""
    known: Principal | None = getattr(request, "principal", None)
    if known is None:
        known = principal_for(request.user)
        request.principal = known  # type: ignore[attr-defined]
    return known


def client_address(request: HttpRequest) -> str:
    """Where the request comes from: the peer, or what the proxy in front says when one is configured."""
    if settings.BEHIND_PROXY:
        return str(request.headers.get("X-Real-IP", request.META.get("REMOTE_ADDR", "")))[:64]
    return str(request.META.get("REMOTE_ADDR", ""))
