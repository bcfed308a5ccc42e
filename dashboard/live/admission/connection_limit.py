"""Who has a socket of this process open, and that nobody takes those of the others."""

from __future__ import annotations

from dashboard.accounts.access import ANONYMOUS, Principal

SOCKETS = 2000
"""Of one process."""
STRANGERS = 200
"""Of these, for who has not signed in yet: nobody from outside keeps the others away."""
EACH = 50
"""Of these, for one person or one token."""


class Full(Exception):
    """There is no seat left. `message` is a sentence for whoever asked; strangers are told nothing."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Seats:
    """Open sockets, and whose they are. Of one event loop."""

    def __init__(self) -> None:
        self._whose: dict[object, tuple[str, str]] = {}

    def take(self, socket: object, principal: Principal) -> None:
        """A seat, or from now on the own one as somebody else. Raises Full, and then nothing has changed."""
        who = (principal.kind, principal.name)
        others = [whose for other, whose in self._whose.items() if other is not socket]
        if principal is ANONYMOUS and others.count(who) >= STRANGERS:
            raise Full("")
        if len(others) >= SOCKETS:
            raise Full("" if principal is ANONYMOUS else "There is no room for another live page.")
        if principal is not ANONYMOUS and others.count(who) >= EACH:
            raise Full(f"{principal.name} has {EACH} live pages open already. Close some of them.")
        self._whose[socket] = who

    def leave(self, socket: object) -> None:
        """Asked twice, it does nothing."""
        self._whose.pop(socket, None)

    def __len__(self) -> int:
        return len(self._whose)
