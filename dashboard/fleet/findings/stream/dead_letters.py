"""`dead_letters`: a dead-letter stream has got entries within GONE_AFTER.

A dead-letter stream is one that is called so: a part of its name is dlq, dead, dead-letter(s) or deadletter(s). By the
time of its last entry, or where that is no time by what rounds saw.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dashboard.display.format import age, plural
from dashboard.fleet.findings.model import Finding, StreamSeen

NAME = re.compile(rb"(^|[^a-z0-9])(dlq|dead|dead[-_. ]?letters?)($|[^a-z0-9])", re.IGNORECASE)


def dead_letters(seen: StreamSeen) -> Iterator[Finding]:
    facts, moved = seen.stream.facts, seen.moved
    if not facts.length or facts.last_id is None or not NAME.search(facts.key):
        return
    added = facts.last_id.age_ms(seen.stream.now_ms)
    last = moved.grew_ms if added is None else added
    if last is None or last >= seen.limits.gone_ms:
        return
    yield seen.finding(
        "late",
        "dead_letters",
        f"{plural(facts.length, 'dead letter')}, the last one {age(last)} ago",
        detail="Entries that could not be processed are collected here.",
        count=facts.length,
        oldest_ms=last,
        evidence={"grown": moved.grown, "last_id": str(facts.last_id)},
    )
