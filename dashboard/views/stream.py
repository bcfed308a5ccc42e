"""A stream: its figures, its entries newest first, its groups, and what keeps it from being trimmed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard import menus
from dashboard.display.format import number, plural
from dashboard.fleet.store import Finding, StreamState
from dashboard.http import params
from dashboard.menus import Target
from dashboard.streams.errors import Unreachable
from dashboard.streams.figures import Figure
from dashboard.streams.ids import StreamId, ahead_ms
from dashboard.streams.queries import DETAIL_MAX, StreamQuery
from dashboard.streams.snapshots import GroupFacts, StreamFacts, StreamOverview
from dashboard.views.entries import FORMS, TABS, Asked, entries_page
from dashboard.views.watched import Watched, watched

GROUPS = 50
"""Groups on a page of the tab of groups."""
PART = "Streamgauge-Part"
"""The header of a page that has the rest already: "facts" is all but the entries, "rows" a range of them alone."""


def stream(request: HttpRequest, server: str, stream: bytes) -> HttpResponse:
    here = watched(request, server, stream)
    asked = Asked.of(request.GET)
    state = here.state(stream)
    trouble, overview = _overview(here, stream, state, asked)
    part = request.headers.get(PART)
    with_entries = asked.tab == "entries" and not trouble and part != "facts"
    if with_entries:
        params.check_times(request.GET, ("at", "start", "end"), overview.facts)
    entries = entries_page(here, overview.facts, asked, exactly=part == "rows") if with_entries else None
    context = {
        "server": here.server,
        "key": stream,
        "facts": overview.facts,
        **_groups(overview, state, asked),
        "state": state,
        "in_rate": state.in_rate if state else None,
        "finding": state.findings[0] if state and state.findings else None,
        "word": state.findings[0].label if state and state.findings else "",
        "mute": here.mute(state.findings[0] if state and state.findings else None),
        "ahead_ms": ahead_ms(overview.facts.last_generated_id, overview.now_ms),
        "trouble": trouble,
        "read_ms": here.snapshot.at_ms,
        "asked": asked,
        "only_facts": part == "facts",
        "tabs": _tabs(asked, overview.facts),
        "entries": entries,
        "search_on": bool(entries and entries.stopped and entries.rest and asked.searches),
        "forms": [(form.capitalize(), asked.address(**{"as": form}), form == asked.form) for form in FORMS],
        "newest": asked.newest().address(),
        "live": asked.is_head and asked.tab == "entries" and not trouble,
        "menu": menus.items_for(here.principal, Target(here.server.name, stream)),
        **(_retention(overview) if asked.tab == "retention" else {}),
        "server_time_ms": here.snapshot.present_ms if trouble else overview.now_ms,
    }
    template = "streamgauge/stream/_rows.html" if entries and part == "rows" else "streamgauge/stream.html"
    return render(request, template, context)


def _overview(here: Watched, key: bytes, state: StreamState | None, asked: Asked) -> tuple[str, StreamOverview]:
    """Read now; when the server does not answer, the last known with the reason. Raises StreamError without any."""
    try:
        paged = asked.tab == "groups"
        query = StreamQuery(
            key,
            here.server.capabilities(),
            memory=True,
            oldest=asked.tab != "entries",
            skip=asked.skip if paged else 0,
            detail=GROUPS if paged else DETAIL_MAX,
        )
        return "", here.read(query)
    except Unreachable as error:
        if state is None:
            raise
        sample = state.sample
        groups = tuple(replace(g.facts, oldest=g.looked[0] if g.looked else None) for g in sample.groups)
        return error.message, StreamOverview(sample.facts, groups, sample.now_ms, sample.groups_cut)


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group of the stream with its health and worst finding.

    `oldest_at`: the moment from which the age of its oldest pending entry counts, in ms of the server's clock.
    `word`: what the finding is called, "" for as the health.
    """

    facts: GroupFacts
    oldest: Figure
    oldest_at: int | None
    health: str
    word: str
    finding: Finding | None


def _group(facts: GroupFacts, overview: StreamOverview, state: StreamState | None) -> GroupRow:
    finding = next((f for f in state.findings if f.group == facts.name), None) if state else None
    return GroupRow(
        facts=facts,
        oldest=facts.oldest_added(overview.now_ms),
        oldest_at=facts.oldest.since_ms(overview.now_ms) if facts.oldest else None,
        health=state.group_health(facts.name) if state else "unknown",
        word=finding.label if finding else "" if state else "Not checked yet",
        finding=finding,
    )


def _tabs(asked: Asked, facts: StreamFacts) -> list[tuple[str, str, bool]]:
    labels = {"entries": "Entries", "groups": f"Groups {facts.groups}", "retention": "Retention"}
    plain = asked.newest()
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


def _retention(overview: StreamOverview) -> dict[str, object]:
    """The rows of the tab, and why nothing can be promised where not every group was looked at."""
    holds = retention(overview)
    unread = plural(overview.unread, "group holds entries that were", "groups hold entries that were")
    unsure = f"{f'{unread} not looked at. ' if overview.unread else ''}{overview.left_out}".strip()
    return {
        "retention": holds[:DETAIL_MAX],
        "retention_cut": max(0, len(holds) - DETAIL_MAX),
        "retention_unsure": f"{unsure} A trim may take what is still needed." if unsure else "",
    }


def _groups(overview: StreamOverview, state: StreamState | None, asked: Asked) -> dict[str, object]:
    """The rows of the tab of groups, a page of them, and the way to the others."""
    if asked.tab != "groups":
        return {}
    end, count = asked.skip + GROUPS, len(overview.groups)
    return {
        "groups": [_group(g, overview, state) for g in overview.groups[asked.skip : end]],
        "groups_newer": asked.address(skip=max(0, asked.skip - GROUPS) or "") if asked.skip else "",
        "groups_older": asked.address(skip=end) if end < count else "",
        "groups_part": f"{number(asked.skip + 1)} to {number(min(end, count))} of {number(count)}, by name",
        "left_out": overview.left_out,
    }


def _hold(group: GroupFacts) -> Hold:
    unread = group.last_delivered_id.next()
    if group.oldest and group.oldest.id < unread:
        return Hold(group, group.oldest.id, True)
    return Hold(group, unread, False)
