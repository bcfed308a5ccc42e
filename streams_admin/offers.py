"""What may be done, as buttons on the pages for a stream, a group, a consumer or an entry, and as pages."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from django.urls import reverse

from dashboard.accounts.access import may
from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from dashboard.config.active import configured
from dashboard.http.converters import to_address
from dashboard.menus import Item, Target
from dashboard.streams import links
from dashboard.streams.names import from_path
from streams_admin.actions.base import AnyAction
from streams_admin.actions.registry import ALL
from streams_admin.models import Operation

NEXT_STEPS = {
    "stuck": ("claim", "Review & claim…"),
    "silent_consumer": ("claim", "Review & claim…"),
    "silent": ("claim", "Claim…"),
    "poison": ("dead_letter", "Dead-letter…"),
    "ghosts": ("ghosts", "Clean up…"),
    "gone": ("consumer_delete", "Remove…"),
}
"""What a finding, or the state of a consumer, asks for."""


def offers(principal: Principal, target: Target) -> Iterator[Item]:
    """The most specific part of the target decides. Nothing is offered that the principal may not do.

    On a server that is configured as read-only nobody may: its pages say so in their heads instead.
    """
    if target.kind == "selection":
        yield from _selection(principal, target)
    elif target.kind:
        yield from _next_step(principal, target)
    elif target.entry is not None:
        yield from _for(principal, target, "replay", "delete", id=str(target.entry))
    elif target.group is not None:
        yield from _for(principal, target, "claim", "ack", "release", "dead_letter", "ghosts", all="1")
        yield from _for(principal, target, "group_set_position", "consumer_create", "group_destroy")
    else:
        yield from _for(principal, target, "add", "replay", "trim", "group_create", "delete", "stream_delete")


def _selection(principal: Principal, target: Target) -> Iterator[Item]:
    for slug in ("ack", "release", "dead_letter", "claim"):
        yield from _item(principal, target, ALL[slug], {}, primary=slug == "claim")


def _next_step(principal: Principal, target: Target) -> Iterator[Item]:
    """By the kind of the target, about all that it is about."""
    if target.group is None:
        return
    query = {"group": to_address(target.group), **_which(target)}
    slug, label = NEXT_STEPS.get(target.kind, ("", ""))
    if slug and (slug != "consumer_delete" or target.consumer is not None):
        yield from _item(principal, target, ALL[slug], query, primary=True, label=label)


def _which(target: Target) -> dict[str, str]:
    """The one entry the target is, or the filters that say which ones it stands for."""
    if target.entry is not None:
        return {"id": str(target.entry)}
    query = {"all": "1"}
    if target.consumer is not None:
        query["consumer"] = to_address(target.consumer)
    if target.kind == "poison":
        query["min_deliveries"] = str(configured().poison_deliveries)
    return query


def _for(principal: Principal, target: Target, *slugs: str, **query: str) -> Iterator[Item]:
    if target.group is not None:
        query["group"] = to_address(target.group)
    for slug in slugs:
        yield from _item(principal, target, ALL[slug], query)


def _item(
    principal: Principal,
    target: Target,
    action: AnyAction,
    query: dict[str, str],
    *,
    primary: bool = False,
    label: str = "",
) -> Iterator[Item]:
    if not may(principal, action.permission, target.server, target.stream) or links.get(target.server).read_only_reason:
        return
    url = reverse("do", args=[target.server, target.stream, action.slug])
    yield Item(
        label=label or action.label,
        url=f"{url}?{urlencode(query)}" if query else url,
        slug=action.slug,
        danger=action.irreversible,
        primary=primary,
    )


def pages(principal: Principal) -> Iterator[Item]:
    """For the masthead."""
    if may(principal, Permission.SEE_AUDIT):
        running = _running(principal)
        yield Item(f"Operations: {running} running" if running else "Operations", reverse("operations"))
        yield Item("Audit", reverse("audit"))


def _running(principal: Principal) -> int:
    """How many operations run of which the principal may know. One query on an index, on every page."""
    found = Operation.objects.filter(state__in=Operation.GOING).values_list("plan__server", "plan__stream")
    return sum(may(principal, Permission.SEE_AUDIT, server, from_path(stream)) for server, stream in found)
