"""A group: where it stands, who reads in it, and what is pending, with payloads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard import filters, menus
from dashboard.config.active import configured
from dashboard.display.gauge import Gauge, gauge
from dashboard.display.rows import Sight, pending_row, sight
from dashboard.fleet.store import Finding, Judge, StreamState
from dashboard.http import params
from dashboard.http.converters import to_address
from dashboard.menus import Item, Target
from dashboard.streams.errors import Unreachable
from dashboard.streams.ids import MAX, MIN, StreamId
from dashboard.streams.queries import Both, GroupQuery, PendingQuery
from dashboard.streams.queries.sampling import GroupSample, StreamSample
from dashboard.streams.snapshots import (
    ConsumerFacts,
    GroupOverview,
    Page,
    PendingEntry,
    PendingSummary,
)
from dashboard.views.consumers import PAGE, Consumers, holders
from dashboard.views.watched import Watched, watched

LIMIT = 50
CHOICES = 100
"""Consumers in the filter of the pending list: those that hold most. The others are found in their own table."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters of the pending list, and where its page begins."""

    consumer: bytes | None
    min_idle: str
    min_idle_ms: int
    min_deliveries: int
    where: str
    after: StreamId | None
    find: str
    skip: int | None
    """Consumers before the page of their table; None: it shows only the first few."""

    @classmethod
    def of(cls, query: params.Query) -> Asked:
        return cls(
            consumer=params.name(query, "consumer"),
            min_idle=params.text(query, "min_idle"),
            min_idle_ms=params.duration_ms(query, "min_idle"),
            min_deliveries=params.whole(query, "min_deliveries", 0, most=10**9),
            where=params.text(query, "where", most=filters.MAX_LENGTH),
            after=params.entry_id(query, "after"),
            find=params.text(query, "find"),
            skip=params.whole(query, "skip", 0) if query.get("skip") else None,
        )

    @property
    def active(self) -> int:
        others = (self.consumer is not None, bool(self.min_idle_ms), self.min_deliveries > 1)
        return sum((*others, bool(self.where)))

    def address(self, **changes: object) -> str:
        values: dict[str, object] = {
            "consumer": None if self.consumer is None else to_address(self.consumer),
            "min_idle": self.min_idle,
            "min_deliveries": self.min_deliveries or None,
            "where": self.where,
            "find": self.find,
            "skip": self.skip,
            **changes,
        }
        return params.address(values)


def group(request: HttpRequest, server: str, stream: bytes, group: bytes) -> HttpResponse:
    here = watched(request, server, stream)
    asked = Asked.of(request.GET)
    state = here.state(stream)
    seen = sight(here.principal, here.server.name, stream)
    found = filters.parse(asked.where) if asked.where and seen.may_read else None
    trouble, overview, page = _read(here, _pending(stream, group, asked, found, seen), state)
    if found and not trouble:
        filters.check_times(found, asked.where, overview.stream)
    judge = Judge(here.server, overview, state)
    target = Target(here.server.name, stream, group)
    rows = Consumers(here.principal, target, judge, lambda consumer: asked.address(consumer=to_address(consumer)))
    consumers = rows.page(overview.consumers, asked.find, asked.skip)
    findings = [f for f in state.findings if f.group == group] if state else []
    context = {
        "server": here.server,
        "key": stream,
        "name": group,
        "overview": overview,
        "facts": overview.group,
        "oldest": overview.group.oldest_added(overview.now_ms),
        "oldest_at": overview.group.oldest.since_ms(overview.now_ms) if overview.group.oldest else None,
        "state": state,
        "in_rate": state.in_rate if state else None,
        "out_rate": state.out_rate(group) if state else None,
        "finding": findings[0] if findings else None,
        "word": findings[0].label if findings else "",
        "mute": here.mute(findings[0] if findings else None),
        "health": state.group_health(group) if state else "unknown",
        "trouble": trouble,
        "read_ms": here.snapshot.at_ms,
        "step": _step(here, target, findings),
        "menu": menus.items_for(here.principal, target),
        "bar": menus.items_for(here.principal, Target(here.server.name, stream, group, kind="selection")),
        "gauge": _gauge(overview, judge),
        "consumers": consumers,
        "consumers_newer": asked.address(skip=max(0, consumers.skip - PAGE)) if consumers.skip else "",
        "consumers_older": asked.address(skip=consumers.end) if consumers.end < consumers.found else "",
        "unfold": asked.address(skip=0),
        "choices": _to_choose_from(overview, asked),
        "asked": asked,
        "rows": tuple(pending_row(entry, seen) for entry in page.items) if page else (),
        "may_read": seen.may_read,
        "page": page,
        "stopped": seen.stopped(page) if page else "",
        "matching": _matching(overview, asked),
        "older": asked.address(after=page.next) if page and page.next else "",
        "first": asked.address() if asked.after else "",
        "late_ms": configured().late_after * 1000,
        "server_time_ms": here.snapshot.present_ms if trouble else overview.now_ms,
    }
    return render(request, "streamgauge/group.html", context)


def _read(
    here: Watched, pending: PendingQuery, state: StreamState | None
) -> tuple[str, GroupOverview, Page[PendingEntry] | None]:
    """Read now; when the server does not answer, the last known with the reason. Raises StreamError without any."""
    try:
        overview, page = here.read(Both(GroupQuery(pending.key, pending.group, here.server.capabilities()), pending))
        return "", overview, page
    except Unreachable as error:
        known = state.group(pending.group) if state else None
        if state is None or known is None:
            raise
        return error.message, _remembered(state.sample, known), None


def _remembered(sample: StreamSample, known: GroupSample) -> GroupOverview:
    oldest = known.looked[0] if known.looked else None
    until = known.facts.last_delivered_id if oldest else None
    summary = PendingSummary(known.facts.pending, oldest.id if oldest else None, until, ())
    facts = replace(known.facts, oldest=oldest)
    return GroupOverview(sample.facts, facts, known.consumers, summary, sample.now_ms)


def _pending(key: bytes, group: bytes, asked: Asked, found: filters.Filter | None, seen: Sight) -> PendingQuery:
    start, end = found.within(asked.after or MIN, MAX) if found else (asked.after or MIN, MAX)
    return PendingQuery(
        key,
        group,
        start=start,
        end=end,
        keep=partial(found.keeps, mask=seen.mask) if found else None,
        consumer=asked.consumer,
        min_idle_ms=asked.min_idle_ms,
        min_deliveries=asked.min_deliveries,
        limit=LIMIT,
    )


def _matching(overview: GroupOverview, asked: Asked) -> int | None:
    """How many pending entries match the filters; None where only looking at all of them would tell."""
    if asked.min_idle_ms or asked.min_deliveries > 1 or asked.where:
        return None
    if asked.consumer is None:
        return overview.pending.count
    return dict(overview.pending.consumers).get(asked.consumer, 0)


def _step(here: Watched, target: Target, findings: Sequence[Finding]) -> Item | None:
    """What the worst finding asks for."""
    if not findings:
        return None
    worst = findings[0]
    items = menus.items_for(
        here.principal, Target(target.server, target.stream, target.group, worst.consumer, kind=worst.kind)
    )
    return next((item for item in items if item.primary), None)


def _gauge(overview: GroupOverview, judge: Judge) -> Gauge | None:
    first = overview.stream.first_id
    return gauge(
        now_ms=overview.now_ms,
        first_ms=first.clock_ms if first else None,
        delivered_ms=overview.group.last_delivered_id.clock_ms,
        holders=tuple(holders(overview, judge)),
        lag=overview.group.lag,
    )


def _to_choose_from(overview: GroupOverview, asked: Asked) -> list[ConsumerFacts]:
    """The consumers that hold most, and the one that is asked for."""
    most = [facts for facts in overview.consumers if facts.pending][:CHOICES]
    return most + [facts for facts in overview.consumers if facts.name == asked.consumer and facts not in most]
