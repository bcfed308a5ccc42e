"""Where pages for acting lead: back to what a plan is about, and to planning it again."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from django.urls import reverse

from dashboard.accounts.access import may
from dashboard.accounts.permissions import Permission
from dashboard.accounts.principals import Principal
from dashboard.streams import links
from dashboard.streams.names import from_path
from streams_admin.actions import gate
from streams_admin.actions.context import Scope
from streams_admin.actions.registry import ALL
from streams_admin.models import Plan


def group_behind(found: Plan) -> bytes | None:
    """The group whose page is left and come back to; None where it is the stream's."""
    lasts = gate.resolve(found.action).back == "group"
    return from_path(found.params["group"]) if lasts and "group" in found.params else None


def place_of(found: Plan) -> dict[str, Any]:
    """What a plan is about, as templates link to it. Raises UnknownServer."""
    return {
        "server": links.get(found.server),
        "key": from_path(found.stream),
        "group": group_behind(found),
        "gone": gate.resolve(found.action).back == "server",
    }


def query_of(found: Plan) -> str:
    """What the address of a form says about the entries of the plan."""
    query = {"group": found.params["group"], "all": "1"} if "group" in found.params else {}
    query.update({"consumer": found.params["consumer"]} if "consumer" in found.params else {})
    address = _address({**query, **found.params.get("filter", {})})
    for id_ in found.params.get("ids", []):
        address.appendlist("id", id_)
        address.pop("all", None)
    return address.urlencode()


def form_again(found: Plan) -> str:
    """The form that the plan came from, about the same entries."""
    url = reverse("do", args=[found.server, from_path(found.stream), found.action])
    return f"{url}?{query_of(found)}"


def instead(ctx: Scope, slug: str, query: str, own: str) -> dict[str, str]:
    """A link to another action on the same entries, for who may use it. `query`: of the address that names them.

    `own`: the action that it is instead of; there it leads back.
    """
    if not slug or not may(ctx.principal, ALL[slug].permission, ctx.server.name, ctx.key):
        return {"href": "", "link": ""}
    url = reverse("do", args=[ctx.server.name, ctx.key, slug])
    link = "Back to the form" if slug == own else f"{ALL[slug].label.removesuffix('…')} instead"
    return {"href": f"{url}?{query}", "link": link}


def seen_place(principal: Principal, server: str, key: bytes) -> dict[str, Any]:
    """A stream as templates link to it; nothing where the principal may not see it. Raises UnknownServer."""
    allowed = may(principal, Permission.SEE, server, key)
    return {"server": links.get(server), "key": key, "group": None} if allowed else {}


def _address(chosen: dict[str, Any]) -> QueryDict:
    address = QueryDict(mutable=True)
    for key, value in chosen.items():
        address[key] = str(value)
    return address
