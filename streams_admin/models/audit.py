"""The lines of the audit log."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Substr

from dashboard.accounts.principals import kind_of

STREAM_START = 200
"""Characters of a path name that its index holds: PostgreSQL refuses index rows over 2,704 bytes."""


class AuditEntry(models.Model):
    """One line of the audit log: appended, never changed. `hash` covers the line and `previous`, so lines form a chain.

    What was done is a span of two lines with the same `span`: started, then how it ended.
    """

    span = models.UUIDField(db_index=True)
    at = models.DateTimeField(db_index=True)
    who = models.CharField(max_length=200)
    who_id = models.CharField(max_length=100)
    role = models.CharField(max_length=16)
    via = models.CharField(max_length=16)
    peer = models.CharField(max_length=64, default="", blank=True)
    claimed = models.CharField(max_length=200, default="", blank=True)
    server = models.CharField(max_length=64)
    stream = models.TextField()
    stream_start = models.GeneratedField(
        expression=Substr("stream", 1, STREAM_START),
        output_field=models.CharField(max_length=STREAM_START),
        db_persist=True,
    )
    action = models.CharField(max_length=32)
    title = models.TextField(default="", blank=True)
    params = models.JSONField(default=dict)
    plan = models.UUIDField(null=True)
    operation = models.UUIDField(null=True, db_index=True)
    reason = models.TextField(default="", blank=True)
    outcome = models.CharField(max_length=16)
    detail = models.TextField(default="", blank=True)
    counts = models.JSONField(default=dict)
    previous = models.CharField(max_length=64, unique=True)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        # Each filter of the audit page, newest first.
        indexes: ClassVar = [
            models.Index(fields=[name, "-id"], name=f"streamgauge_audit_{name}")
            for name in ("who", "action", "outcome", "server", "via", "stream_start")
        ]

    def __str__(self) -> str:
        return f"{self.at:%F %T} {self.who} {self.action} {self.outcome}"

    @property
    def who_kind(self) -> str:
        """`user` or `token`."""
        return kind_of(self.who_id)
