"""Who makes a request."""

from __future__ import annotations

from django.http import HttpRequest

from dashboard.accounts.directory import principal_for_user
from dashboard.accounts.principals import Principal


def principal_of(request: HttpRequest) -> Principal:
    """Who asks: the token's principal when the API has set one, else the signed-in user's. Asked once per request."""
    known: Principal | None = getattr(request, "principal", None)
    if known is None:
        known = principal_for_user(request.user)
        request.principal = known  # type: ignore[attr-defined]
    return known
