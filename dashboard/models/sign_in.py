"""One-time links to sign in with, and failed attempts to sign in."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


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

    who = models.CharField(max_length=64, help_text="digest of an address, or of a name and an address")
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["who", "-at"], name="streamgauge_failed_sign_in_who")]

    def __str__(self) -> str:
        return self.who
