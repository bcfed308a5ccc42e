"""A circuit breaker: a server that did not answer is left alone for a while."""

from __future__ import annotations

import time

from dashboard.streams.errors import StreamError, Unreachable
from dashboard.streams.links import deadlines


class Breaker:
    """Open for COOLDOWN seconds after a failure to answer: every caller gets the same Unreachable at once.

    `error` and `since` (epoch seconds) describe the outage, None while there is none. `generation` rises when what was
    known of the server may hold no longer: with an outage, and with a change of its role.
    """

    def __init__(self) -> None:
        self.error: Unreachable | None = None
        self.since: float | None = None
        self.generation = 0
        self._open_until = 0.0

    def check(self) -> None:
        """Raises Unreachable while it is open."""
        if self.error and time.monotonic() < self._open_until:
            raise Unreachable(self.error.message)

    def failed(self, error: StreamError) -> StreamError:
        """Take in why an exchange failed; the error itself, to be raised."""
        if isinstance(error, Unreachable):
            self.error, self._open_until = error, time.monotonic() + deadlines.COOLDOWN
            self.since = self.since or time.time()
            self.generation += 1
        return error

    def answered(self) -> None:
        """The server answered: the outage, if there was one, is over."""
        self.error = self.since = None

    def role_changed(self) -> None:
        """The server said something that only another role explains."""
        self.generation += 1
