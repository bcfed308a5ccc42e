"""From a signed-in user or a token to an Actor with grants."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from dashboard.access import ANONYMOUS, ROLES, Actor, Grant
from dashboard.models import AccessGrant, ApiToken

NOTE_USE_EVERY = timedelta(minutes=1)


def actor_for_user(user: Any) -> Actor:
    """Groups named like a role give it everywhere; rows of AccessGrant narrow more; a superuser is an admin."""
    if not user.is_authenticated or not user.is_active:
        return ANONYMOUS
    roles = {"admin"} if user.is_superuser else set(user.groups.values_list("name", flat=True)) & ROLES.keys()
    everywhere = [Grant(role) for role in sorted(roles)]
    narrowed = [Grant(g.role, g.server, tuple(g.keys)) for g in AccessGrant.objects.filter(user=user)]
    return Actor(user.get_username(), "user", (*everywhere, *narrowed))


def actor_for_token(text: str) -> Actor | None:
    """The token's actor; None when it does not exist, is revoked or has expired."""
    now = timezone.now()
    live = Q(revoked=None) & (Q(expires=None) | Q(expires__gt=now))
    token = ApiToken.objects.filter(live, digest=digest(text)).first()
    if token is None:
        return None
    if token.last_used is None or now - token.last_used > NOTE_USE_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used=now)
    return Actor(f"token {token.name}", "token", (Grant(token.role, token.server, tuple(token.keys)),))


def digest(secret: str) -> str:
    """What is kept of a random secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    """256 random bits, safe in a URL and a header."""
    return secrets.token_urlsafe(32)
