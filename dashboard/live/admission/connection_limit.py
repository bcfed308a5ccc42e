"""Who has a socket of this process open, and that nobody takes those of the others."""

from __future__ import annotations

from dashboard.accounts.principals import ANONYMOUS, Principal

PROCESS_MAX = 2000
"""Of one process."""
ANONYMOUS_MAX = 200
"""Of these, for who has not signed in yet: nobody from outside keeps the others away."""
PRINCIPAL_MAX = 50
"""Of these, for one person or one token."""


class ConnectionLimitReached(Exception):
    """No further connection is allowed. `message` is a sentence for whoever asked; strangers get no sentence."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConnectionLimit:
    """Open sockets, and whose they are. Of one event loop."""

    def __init__(self) -> None:
        self._owners: dict[object, str] = {}

    def acquire(self, socket: object, principal: Principal) -> None:
        """Count a socket as `principal`'s and nobody else's. Raises ConnectionLimitReached, changing nothing."""
        who = principal.id
        others = [whose for other, whose in self._owners.items() if other is not socket]
        if principal is ANONYMOUS and others.count(who) >= ANONYMOUS_MAX:
            raise ConnectionLimitReached("")
        if len(others) >= PROCESS_MAX:
            raise ConnectionLimitReached(
                "" if principal is ANONYMOUS else "Too many live connections; try again later."
            )
        if principal is not ANONYMOUS and others.count(who) >= PRINCIPAL_MAX:
            why = f"{principal.name} has {PRINCIPAL_MAX} live pages open. Close some of them."
            raise ConnectionLimitReached(why)
        self._owners[socket] = who

    def release(self, socket: object) -> None:
        """Idempotent."""
        self._owners.pop(socket, None)

    @property
    def people(self) -> int:
        """How many different people and tokens are connected."""
        return len(set(self._owners.values()))

    def __len__(self) -> int:
        return len(self._owners)
