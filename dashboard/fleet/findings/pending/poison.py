"""`poison`: entries delivered POISON_DELIVERIES times and never acknowledged.

Also with an idle time of a second, when a loop keeps claiming them. Needs the pending entries that were looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.display.format import number, plural
from dashboard.fleet.findings.model import Finding, GroupSeen
from dashboard.streams.names import plain


def poison(seen: GroupSeen) -> Iterator[Finding]:
    counted, first = seen.survey, seen.survey.first_poison
    yield from _fatal(seen)
    if first is None:
        return
    up_to = "" if counted.poison == 1 else "up to "
    yield seen.finding(
        "stuck",
        "poison",
        f"Delivered {up_to}{number(counted.most)} times, never acknowledged",
        detail=f"First: {first.id}, held by {plain(first.consumer) or 'nobody'}.",
        count=counted.poison,
        count_least=not counted.complete,
        oldest_ms=first.age_ms(seen.stream.now_ms),
        evidence={"deliveries": counted.most, "id": str(first.id)},
    )


def _fatal(seen: GroupSeen) -> Iterator[Finding]:
    """Given up for good by a consumer (XNACK FATAL): the delivery count is a verdict then, no number."""
    counted, first = seen.survey, seen.survey.first_fatal
    if first is None:
        return
    some = "At least " if not counted.complete else ""
    many = plural(counted.fatal, "entry was", "entries were")
    yield seen.finding(
        "stuck",
        "poison",
        f"{some}{many} marked fatal by a consumer",
        detail=f"First: {first.id}. Nobody processes it until it is claimed or removed.",
        count=counted.fatal,
        count_least=not counted.complete,
        oldest_ms=first.age_ms(seen.stream.now_ms),
        evidence={"fatal": True, "id": str(first.id)},
    )
