"""Home: what is stuck, since when, whose it is, and what can be done."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard import menus, params
from dashboard.access import Actor, Permission, actor_of, require, visible_servers
from dashboard.fleet.findings import WORDS
from dashboard.fleet.reading import Located, findings_for, visible
from dashboard.fleet.sampler import freshen
from dashboard.fleet.snapshot import ServerSnapshot, known_sum
from dashboard.format import age
from dashboard.menus import Item, Target
from dashboard.streams.servers import Server

ROWS = 100


@dataclass(frozen=True, slots=True)
class Row:
    """A finding as the table shows it."""

    located: Located
    step: Item | None
    trend: tuple[int | None, ...]

    @property
    def word(self) -> str:
        return WORDS[self.located.finding.kind]


@dataclass(frozen=True, slots=True)
class Totals:
    """All servers in one line. None: nothing known yet."""

    answering: int
    servers: int
    streams: int
    groups: int
    pending: int
    lag: int
    lag_unknown: int
    in_rate: float | None
    out_rate: float | None
    checked_ms: int | None


def attention(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    require(actor, Permission.SEE)
    server = params.text(request.GET, "server") or None
    kind = params.choice(request.GET, "kind", ["", *WORDS], "") or None
    severity = params.choice(request.GET, "severity", ["", "stuck", "late", "unknown"], "") or None
    watched = [(s, freshen(s)) for s in visible_servers(actor)]
    found = findings_for(actor, server=server, kind=kind)
    shown = [located for located in found if severity in (None, located.finding.severity)]
    context = {
        "rows": [_row(actor, located) for located in shown[:ROWS]],
        "left_out": max(0, len(shown) - ROWS),
        "counts": Counter(located.finding.severity for located in found),
        "found": len(found),
        "totals": _totals(actor, watched),
        "troubled": [(s, snapshot) for s, snapshot in watched if snapshot.error],
        "gaps": [(s, snapshot.gaps) for s, snapshot in watched if snapshot.gaps and not snapshot.error],
        "sure": all(snapshot.at and not snapshot.error and not snapshot.gaps for _, snapshot in watched),
        "waiting": [s for s, snapshot in watched if snapshot.at is None and not snapshot.error],
        "limits": _limits(),
        "servers": [s for s, _ in watched],
        "kinds": WORDS,
        "chosen": {"server": server, "kind": kind, "severity": severity},
        "server_time_ms": max((snapshot.now_ms for _, snapshot in watched), default=0),
    }
    return render(request, "dashboard/attention.html", context)


def _limits() -> str:
    late, stuck = age(settings.LATE_AFTER * 1000), age(settings.STUCK_AFTER * 1000)
    return (
        f"Pending without being touched for {late} is late (LATE_AFTER of the configuration), for {stuck} stuck "
        "(STUCK_AFTER)."
    )


def _row(actor: Actor, located: Located) -> Row:
    finding = located.finding
    target = Target(
        server=located.server.name,
        stream=finding.stream,
        group=finding.group,
        consumer=finding.consumer,
        kind=finding.kind,
    )
    steps = menus.items_for(actor, target)
    points = located.state.group_points.get(finding.group or b"", ())
    lagging = finding.kind in ("no_consumer", "falling_behind", "lag_unknown")
    trend = tuple(point.lag if lagging else point.pending for point in points[-60:])
    return Row(located, next((step for step in steps if step.primary), None), trend)


def _totals(actor: Actor, watched: list[tuple[Server, ServerSnapshot]]) -> Totals:
    states = [state for _, snapshot in watched for state in visible(actor, snapshot)]
    lags = [group.facts.lag.value for state in states for group in state.sample.groups]
    times = [snapshot.at for _, snapshot in watched if snapshot.at]
    return Totals(
        answering=sum(snapshot.at is not None and not snapshot.error for _, snapshot in watched),
        servers=len(watched),
        streams=len(states),
        groups=len(lags),
        pending=sum(state.pending for state in states),
        lag=sum(lag for lag in lags if lag is not None),
        lag_unknown=lags.count(None),
        in_rate=known_sum(state.in_rate for state in states),
        out_rate=known_sum(rate for state in states for rate in state.out_rates.values()),
        checked_ms=int(min(times) * 1000) if times else None,
    )
