"""One entry: its payload, and where it is in every group."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard import menus
from dashboard.accounts.access import require
from dashboard.accounts.permissions import Permission
from dashboard.display.rows import FIELDS, Sight, dumps, sight
from dashboard.fleet.store import RANK, Standing, limits, standing
from dashboard.http import params
from dashboard.menus import Item, Target
from dashboard.streams.ids import StreamId
from dashboard.streams.payloads.limits import SHOW_BYTES
from dashboard.streams.queries import EntryQuery
from dashboard.streams.snapshots import Delivery, EntryWhereabouts, Fields
from dashboard.views.entries import FORMS
from dashboard.views.watched import Watched, watched


@dataclass(frozen=True, slots=True)
class Whereabout:
    """One group's row."""

    delivery: Delivery
    standing: Standing


def entry(request: HttpRequest, server: str, stream: bytes, entry: StreamId) -> HttpResponse:
    here = watched(request, server, stream)
    form = params.choice(request.GET, "as", FORMS, "tree")
    found = _found(here, stream, entry)
    seen = sight(here.principal, here.server.name, stream)
    fields = found.entry.fields if found.entry else ()
    whereabouts = _whereabouts(found)
    worst = min((row for row in whereabouts if row.standing.kind), key=_urgency, default=None)
    context = {
        "server": here.server,
        "key": stream,
        "id": entry,
        "found": found,
        "at_ms": entry.clock_ms,
        "may_read": seen.may_read,
        "detail": seen.full(fields) if form != "hex" else None,
        "size": seen.size(fields),
        "dumps": dumps(fields, seen) if form == "hex" else (),
        "downloads": _downloads(fields, seen) if seen.may_read else [],
        "form": form,
        "forms": [(f.capitalize(), params.address({"as": f}), f == form) for f in FORMS],
        "whereabouts": whereabouts,
        "pending": sum(d.state == "pending" for d in found.deliveries),
        "worst": worst,
        "step": _step(here, found, worst) if worst else None,
        "menu": menus.items_for(here.principal, Target(here.server.name, stream, entry=entry)),
        "server_time_ms": found.now_ms,
    }
    return render(request, "streamgauge/entry.html", context)


def _found(here: Watched, key: bytes, id_: StreamId) -> EntryWhereabouts:
    return here.read(EntryQuery(key, id_, here.server.capabilities()))


def _whereabouts(found: EntryWhereabouts) -> list[Whereabout]:
    age_ms, gone, allowed = found.id.age_ms(found.now_ms), found.entry is None, limits()
    return [Whereabout(d, standing(d, age_ms=age_ms, gone=gone, limits=allowed)) for d in found.deliveries]


def _urgency(row: Whereabout) -> tuple[int, int]:
    """Sorts what is worst first, then what lasts longest."""
    pending = row.delivery.pending
    return RANK[row.standing.severity], -pending.idle_ms if pending else 0


def _step(here: Watched, found: EntryWhereabouts, worst: Whereabout) -> Item | None:
    """What the worst of its states asks for, for this entry alone."""
    target = Target(here.server.name, found.stream.key, worst.delivery.group, entry=found.id, kind=worst.standing.kind)
    return next((item for item in menus.items_for(here.principal, target) if item.primary), None)


def _downloads(fields: Fields, seen: Sight) -> list[tuple[int, bytes, int]]:
    """Fields too large for the page: position, name, bytes."""
    large = [(at, name, len(value)) for at, (name, value) in enumerate(fields[:FIELDS]) if len(value) > SHOW_BYTES]
    return [row for row in large if not seen.mask.hides(row[1])]


def field(request: HttpRequest, server: str, stream: bytes, entry: StreamId, position: int) -> HttpResponse:
    """One field's value as it is, as a download that no browser interprets."""
    here = watched(request, server, stream)
    require(here.principal, Permission.READ_PAYLOAD, here.server.name, stream)
    found = _found(here, stream, entry).entry
    if found is None or position >= len(found.fields):
        raise Http404("The entry has no such field.")
    name, value = found.fields[position]
    if sight(here.principal, here.server.name, stream).mask.hides(name):
        raise Http404("This field is masked.")
    response = HttpResponse(value, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{entry}-{position}.bin"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
