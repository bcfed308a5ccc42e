"""A brake on guessing passwords and sign-in links.

It slows down an address: for one name, and in all. Nobody is kept from their account by what a stranger does elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from unicodedata import normalize

from django.utils import timezone

from dashboard.accounts.secrets import digest
from dashboard.models import FailedSignIn

WINDOW = timedelta(minutes=5)
FAILURES = 10
"""Failed sign-ins for one name from one address, within WINDOW, after which it has to wait."""
FROM_ADDRESS = 100
"""The same for one address in all: names, and links that are none."""


Counted = Sequence[FailedSignIn]
"""What an attempt has counted, to be taken back when it was no failure."""


class MustWait(Exception):
    """Too many failed attempts lately. `seconds`: until the next one is looked at."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"wait {seconds} s")
        self.seconds = seconds


def attempt(address: str, name: str | None = None) -> Counted:
    """Count a try as failed before it is made, so that many at once are no way around; `succeeded` takes it back.

    `name`: None for a link. Raises MustWait, and then it is not to be made.
    """
    now = timezone.now()
    FailedSignIn.objects.filter(at__lt=now - WINDOW).delete()
    limits = {_where(address): FROM_ADDRESS} | ({} if name is None else {_who(name, address): FAILURES})
    counted = FailedSignIn.objects.bulk_create(FailedSignIn(who=who) for who in limits)
    waits = [_wait(who, most, now) for who, most in limits.items()]
    if any(waits):
        succeeded(counted)
        raise MustWait(max(waits))
    return counted


def succeeded(counted: Counted) -> None:
    """What `attempt` has counted was no failure, or was not made."""
    FailedSignIn.objects.filter(pk__in=[row.pk for row in counted]).delete()


def _wait(who: str, most: int, now: datetime) -> int:
    """Seconds until fewer than `most` are left within WINDOW, beside the one that was just counted."""
    over = FailedSignIn.objects.filter(who=who, at__gt=now - WINDOW).order_by("-at")[most : most + 1].first()
    return max(1, ceil((over.at + WINDOW - now).total_seconds())) if over else 0


def _where(address: str) -> str:
    """An IPv6 customer has 2^64 addresses: they count as one."""
    try:
        found = ip_address(address)
    except ValueError:
        return digest(f"from {address}")
    if isinstance(found, IPv6Address) and not found.ipv4_mapped:
        return digest(f"from {ip_network((found, 64), strict=False)}")
    return digest(f"from {getattr(found, 'ipv4_mapped', None) or found}")


def _who(name: str, address: str) -> str:
    """The form reads many spellings as one name: blanks around it do not count, and letters are folded (NFKC)."""
    return digest(f"{_where(address)} {normalize('NFKC', name.strip()).strip().casefold()}")
