"""Tokens of the API."""

from __future__ import annotations

from django.db import models

from dashboard.models.grants import Narrowed


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
