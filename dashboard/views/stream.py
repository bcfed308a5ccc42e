"""A stream: its figures, its entries newest first, its groups, and what keeps it from being trimmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard import menus, params, where
from dashboard.fleet.findings import WORDS, Finding
from dashboard.fleet.snapshot import StreamState
from dashboard.menus import Target
from dashboard.names import to_path
from dashboard.rows import COLUMNS, EntryRow, Sight, entry_row, field_names, sight
from dashboard.streams.errors import Unreachable
from dashboard.streams.ids import MAX, MIN, StreamId
from dashboard.streams.queries import EntryRange, StreamQuery
from dashboard.streams.snapshots import Entry, GroupFacts, Page, StreamFacts, StreamOverview
from dashboard.views.watched import Watched, watched

LIMIT = 50
TABS = ("entries", "groups", "retention")
FORMS = ("tree", "raw", "hex")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries: `start` and `end` are inclusive bounds, `start` alone reads upwards from there."""

    tab: str
    start: StreamId | None
    end: StreamId | None
    at: str
    where: str
    opened: StreamId | None
    form: str
    columns: tuple[bytes, ...]

    @classmethod
    def of(cls, query: params.Query) -> Asked:
        at = params.position(query, "at", upper=True)
        return cls(
            tab=params.choice(query, "tab", TABS, "entries"),
            start=params.position(query, "start"),
            end=at or params.position(query, "end", upper=True),
            at=params.text(query, "at") if at else "",
            where=params.text(query, "where"),
            opened=params.entry_id(query, "open"),
            form=params.choice(query, "as", FORMS, "tree"),
            columns=params.names(query, "column"),
        )

    @property
    def is_head(self) -> bool:
        """The newest entries: the page that can be live."""
        return self.start is None and self.end is None

    def address(self, **changes: object) -> str:
        values: dict[str, object] = {
            "tab": "" if self.tab == "entries" else self.tab,
            "start": self.start,
            "end": self.end,
            "where": self.where,
            "column": [to_path(name) for name in self.columns],
            "open": self.opened,
            "as": "" if self.form == "tree" else self.form,
            **changes,
        }
        return params.address({name: str(v) if isinstance(v, StreamId) else v for name, v in values.items()})


@dataclass(frozen=True, slots=True)
class Entries:
    """A page of entries as the table shows it, newest first."""

    rows: tuple[EntryRow, ...]
    columns: tuple[bytes, ...]
    all_columns: tuple[bytes, ...]
    may_read: bool
    newer: str
    older: str
    stopped: str
    last_id: StreamId | None


def stream(request: HttpRequest, server: str, stream: bytes) -> HttpResponse:
    here = watched(request, server, stream)
    asked = Asked.of(request.GET)
    state = here.state(stream)
    trouble, overview = _overview(here, stream, state)
    entries = _entries(here, overview.facts, asked) if asked.tab == "entries" and not trouble else None
    context = {
        "server": here.server,
        "key": stream,
        "facts": overview.facts,
        "groups": [_group(g, overview, state) for g in overview.groups],
        "groups_cut": overview.groups_cut,
        "state": state,
        "in_rate": state.in_rate if state else None,
        "finding": state.findings[0] if state and state.findings else None,
        "word": WORDS[state.findings[0].kind] if state and state.findings else "",
        "trouble": trouble,
        "read_ms": here.snapshot.at_ms,
        "asked": asked,
        "tabs": _tabs(asked, overview.facts),
        "entries": entries,
        "forms": [(form.capitalize(), asked.address(**{"as": form}), form == asked.form) for form in FORMS],
        "live": asked.is_head and asked.tab == "entries" and not trouble,
        "menu": menus.items_for(here.actor, Target(here.server.name, stream)),
        "retention": retention(overview) if asked.tab == "retention" else None,
        "server_time_ms": overview.now_ms,
    }
    return render(request, "dashboard/stream.html", context)


def _overview(here: Watched, key: bytes, state: StreamState | None) -> tuple[str, StreamOverview]:
    """Read now; when the server does not answer, the last known with the reason. Raises StreamError without any."""
    try:
        return "", here.read(StreamQuery(key, here.server.capabilities(), memory=True))
    except Unreachable as error:
        if state is None:
            raise
        sample = state.sample
        return error.message, StreamOverview(sample.facts, tuple(g.facts for g in sample.groups), sample.now_ms)


def _entries(here: Watched, facts: StreamFacts, asked: Asked) -> Entries:
    seen = sight(here.actor, here.server.name, facts.key)
    page, upwards = _read(here, facts, asked, seen)
    items = tuple(reversed(page.items)) if upwards else page.items
    names = field_names(items) if seen.may_read else ()
    columns = tuple(n for n in asked.columns if n in names) or names[:COLUMNS]
    older, newer = _onward(page, items, asked, upwards)
    return Entries(
        rows=tuple(_row(entry, seen, columns, asked) for entry in items),
        columns=columns,
        all_columns=names,
        may_read=seen.may_read,
        newer=newer,
        older=older,
        stopped=page.stopped,
        last_id=facts.last_generated_id,
    )


def _row(entry: Entry, seen: Sight, columns: tuple[bytes, ...], asked: Asked) -> EntryRow:
    form = asked.form if entry.id == asked.opened else ""
    link = asked.address(open=None if form else entry.id) + f"#e-{entry.id}"
    return entry_row(entry, seen, columns, form=form, open_url=link)


def _read(here: Watched, facts: StreamFacts, asked: Asked, seen: Sight) -> tuple[Page[Entry], bool]:
    """The page, and whether it was read upwards (oldest first)."""
    upwards = asked.start is not None and asked.end is None
    filtered = where.parse(asked.where) if asked.where and seen.may_read else None
    query = EntryRange(
        facts.key,
        start=asked.start or MIN,
        end=asked.end or MAX,
        newest_first=not upwards,
        limit=LIMIT,
        keep=(lambda entry: filtered.keeps(entry, seen.mask)) if filtered else None,
        first=facts.first_id,
    )
    return here.server.run(query), upwards


def _onward(page: Page[Entry], items: Sequence[Entry], asked: Asked, upwards: bool) -> tuple[str, str]:
    """Addresses of the older and of the newer page, "" at an end."""
    plain = {"start": None, "end": None, "open": None, "as": None}
    ahead = asked.address(**{**plain, "start" if upwards else "end": page.next}) if page.next else ""
    if upwards:
        below = items[-1].id.prev() if items else asked.start
        return asked.address(**{**plain, "end": below}), ahead
    if asked.is_head:
        return ahead, ""
    above = items[0].id.next() if items else asked.end
    return ahead, asked.address(**{**plain, "start": above})


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group of the stream with its health and worst finding. `word`: what that is called, "" for as the health."""

    facts: GroupFacts
    oldest_ms: int | None
    health: str
    word: str
    finding: Finding | None


def _group(facts: GroupFacts, overview: StreamOverview, state: StreamState | None) -> GroupRow:
    finding = next((f for f in state.findings if f.group == facts.name), None) if state else None
    return GroupRow(
        facts=facts,
        oldest_ms=facts.oldest.age_ms(overview.now_ms) if facts.oldest else None,
        health=state.group_health(facts.name) if state else "unknown",
        word=WORDS[finding.kind] if finding else "" if state else "Not judged yet",
        finding=finding,
    )


def _tabs(asked: Asked, facts: StreamFacts) -> list[tuple[str, str, bool]]:
    labels = {"entries": "Entries", "groups": f"Groups {facts.groups}", "retention": "Retention"}
    plain = replace(asked, start=None, end=None, opened=None)
    return [(labels[t], plain.address(tab="" if t == "entries" else t), t == asked.tab) for t in TABS]


@dataclass(frozen=True, slots=True)
class Hold:
    """The oldest entry a group still needs: its oldest pending one, else the first it has not read."""

    group: GroupFacts
    needs: StreamId
    pending: bool


def retention(overview: StreamOverview) -> list[Hold]:
    """What each group still needs, the one that needs the oldest entry first: a trim up to there loses nothing."""
    return sorted((_hold(group) for group in overview.groups), key=lambda hold: hold.needs)


def _hold(group: GroupFacts) -> Hold:
    unread = group.last_delivered_id.next()
    if group.oldest and group.oldest.id < unread:
        return Hold(group, group.oldest.id, True)
    return Hold(group, unread, False)
