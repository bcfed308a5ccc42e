"""What acting leaves: plans, operations, and the audit log."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import models

from dashboard.accounts.principals import Principal

OTHERS = "pending with others"
"""The figure of the consumers that have none of their own."""


class Plan(models.Model):
    """A look at what an action would do, bound to who asked and to what was seen. Runs once, within two minutes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    who = models.CharField(max_length=200)
    who_kind = models.CharField(max_length=16)
    server = models.CharField(max_length=64)
    stream = models.TextField(help_text="path name")
    action = models.CharField(max_length=32)
    params = models.JSONField()
    seen = models.JSONField(help_text="the state the plan was made on")
    preview = models.JSONField(help_text="what was shown: words and counts, no payloads")
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.action} on {self.stream}"

    def is_of(self, principal: Principal) -> bool:
        """Whether the principal asked for it."""
        return (self.who, self.who_kind) == (principal.name, principal.kind)


class Operation(models.Model):
    """A plan that runs or ran. `cursor` is where it goes on; `inflight` what was being done when it was last saved."""

    GOING = ("queued", "running")
    OVER = ("done", "cancelled", "failed")
    STATES = (*GOING, "paused", *OVER)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    plan = models.OneToOneField(Plan, on_delete=models.PROTECT, related_name="operation")
    state = models.CharField(max_length=16, default="queued", db_index=True)
    wish = models.CharField(max_length=16, default="", help_text="pause or cancel, obeyed between two batches")
    reason = models.TextField(default="", blank=True)
    duty = models.PositiveSmallIntegerField(default=25, help_text="percent of the time it may spend in commands")
    total = models.BigIntegerField(null=True)
    done = models.BigIntegerField(default=0)
    results = models.JSONField(default=dict)
    entries = models.JSONField(default=list, help_text="[id, result] of the first thousand")
    cursor = models.JSONField(null=True)
    inflight = models.JSONField(null=True)
    before = models.JSONField(default=list)
    after = models.JSONField(default=list)
    error = models.TextField(default="", blank=True)
    created = models.DateTimeField(auto_now_add=True)
    ended = models.DateTimeField(null=True, blank=True)
    beat = models.DateTimeField(null=True, db_index=True, help_text="when its runner was last seen")
    runner = models.CharField(max_length=64, default="", blank=True)
    span = models.UUIDField(null=True)
    key = models.CharField(max_length=128, null=True, blank=True, unique=True, help_text="who and Idempotency-Key")

    # Of the process that runs it, not kept:
    spent = 0.0
    """Seconds spent in commands since it rested."""
    unsaved: Mapping[str, Any] = {}
    """Noted, and saved with the next batch."""
    nudged = 0.0
    """When who watches was told to look again, by the monotonic clock."""

    def __str__(self) -> str:
        return f"{self.plan}: {self.state}"

    @property
    def over(self) -> bool:
        return self.state in self.OVER

    @property
    def figures(self) -> list[tuple[str, int | None, int | None]]:
        """Label, before and after. One that is not there is 0, or among the OTHERS; before the end nothing is known."""
        before, after = dict(map(tuple, self.before)), dict(map(tuple, self.after))
        came = None if OTHERS in before else 0
        gone = None if OTHERS in after or not after else 0
        return [(label, before.get(label, came), after.get(label, gone)) for label in dict.fromkeys([*before, *after])]


class AuditEntry(models.Model):
    """One line of the audit log: appended, never changed. `hash` covers the line and `previous`, so lines form a chain.

    What was done is a span of two lines with the same `span`: started, then how it ended.
    """

    span = models.UUIDField(db_index=True)
    at = models.DateTimeField()
    who = models.CharField(max_length=200)
    who_kind = models.CharField(max_length=16)
    role = models.CharField(max_length=16)
    via = models.CharField(max_length=16)
    peer = models.CharField(max_length=64, default="", blank=True)
    claimed = models.CharField(max_length=200, default="", blank=True)
    server = models.CharField(max_length=64)
    stream = models.TextField()
    action = models.CharField(max_length=32)
    title = models.TextField(default="", blank=True)
    params = models.JSONField(default=dict)
    plan = models.UUIDField(null=True)
    operation = models.UUIDField(null=True)
    reason = models.TextField(default="", blank=True)
    outcome = models.CharField(max_length=16)
    detail = models.TextField(default="", blank=True)
    counts = models.JSONField(default=dict)
    previous = models.CharField(max_length=64, unique=True)
    hash = models.CharField(max_length=64, unique=True)

    def __str__(self) -> str:
        return f"{self.at:%F %T} {self.who} {self.action} {self.outcome}"
