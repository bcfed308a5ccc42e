"""How fast a counter moves."""

from __future__ import annotations

SAMPLES = 3
"""Samples that a smoothed rate is mostly made of: four fifths of it."""


def window_ms(sample_every: int) -> int:
    """About how long a time a rate is the mean of, when samples are so many seconds apart."""
    return SAMPLES * sample_every * 1000


def rate_of(before: int | None, now: int | None, elapsed_ms: int, last: float | None) -> float | None:
    """Per second, smoothed over a few samples; None until two samples are there, or where the server does not count."""
    if before is None or now is None or elapsed_ms <= 0 or now < before:
        return None
    current = (now - before) * 1000 / elapsed_ms
    return current if last is None else 0.6 * last + 0.4 * current


STILL = 0.0005
"""Entries per second below which a rate is none: pages would show 0 as well."""


def at_rest(last: float | None) -> float | None:
    """The smoothed rate of a counter that did not move since the last round."""
    if last is None:
        return None
    return 0.6 * last if 0.6 * last > STILL else 0.0
