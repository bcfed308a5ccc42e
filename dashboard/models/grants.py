"""What users may do beyond the roles of their groups."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from dashboard.accounts.permissions import ROLES


def every_key() -> list[str]:
    return ["*"]


class Narrowed(models.Model):
    """A role on some servers and some keys. `server` is a glob on names, `keys` globs on the bytes of keys."""

    role = models.CharField(max_length=16, choices=[(role, role) for role in ROLES])
    server = models.CharField(max_length=64, default="*")
    keys = models.JSONField(default=every_key)

    class Meta:
        abstract = True


class AccessGrant(Narrowed):
    """What a user may do beyond the roles of their groups."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="grants")

    def __str__(self) -> str:
        return f"{self.user}: {self.role} on {self.server}"
