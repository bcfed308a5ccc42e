"""One-time sign-in links, and a brake on guessing passwords."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unicodedata import normalize

from django.urls import reverse
from django.utils import timezone

from dashboard.models import FailedSignIn, SignInLink
from dashboard.people import digest, new_secret

LINK_LIVES = timedelta(minutes=10)
WINDOW = timedelta(minutes=5)
FAILURES = 10
"""Failed sign-ins for one name from one address, within WINDOW, after which it has to wait."""


def one_time_link(user: Any, base_url: str = "") -> str:
    """A link that signs `user` in once, within ten minutes."""
    secret = new_secret()
    SignInLink.objects.create(digest=digest(secret), user=user, expires=timezone.now() + LINK_LIVES)
    return base_url.rstrip("/") + reverse("sign-in", args=[secret])


def find(secret: str) -> SignInLink | None:
    """The link if it can still be used."""
    links = SignInLink.objects.select_related("user").filter(digest=digest(secret), used=None)
    return links.filter(expires__gt=timezone.now(), user__is_active=True).first()


def use(link: SignInLink) -> bool:
    """Use it up. False when somebody else was faster."""
    return SignInLink.objects.filter(pk=link.pk, used=None).update(used=timezone.now()) == 1


def must_wait(name: str, address: str) -> bool:
    """Whether too many tries failed lately."""
    since = timezone.now() - WINDOW
    return FailedSignIn.objects.filter(who=_who(name, address), at__gt=since).count() >= FAILURES


def failed(name: str, address: str) -> None:
    FailedSignIn.objects.filter(at__lt=timezone.now() - WINDOW).delete()
    FailedSignIn.objects.create(who=_who(name, address))


def _who(name: str, address: str) -> str:
    """The form reads many spellings as one name: blanks around it do not count, and letters are folded (NFKC)."""
    return digest(f"{address} {normalize('NFKC', name.strip()).strip().casefold()}")
