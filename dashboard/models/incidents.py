"""Findings with a beginning and an end."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models


class Incident(models.Model):
    """A finding from when it was first found until it was not found any more. At most one of an identity is open.

    What it says (severity, message, detail, evidence, count) is as of its last change; `worst` the worst it ever was.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    server = models.CharField(max_length=64)
    identity = models.CharField(
        max_length=64, help_text="SHA-256 of kind, stream, group and consumer: names are longer than an index takes"
    )
    kind = models.CharField(max_length=32)
    stream = models.BinaryField(null=True)
    group = models.BinaryField(null=True)
    consumer = models.BinaryField(null=True)
    severity = models.CharField(max_length=8)
    worst = models.CharField(max_length=8)
    message = models.TextField()
    detail = models.TextField(default="", blank=True)
    evidence = models.JSONField(default=dict)
    count = models.BigIntegerField(null=True, help_text="entries that it is about")
    count_at_least = models.BooleanField(default=False)
    count_about = models.BooleanField(default=False)
    since_ms = models.BigIntegerField(help_text="since when it stands, by the clock of the server")
    times = models.PositiveIntegerField(default=1, help_text="how often it came: more than once if it went for minutes")
    opened_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True, blank=True)
    lasted_ms = models.BigIntegerField(null=True, blank=True, help_text="from its since until it was over")
    muted_until = models.DateTimeField(null=True, blank=True)
    muted_at = models.DateTimeField(null=True, blank=True)
    muted_by = models.CharField(max_length=200, default="", blank=True)
    mute_reason = models.TextField(default="", blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["server", "identity"],
                condition=models.Q(cleared_at__isnull=True),
                name="streamgauge_incident_open_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-cleared_at"], name="streamgauge_incident_cleared"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.server}"
