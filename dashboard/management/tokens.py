"""The tokens of the API, for commands."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.management.base import CommandError
from django.utils import timezone

from dashboard.models import ApiToken


def lines() -> Iterator[str]:
    """Name, role, server, keys and state of every token, separated by tabs."""
    for token in ApiToken.objects.order_by("name"):
        yield "\t".join([token.name, token.role, token.server, " ".join(token.keys), _state(token)])


def revoke(name: str) -> None:
    """It stops working at once. Raises CommandError when there is none to revoke."""
    if not ApiToken.objects.filter(name=name, revoked=None).update(revoked=timezone.now()):
        raise CommandError(f"There is no active token named {name!r}.")


def _state(token: ApiToken) -> str:
    if token.revoked:
        return "revoked"
    if token.expires and token.expires <= timezone.now():
        return "expired"
    used = f"last used {token.last_used or 'never'}"
    return f"{used}, expires {token.expires}" if token.expires else used
