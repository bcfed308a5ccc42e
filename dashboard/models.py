"""People of the site: narrowed grants, API tokens, one-time sign-in links, failed sign-ins."""

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


class ApiToken(Narrowed):
    """A token of the API. Only its SHA-256 is kept: it is 256 random bits, so no slow hash is needed."""

    name = models.CharField(max_length=64, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    created = models.DateTimeField(auto_now_add=True)
    last_used = models.DateTimeField(null=True, blank=True)
    expires = models.DateTimeField(null=True, blank=True)
    revoked = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class SignInLink(models.Model):
    """A link that signs one user in, once, until it expires."""

    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"link for {self.user}"


class FailedSignIn(models.Model):
    """Counted to slow down guessing; old rows are deleted as new ones come."""

    who = models.CharField(max_length=64, db_index=True)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.who
