"""File descriptors: as many as the connections that the site promises, where the system allows it."""

from __future__ import annotations

import resource
from contextlib import suppress

from dashboard.live.hub import PROCESS_MAX

OTHERS = 500
"""Requests being served, Redis, the database, files."""


def enough_for(idle_connections: int) -> str:
    """Raise the limit of this process to what all connections need; a sentence when the system allows fewer."""
    wanted = PROCESS_MAX + idle_connections + OTHERS
    allowed = _raised_to(wanted)
    if allowed >= wanted:
        return ""
    return f"This process may open {allowed:,} files (ulimit -n); for all the connections it accepts set {wanted:,}."


def _raised_to(wanted: int) -> int:
    """The limit, at least `wanted` if that is allowed. It is never lowered."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _is_less(soft, wanted):
        with suppress(ValueError, OSError):
            most = wanted if not _is_less(hard, wanted) else hard
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    now = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return now if _is_less(now, wanted) else max(now, wanted)


def _is_less(limit: int, wanted: int) -> bool:
    return limit != resource.RLIM_INFINITY and limit < wanted
