"""Home: what is stuck, since when, whose it is, and what can be done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard import menus
from dashboard.accounts.access import may, require, visible_servers
from dashboard.accounts.authenticators import principal_of
from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from dashboard.config.active import configured
from dashboard.display.format import age, number
from dashboard.fleet.store import (
    WORDS,
    Located,
    Outage,
    ServerSnapshot,
    findings_for,
    freshen,
    outages_for,
    sums,
    unseen,
)
from dashboard.http import params
from dashboard.menus import Item, Target
from dashboard.streams.figures import Figure, Rate, combined, total
from dashboard.streams.links import Server
from dashboard.views.incidents.cleared import recently_cleared

ROWS = 100
UNREACHABLE = "unreachable"
"""The kind of finding that has rows of its own, which stand first whatever kind is chosen."""
KINDS = {kind: word for kind, word in WORDS.items() if kind != UNREACHABLE}
LAGGING = ("no_consumer", "falling_behind", "lag_unknown", "position_ahead", "position_lost", "will_lose")
"""Findings about what a group has not read; the others are about what it holds."""
SEVERITIES = ("", "stuck", "late", "unknown")


@dataclass(frozen=True, slots=True)
class Row:
    """A finding as the table shows it. `is_stale`: its server cannot be read, this is what it last was."""

    located: Located
    step: Item | None
    trend: tuple[float | None, ...]
    is_stale: bool
    may_mute: bool = False

    @property
    def word(self) -> str:
        return self.located.finding.label

    @property
    def group_is_gone(self) -> bool:
        """Whether there is no page of the group any more."""
        return self.located.finding.kind == "group_vanished"

    @property
    def stream_is_gone(self) -> bool:
        return self.group_is_gone and self.located.state is None


@dataclass(frozen=True, slots=True)
class Totals:
    """All servers in one line: sums that say what they do not cover."""

    answering: int
    servers: int
    streams: Figure
    groups: Figure
    pending: Figure
    lag: Figure
    in_rate: Rate
    out_rate: Rate
    checked_ms: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """The query string."""

    server: str
    kind: str
    severity: str
    start: int
    muted: bool
    """Only what is muted; else only what is not."""
    cleared: bool
    """Only what was cleared."""

    @classmethod
    def of(cls, query: params.Query) -> Asked:
        return cls(
            server=params.text(query, "server"),
            kind=params.choice(query, "kind", ["", *KINDS], ""),
            severity=params.choice(query, "severity", SEVERITIES, ""),
            start=params.whole(query, "start", 0),
            muted=params.flag(query, "muted"),
            cleared=params.flag(query, "cleared"),
        )

    def address(self, **changes: object) -> str:
        """The page's address with some parameters changed, from its first row unless one says otherwise."""
        chosen = {"server": self.server, "kind": self.kind, "severity": self.severity, "muted": int(self.muted) or ""}
        return params.address({**chosen, **changes})


def attention(request: HttpRequest) -> HttpResponse:
    principal = principal_of(request)
    require(principal, Permission.SEE)
    asked = Asked.of(request.GET)
    watched = [(s, freshen(s)) for s in visible_servers(principal)]
    outages = [outage for outage in outages_for(principal) if asked.server in ("", outage.server.name)]
    all_found = findings_for(principal, server=asked.server or None, kind=asked.kind or None)
    found = [located for located in all_found if located.finding.kind != UNREACHABLE]
    standing = _those(found, outages, muted=False)
    listed = _those(found, outages, muted=True) if asked.muted else standing
    unread = [(s, snapshot.unread) for s, snapshot in watched if snapshot.unread]
    counts = standing.counts
    context = {
        **_listed(principal, asked, listed, {outage.server.name for outage in outages}),
        "counts": counts,
        "found": counts.total(),
        "muted": _muted(found, outages),
        "cleared": recently_cleared(principal, asked.server, start=asked.start if asked.cleared else None),
        "severities": [_severity(asked, severity, listed.counts) for severity in SEVERITIES],
        "totals": _totals(principal, watched),
        "dark": bool(watched) and all(snapshot.error for _, snapshot in watched),
        "gaps": [(s, snapshot.gaps) for s, snapshot in watched if snapshot.gaps and not snapshot.error],
        "sure": not unread,
        "unread": unread,
        "empty": bool(watched) and not unread and not any(snapshot.streams for _, snapshot in watched),
        "waiting": [s for s, snapshot in watched if snapshot.at is None and not snapshot.error],
        "limits": _limits(),
        "servers": [s for s, _ in watched],
        "kinds": KINDS,
        "asked": asked,
        "server_time_ms": max((snapshot.present_ms for _, snapshot in watched), default=0),
    }
    return render(request, "streamgauge/attention.html", context)


@dataclass(frozen=True, slots=True)
class Those:
    """What is muted, or what is not."""

    found: Sequence[Located]
    outages: Sequence[Outage]

    @property
    def counts(self) -> Counter[str]:
        counts: Counter[str] = Counter(located.finding.severity for located in self.found)
        counts["stuck"] += len(self.outages)
        return counts


def _those(found: Sequence[Located], outages: Sequence[Outage], *, muted: bool) -> Those:
    return Those(
        [located for located in found if located.is_muted == muted],
        [outage for outage in outages if outage.located.is_muted == muted],
    )


def _muted(found: Sequence[Located], outages: Sequence[Outage]) -> dict[str, int]:
    """How many are muted, and when the next mute ends; {} when none is."""
    known = [located.incident for located in (*found, *(outage.located for outage in outages)) if located.is_muted]
    ends = [each.mute.until_ms for each in known if each and each.mute]
    return {"count": len(ends), "until_ms": min(ends)} if ends else {}


def _listed(principal: Principal, asked: Asked, those: Those, silent: Container[str]) -> dict[str, object]:
    """The rows of this page of the list. What cannot be read stands before all that can.

    `silent`: servers that cannot be read.
    """
    shown = [located for located in those.found if asked.severity in ("", located.finding.severity)]
    end = asked.start + ROWS
    return {
        "outages": those.outages if asked.severity in ("", "stuck") and not asked.start else [],
        "rows": [
            _row(principal, located, is_stale=located.server.name in silent) for located in shown[asked.start : end]
        ],
        "more": f"and {number(len(shown) - end)} more" if len(shown) > end else "",
        "older": asked.address(start=end) if len(shown) > end else "",
        "newer": asked.address(start=max(0, asked.start - ROWS) or "") if asked.start else "",
    }


def _severity(asked: Asked, severity: str, counts: Counter[str]) -> tuple[str, str, int, bool]:
    """Label, address and count of a filter, and whether it is the chosen one."""
    count = counts[severity] if severity else counts.total()
    return severity.capitalize() or "All", asked.address(severity=severity), count, severity == asked.severity


def _limits() -> str:
    late, stuck = age(configured().late_after * 1000), age(configured().stuck_after * 1000)
    return f"Late: pending and untouched for {late} (LATE_AFTER). Stuck: for {stuck} (STUCK_AFTER)."


def _row(principal: Principal, located: Located, *, is_stale: bool) -> Row:
    finding = located.finding
    may_mute = located.incident is not None and may(principal, Permission.MUTE, located.server.name, finding.stream)
    if finding.stream is None:
        return Row(located, None, (), is_stale, may_mute)
    target = Target(
        server=located.server.name,
        stream=finding.stream,
        group=finding.group,
        consumer=finding.consumer,
        kind=finding.kind,
    )
    step = next((step for step in menus.items_for(principal, target) if step.primary), None)
    return Row(located, step, _trend(located), is_stale, may_mute)


def _trend(located: Located) -> tuple[float | None, ...]:
    finding, state = located.finding, located.state
    if state is None or finding.group is None:
        return ()
    return state.lag_trend(finding.group) if finding.kind in LAGGING else state.pending_trend(finding.group)


def _totals(principal: Principal, watched: list[tuple[Server, ServerSnapshot]]) -> Totals:
    found = [sums(principal, snapshot) for _, snapshot in watched]
    times = [snapshot.at for _, snapshot in watched if snapshot.at]
    missing = [figure for _, snapshot in watched if (figure := unseen(snapshot))]
    return Totals(
        answering=sum(snapshot.at is not None and not snapshot.error for _, snapshot in watched),
        servers=len(watched),
        streams=total([*(Figure(one.streams) for one in found), *missing]),
        groups=total([*(Figure(one.groups) for one in found), *missing]),
        pending=total([*(one.pending for one in found), *missing]),
        lag=total([*(one.lag for one in found), *missing]),
        in_rate=_of_all(combined(one.in_rate for one in found if one.in_rate), missing),
        out_rate=_of_all(combined(one.out_rate for one in found if one.out_rate), missing),
        checked_ms=int(min(times) * 1000) if times else None,
    )


def _of_all(rate: Rate, missing: Sequence[Figure]) -> Rate:
    """What is not known of a server adds to its rate too."""
    return replace(rate, at_least=rate.at_least or bool(missing and rate.value is not None))
