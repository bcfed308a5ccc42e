"""What plans about pending entries say: counts, samples, warnings, and what each consumer gains or loses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from dashboard.display.format import age, number, plural
from dashboard.streams.names import plain, to_path
from streams_admin.actions.preview import Change, Note, Preview
from streams_admin.actions.reads.snapshots import Looked

SAMPLE = 5
CONSUMERS = 8
"""Consumers that a plan has a line for."""


def sample(looked: Looked) -> list[dict[str, Any]]:
    """The first few entries and the last, without payloads."""
    chosen = [*looked.entries[: SAMPLE - 1], *looked.entries[SAMPLE - 1 :][-1:]]
    return [
        {
            "id": str(e.id),
            "consumer": to_path(e.consumer),
            "idle_ms": e.idle_ms,
            "deliveries": e.deliveries,
            "body": e.body,
        }
        for e in chosen
    ]


def preview_of(
    looked: Looked,
    verb: str,
    sentence: str,
    *,
    notes: list[Note],
    changes: list[Change],
    redis_cli: list[str],
    about: str = "",
) -> Preview:
    """What a plan about pending entries shows: `verb` and how many stand in its title and on its button."""
    what = f"{verb} {entries_text(looked)}"
    return Preview(
        title=what + about,
        sentence=sentence,
        button=what,
        total=looked.total,
        least=looked.least,
        counts=counts_of(looked),
        notes=notes,
        changes=changes,
        sample=sample(looked),
        redis_cli=redis_cli,
    )


def ghost_note(looked: Looked, what_happens: str) -> list[Note]:
    if not looked.ghosts:
        return []
    of = "" if looked.bodies_looked >= looked.total else f" of the first {number(looked.bodies_looked)}"
    verb = "has" if looked.ghosts == 1 else "have"
    return [
        Note(
            "late",
            f"{number(looked.ghosts)}{of} {verb} deleted while pending",
            f"They no longer exist in the stream. {what_happens}",
        )
    ]


def busy_note(looked: Looked, limit_ms: int = 60_000) -> list[Note]:
    """A holder that is alive and was given something of this lately may still be working on it."""
    fresh = {e.consumer for e in looked.entries if 0 <= e.idle_ms < limit_ms}
    alive = [c for c in looked.overview.consumers if c.name in fresh and c.idle_ms < limit_ms]
    if not alive:
        return []
    several, read = len(alive) > 1, age(min(c.idle_ms for c in alive))
    who = plural(len(alive), "consumer") if several else plain(alive[0].name)
    subject = "The last of them" if several else "It"
    text = f"{subject} read {read} ago, and some of the entries were delivered less than a minute ago."
    return [Note("late", f"{who} may still be working on {'them' if several else 'it'}", text)]


def guard_note(looked: Looked) -> Note:
    idle = f", or idle for less than {age(looked.guard_ms)}," if looked.guard_ms >= 1000 else ""
    return Note(
        "",
        "Only entries unchanged since this plan are touched",
        f"Entries that were acknowledged, redelivered or claimed in the meantime{idle} are left alone and reported.",
    )


def counts_of(looked: Looked) -> dict[str, int | None]:
    return {
        "entries": looked.total,
        "no_body": looked.ghosts,
        "not_pending": len(looked.absent),
    }


def entries_text(looked: Looked) -> str:
    least = "at least " if looked.least else ""
    return f"{least}{plural(looked.total, 'entry', 'entries')}"


def owners(looked: Looked) -> dict[bytes, int]:
    """How many of the entries each consumer holds, as far as it is known."""
    return dict(looked.held) or Counter(entry.consumer for entry in looked.entries)


def per_consumer(looked: Looked, gain: Mapping[bytes, int]) -> list[Change]:
    """Pending per consumer before and after, when `gain` (negative: loss) happens; the last line is about all others.

    Who gains or loses has no figure after where only a part of the entries was looked at.
    """
    now = dict(looked.overview.pending.consumers)
    names = sorted(set(now) | set(gain), key=lambda n: (-abs(gain.get(n, 0)), -now.get(n, 0), n))
    found = [Change(plain(n) or "nobody", now.get(n, 0), _after(looked, now.get(n, 0), gain.get(n, 0))) for n in names]
    if len(found) <= CONSUMERS + 1:
        return found
    shown, rest = found[:CONSUMERS], found[CONSUMERS:]
    after = [change.after for change in rest]
    known = None if None in after else sum(count or 0 for count in after)
    return [*shown, Change(f"{number(len(rest))} more consumers", sum(change.now or 0 for change in rest), known)]


def _after(looked: Looked, now: int, gain: int) -> int | None:
    return now + gain if looked.all_known else None
