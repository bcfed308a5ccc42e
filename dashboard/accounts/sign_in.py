"""One-time sign-in links."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone

from dashboard.accounts.secrets import digest, new_secret
from dashboard.models import SignInLink

LINK_LIVES = timedelta(minutes=10)


def one_time_link(user: Any, base_url: str = "") -> str:
    """A link that signs `user` in once, within ten minutes."""
    secret = new_secret()
    SignInLink.objects.create(digest=digest(secret), user=user, expires=timezone.now() + LINK_LIVES)
    return base_url.rstrip("/") + reverse("sign-in", args=[secret])


def revoke_links(user: Any) -> None:
    """Links of `user` that were not used yet sign nobody in any more."""
    SignInLink.objects.filter(user=user, used=None).delete()


def find(secret: str) -> SignInLink | None:
    """The link if it can still be used."""
    links = SignInLink.objects.select_related("user").filter(digest=digest(secret), used=None)
    return links.filter(expires__gt=timezone.now(), user__is_active=True).first()


def use(link: SignInLink) -> bool:
    """Use it up. False when somebody else was faster."""
    return SignInLink.objects.filter(pk=link.pk, used=None).update(used=timezone.now()) == 1
