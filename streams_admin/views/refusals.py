"""What a page for acting shows when an action is refused: why, and where to go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from dashboard.accounts.authenticators import principal_of
from streams_admin import plans
from streams_admin.errors import ActionError
from streams_admin.views.ways import place_of, seen_place

View = Callable[..., HttpResponseBase]
TITLES = {400: "Cannot be planned", 404: "Plan not found", 409: "Nothing was done", 410: "The plan has expired"}


def refusals(view: View) -> View:
    """A refusal is a page that says why, and that nothing was done."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except ActionError as refused:
            context = {"title": TITLES.get(refused.status, "Refused"), "text": refused.message}
            context |= _way_on(request, kwargs)
            return render(request, "streamgauge_admin/refused.html", context, status=refused.status)

    return guarded


def _way_on(request: HttpRequest, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the page was about, and the plan that can be made again; nothing where the asker may not know of it."""
    principal = principal_of(request)
    if "token" not in asked:
        return seen_place(principal, asked["server"], asked["stream"])
    try:
        found = plans.find(asked["token"], principal)
    except ActionError:
        return {}
    return {**place_of(found), "token": "" if found.used else asked["token"]}
