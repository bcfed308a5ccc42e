"""The principals the database knows: users and API tokens, with the grants they have now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.utils import timezone

from dashboard.accounts.permissions import ROLES, Grant
from dashboard.accounts.principals import ANONYMOUS, Principal
from dashboard.accounts.secrets import digest
from dashboard.models import AccessGrant, ApiToken

NOTE_USE_EVERY = timedelta(minutes=1)


def principal_for_user(user: Any) -> Principal:
    """Groups named like a role give it everywhere; rows of AccessGrant narrow more; a superuser is an admin."""
    if not user.is_authenticated or not user.is_active:
        return ANONYMOUS
    roles = {"admin"} if user.is_superuser else set(user.groups.values_list("name", flat=True)) & ROLES.keys()
    everywhere = [Grant(role) for role in sorted(roles)]
    narrowed = [Grant(g.role, g.server, tuple(g.keys)) for g in AccessGrant.objects.filter(user=user)]
    return Principal(user.get_username(), f"user:{user.pk}", (*everywhere, *narrowed))


def principal_for_token(text: str) -> Principal | None:
    """The token's principal; None when it does not exist, is revoked or has expired."""
    token = _live_tokens().filter(digest=digest(text)).first()
    if token is None:
        return None
    now = timezone.now()
    if token.last_used is None or now - token.last_used > NOTE_USE_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used=now)
    return _principal_of_token(token)


def principal_again(id_: str, name: str) -> Principal:
    """Who was known by this id, with the grants they have now; without any when they are no more.

    `name`: what they were called then, and are still shown as.
    """
    kind, _, pk = id_.partition(":")
    lookup = {"user": _user, "token": _token}.get(kind)
    found = lookup(pk) if lookup and pk else None
    return Principal(name, id_, found.grants if found else ())


def _token(pk: str) -> Principal | None:
    token = _live_tokens().filter(pk=pk).first()
    return _principal_of_token(token) if token else None


def _user(pk: str) -> Principal | None:
    user = get_user_model()._default_manager.filter(pk=pk).first()
    return principal_for_user(user) if user else None


def _live_tokens() -> QuerySet[ApiToken]:
    now = timezone.now()
    return ApiToken.objects.filter(Q(revoked=None) & (Q(expires=None) | Q(expires__gt=now)))


def _principal_of_token(token: ApiToken) -> Principal:
    return Principal(f"token {token.name}", f"token:{token.pk}", (Grant(token.role, token.server, tuple(token.keys)),))
