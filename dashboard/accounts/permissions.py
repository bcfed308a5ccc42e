"""What can be allowed, which role allows what, and a role narrowed to servers and keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase


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
    MUTE = "mute"
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
    Permission.MUTE,
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
