"""How fast a counter moves."""

from __future__ import annotations


def rate_of(before: int | None, now: int | None, elapsed_ms: int, last: float | None) -> float | None:
    """Per second, smoothed over a few samples; None until two samples are there, or where the server does not count."""
    if before is None or now is None or elapsed_ms <= 0 or now < before:
        return None
    current = (now - before) * 1000 / elapsed_ms
    return current if last is None else 0.6 * last + 0.4 * current
