"""What ack, claim and their like share: finding the pending entries meant, and leaving alone what changed meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dashboard.format import age, number, plural
from dashboard.names import plain, to_path
from dashboard.streams.errors import Gone, StreamError
from dashboard.streams.ids import StreamId
from dashboard.streams.queries import EntryRange, GroupQuery, PendingQuery, Query, Together
from dashboard.streams.replies import Reply, server_ms
from dashboard.streams.snapshots import GroupOverview, Page, PendingEntry
from streams_admin.actions.base import BATCH, Action, Ask, Batch, Change, Note, Params, Preview, Seen
from streams_admin.commands import Held
from streams_admin.errors import BadOrder, Changed
from streams_admin.which import IDS_MOST, Which, name

COUNT_UP_TO = 10_000
"""Entries a plan looks at to count what matches; more are "at least"."""
SAMPLE = 5
BODIES = 200
"""Entries a plan looks for the body of."""
BATCHES_BEFORE = 3
"""Batches that are looked through before anything is done: whether any entry is as it was."""
SLACK_MS = 3
"""Two readings of one delivery time differ by no more: clock and entries are read in one round trip."""
SLOW_MS = 10_000
"""What is set back by more was released."""


@dataclass(frozen=True)
class _Now(Query[int]):
    """The server's clock in milliseconds."""

    def build(self) -> Sequence[tuple[bytes | str | int, ...]]:
        return [("TIME",)]

    def parse(self, replies: Sequence[Reply]) -> int:
        return server_ms(replies[0])


@dataclass(frozen=True, slots=True)
class Looked:
    """What a plan saw of the entries it is about: counted at `overview.now_ms`, each of them read until `read_ms`.

    `forced`: entries that are not pending and will be, counted in `total`.
    """

    overview: GroupOverview
    entries: tuple[PendingEntry, ...]
    absent: tuple[StreamId, ...]
    total: int
    least: bool
    ghosts: int
    bodies_looked: int
    read_ms: int
    forced: tuple[StreamId, ...] = ()

    @property
    def guard_ms(self) -> int:
        """The least idle time among them: what is idle for less at the same moment was touched since."""
        return max(0, min((e.idle_ms for e in self.entries), default=0))


class PendingAction(Action):
    """An action on pending entries of one group."""

    about = "pending"

    def clean(self, raw: Mapping[str, Any]) -> Params:
        if raw.get("group") is None:
            raise BadOrder("group is missing: whose pending entries are meant.")
        group = name("group", raw["group"])
        return {"group": to_path(group), **self.which(raw), **self.options(raw)}

    def which(self, raw: Mapping[str, Any]) -> Params:
        """Checked parameters that say which entries."""
        return Which.parse(raw).to_json()

    def options(self, raw: Mapping[str, Any]) -> Params:
        """Checked parameters beside group and which."""
        return {}

    def look(self, ask: Ask) -> tuple[Preview, Seen]:
        looked = self.looked(ask)
        if not looked.total:
            raise Changed("Nothing that is pending matches: it was acknowledged or taken over meanwhile.")
        return self.preview(ask, looked), {**seen_of(ask, looked), **self.remember(ask, looked)}

    def looked(self, ask: Ask) -> Looked:
        return look_at(ask)

    def preview(self, ask: Ask, looked: Looked) -> Preview:
        raise NotImplementedError

    def remember(self, ask: Ask, looked: Looked) -> Seen:
        """What `changed` compares with, beside the entries."""
        return {}

    def changed(self, ask: Ask, seen: Seen) -> str:
        try:
            overview = overview_of(ask)
        except Gone:
            return "The stream or the group does not exist any more."
        if not overview.pending.count and not seen.get("forced"):
            return "Nothing is pending in the group any more."
        return self.still(ask, seen, overview) or self._any_left(ask, seen)

    def still(self, ask: Ask, seen: Seen, overview: GroupOverview) -> str:
        """As `changed`, for what a subclass depends on."""
        return ""

    def _any_left(self, ask: Ask, seen: Seen) -> str:
        """At least one of them is as it was; in a long list that shows only on the way."""
        cursor = None
        for _ in range(BATCHES_BEFORE):
            batch = self.batch(ask, seen, cursor)
            if batch.work:
                return ""
            if batch.last:
                return "None of the entries is as it was seen: acknowledged, delivered again or claimed meanwhile."
            cursor = batch.cursor
        return ""

    def batch(self, ask: Ask, seen: Seen, cursor: Any) -> Batch:
        return _named(ask, seen, cursor or 0) if "ids" in seen else _matching(ask, seen, cursor)

    def figures(self, ask: Ask) -> list[list[Any]]:
        overview = overview_of(ask)
        held = [[f"pending with {plain(n)}", count] for n, count in overview.pending.consumers[:12]]
        oldest = overview.group.oldest
        idle = [["oldest idle, s", max(0, oldest.idle_ms) // 1000]] if oldest else []
        return [["pending", overview.pending.count], *held, *idle]


def group_of(ask: Ask) -> bytes:
    return name("group", ask.params["group"])


def overview_of(ask: Ask) -> GroupOverview:
    return ask.server.run(GroupQuery(ask.key, group_of(ask), ask.server.capabilities()))


def look_at(ask: Ask) -> Looked:
    """The entries meant, counted up to COUNT_UP_TO, some looked at for their bodies."""
    which = Which.parse(ask.params)
    overview = overview_of(ask)
    entries, least, read_ms = _by_ids(ask, which.ids) if which.ids else _by_filter(ask, which)
    found = {entry.id for entry in entries}
    looked = _with_bodies(ask, entries[:BODIES])
    simple = not which.ids and which == Which(consumer=which.consumer)
    total = _held(overview, which.consumer) if simple and least else len(entries)
    return Looked(
        overview=overview,
        entries=(*looked, *entries[BODIES:]),
        absent=tuple(id_ for id_ in which.ids if id_ not in found),
        total=total if which.limit is None else min(total, which.limit),
        least=least and not simple,
        ghosts=sum(entry.body == "gone" for entry in looked),
        bodies_looked=len(looked),
        read_ms=read_ms,
    )


def _held(overview: GroupOverview, consumer: bytes | None) -> int:
    return overview.pending.count if consumer is None else dict(overview.pending.consumers).get(consumer, 0)


Listed = tuple[tuple[PendingEntry, ...], bool, int]
"""Entries, whether there may be more, and the server's clock just after the last of them was read."""


def _by_ids(ask: Ask, ids: Sequence[StreamId]) -> Listed:
    found: list[PendingEntry] = []
    read_ms = 0
    for at in range(0, len(ids), BATCH):
        *pages, read_ms = _together(ask, *_each(ask, ids[at : at + BATCH]), _Now())
        found.extend(entry for page in pages for entry in page.items)
    return tuple(found), False, read_ms


def read_pending(ask: Ask, ids: Sequence[StreamId]) -> list[PendingEntry]:
    """Those of `ids` that are pending in the group, as they are now: one XPENDING each, in one round trip."""
    return [entry for page in _together(ask, *_each(ask, ids)) for entry in page.items]


def _each(ask: Ask, ids: Sequence[StreamId]) -> list[PendingQuery]:
    group = group_of(ask)
    return [PendingQuery(ask.key, group, start=i, end=i, limit=1, bodies=False) for i in ids]


def _together(ask: Ask, *queries: Query[Any]) -> tuple[Any, ...]:
    """The answers, all in one round trip. Raises StreamError."""
    found = ask.server.run(Together(queries))
    for answer in found:
        if isinstance(answer, StreamError):
            raise answer
    return found


def _by_filter(ask: Ask, which: Which) -> Listed:
    """Matching entries up to COUNT_UP_TO looked at."""
    found: list[PendingEntry] = []
    start, looked = which.start, 0
    while looked < COUNT_UP_TO:
        page, read_ms = _together(ask, _page(ask, which, start), _Now())
        found.extend(page.items)
        looked += page.scanned
        if page.next is None or (which.limit is not None and len(found) >= which.limit):
            return tuple(found[: which.limit]), False, read_ms
        start = page.next
    return tuple(found), True, read_ms


def _page(ask: Ask, which: Which, start: StreamId) -> PendingQuery:
    return PendingQuery(
        ask.key,
        group_of(ask),
        start=start,
        end=which.end,
        consumer=which.consumer,
        min_idle_ms=which.min_idle_ms,
        min_deliveries=which.min_deliveries,
        limit=BATCH,
        bodies=False,
    )


def bodies_of(ask: Ask, ids: Sequence[StreamId]) -> list[bool]:
    """Whether each entry still has its body."""
    found = ask.server.run(Together(tuple(EntryRange(ask.key, i, i, limit=1) for i in ids))) if ids else ()
    return [not isinstance(page, Page) or bool(page.items) for page in found]


def _with_bodies(ask: Ask, entries: Sequence[PendingEntry]) -> list[PendingEntry]:
    there = bodies_of(ask, [entry.id for entry in entries])
    return [replace(entry, body="present" if known else "gone") for entry, known in zip(entries, there, strict=True)]


def seen_of(ask: Ask, looked: Looked) -> Seen:
    """The state as the plan keeps it: each entry's, or of long lists by what a match is known to be untouched since."""
    which = Which.parse(ask.params)
    if which.ids or (len(looked.entries) == looked.total <= IDS_MOST and not looked.least):
        return each_seen(looked)
    last = looked.overview.group.last_delivered_id
    highest = min(which.end, max([last, *(e.id for e in looked.entries[-1:])]))
    return {
        "at_ms": looked.overview.now_ms,
        "guard_ms": which.min_idle_ms,
        "end": str(highest),
        "limit": which.limit,
        "total": None if looked.least else looked.total,
    }


def each_seen(looked: Looked) -> Seen:
    """Each entry as it was: holder, delivery count, and when it was delivered."""
    rows = [[str(e.id), to_path(e.consumer), e.deliveries, _delivered_ms(e, looked.read_ms)] for e in looked.entries]
    return {"ids": rows, "absent": [str(i) for i in looked.absent]}


def _named(ask: Ask, seen: Seen, cursor: int) -> Batch:
    """The next named entries that are still as they were seen; the rest is settled with the reason."""
    part = seen["ids"][cursor : cursor + BATCH]
    ids = [StreamId.parse(row[0]) for row in part]
    now_ms, *pages = _together(ask, _Now(), *_each(ask, ids))
    present = {entry.id: entry for page in pages for entry in page.items}
    work: list[Any] = []
    settled: list[tuple[str, str]] = []
    for row, id_ in zip(part, ids, strict=True):
        entry = present.get(id_)
        if entry is None:
            settled.append((row[0], "already_acknowledged"))
        elif to_path(entry.consumer) != row[1] or entry.deliveries != row[2] or _touched(entry, now_ms, row[3]):
            settled.append((row[0], "owner_changed"))
        else:
            work.append(as_work(entry))
    if cursor == 0:
        settled.extend((text, "not_found") for text in seen["absent"])
    end = cursor + len(part)
    return Batch(work, end, settled, last=end >= len(seen["ids"]))


def _touched(entry: PendingEntry, now_ms: int, delivered_ms: int) -> bool:
    """A plan reads the clock after the entries and a run before them: a slow answer makes deliveries look earlier."""
    return not -SLOW_MS <= _delivered_ms(entry, now_ms) - delivered_ms <= SLACK_MS


def _delivered_ms(entry: PendingEntry, now_ms: int) -> int:
    """When it was last delivered, by the server's clock; 0 when it was released (XNACK) since."""
    return 0 if entry.idle_ms < 0 else now_ms - entry.idle_ms


def _matching(ask: Ask, seen: Seen, cursor: Any) -> Batch:
    """The next entries that match the filter and were not touched since the plan was made."""
    which = Which.parse(ask.params)
    start = StreamId.parse(cursor["at"]) if cursor else which.start
    taken = cursor["taken"] if cursor else 0
    since = max(0, ask.server.run(_Now()) - seen["at_ms"])
    bounded = replace(which, end=StreamId.parse(seen["end"]), min_idle_ms=max(0, seen["guard_ms"] + since - SLACK_MS))
    now_ms, page = _together(ask, _Now(), _page(ask, bounded, start))
    latest = seen["at_ms"] - seen["guard_ms"] + SLACK_MS
    room = None if seen["limit"] is None else max(0, seen["limit"] - taken)
    work = [as_work(entry) for entry in page.items if _delivered_ms(entry, now_ms) <= latest][:room]
    taken += len(work)
    last = page.next is None or (seen["limit"] is not None and taken >= seen["limit"])
    missing = max(0, seen["total"] - taken) if last and seen["total"] is not None else 0
    at = {"at": str(page.next or start), "taken": taken}
    return Batch(work, at, last=last, passed=Counter(not_found=missing))


def as_work(entry: PendingEntry) -> list[Any]:
    """A pending entry as a batch keeps it."""
    return [str(entry.id), to_path(entry.consumer), entry.deliveries, max(entry.idle_ms, 0)]


def still_holds(entry: PendingEntry, held: Held) -> bool:
    """Whether the same consumer has it, and it was not delivered again."""
    return (entry.consumer, entry.deliveries) == (held.consumer, held.deliveries)


def held(work: Iterable[Sequence[Any]]) -> list[Held]:
    return [Held(StreamId.parse(id_), name("consumer", who), count, idle) for id_, who, count, idle in work]


def why_not(ask: Ask, entries: Sequence[Held]) -> list[tuple[str, str]]:
    """What became of entries that were left alone: gone from the list (with or without a body), or touched."""
    if not entries:
        return []
    pending = {entry.id for entry in read_pending(ask, [e.id for e in entries])}
    absent = [e for e in entries if e.id not in pending]
    there = dict(zip([e.id for e in absent], bodies_of(ask, [e.id for e in absent]), strict=True))
    return [
        (str(e.id), "owner_changed" if e.id in pending else "already_acknowledged" if there[e.id] else "body_gone")
        for e in entries
    ]


def not_done(ask: Ask, entries: Sequence[Held]) -> list[tuple[str, str]]:
    """What became of work whose outcome was lost and that shows no sign of it: "failed" where it is as it was."""
    now = {entry.id: entry for entry in read_pending(ask, [e.id for e in entries])}
    same = [e for e in entries if e.id in now and still_holds(now[e.id], e)]
    return [*((str(e.id), "failed") for e in same), *why_not(ask, [e for e in entries if e not in same])]


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


def ghost_note(looked: Looked, what_happens: str) -> list[Note]:
    if not looked.ghosts:
        return []
    of = "" if looked.bodies_looked >= looked.total else f" of the first {number(looked.bodies_looked)}"
    verb = "has" if looked.ghosts == 1 else "have"
    return [
        Note("late", f"{number(looked.ghosts)}{of} {verb} no body", f"Trimmed or deleted while pending. {what_happens}")
    ]


def busy_note(looked: Looked, limit_ms: int = 60_000) -> list[Note]:
    """A holder that is alive and was given something of this lately may still be working on it."""
    fresh = {e.consumer for e in looked.entries if 0 <= e.idle_ms < limit_ms}
    alive = [c for c in looked.overview.consumers if c.name in fresh and c.idle_ms < limit_ms]
    if not alive:
        return []
    who = alive[0]
    title = (
        f"{plain(who.name)} may still be working on it"
        if len(alive) == 1
        else f"{len(alive)} consumers may still be working"
    )
    return [
        Note(
            "late",
            title,
            f"It read {age(who.idle_ms)} ago, and some of the entries were delivered less than a minute ago.",
        )
    ]


def guard_note(looked: Looked) -> Note:
    return Note(
        "",
        f"Only what is still idle for {age(looked.guard_ms)} and as it was seen is touched",
        "What was acknowledged, delivered again or taken over meanwhile stays as it is and is reported.",
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
    """How many of the entries each consumer holds, as far as they were looked at."""
    found: dict[bytes, int] = {}
    for entry in looked.entries:
        found[entry.consumer] = found.get(entry.consumer, 0) + 1
    return found


def per_consumer(looked: Looked, gain: Mapping[bytes, int]) -> list[Change]:
    """Pending per consumer before and after, when `gain` (negative: loss) happens."""
    now = dict(looked.overview.pending.consumers)
    names = sorted(set(now) | set(gain), key=lambda n: (-abs(gain.get(n, 0)), -now.get(n, 0), n))[:8]
    return [
        Change(plain(n) or "nobody", now.get(n, 0), None if looked.least else now.get(n, 0) + gain.get(n, 0))
        for n in names
    ]
