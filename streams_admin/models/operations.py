"""Plans that run or ran."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from streams_admin.models.plans import Plan

OTHERS = "pending with others"
"""The figure of the consumers that have none of their own."""


class Operation(models.Model):
    """A plan that runs or ran. `cursor` is where it goes on; `inflight` what was being done when it was last saved."""

    GOING = ("queued", "running")
    OVER = ("done", "cancelled", "failed")
    STATES = (*GOING, "paused", *OVER)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    plan = models.OneToOneField(Plan, on_delete=models.PROTECT, related_name="operation")
    state = models.CharField(max_length=16, default="queued")
    requested_state = models.CharField(
        max_length=16, default="", help_text="pause or cancel, applied between two batches"
    )
    reason = models.TextField(default="", blank=True)
    duty_cycle = models.PositiveSmallIntegerField(default=25, help_text="percent of the time it may spend in commands")
    total = models.BigIntegerField(null=True)
    done = models.BigIntegerField(default=0)
    results = models.JSONField(default=dict)
    entries = models.JSONField(default=list, help_text="[id, result] of the first thousand")
    cursor = models.JSONField(null=True)
    inflight = models.JSONField(null=True)
    unsettled = models.JSONField(
        default=list, help_text="work whose outcome is unknown, so that it can be checked again"
    )
    connections = models.JSONField(
        default=list, help_text="on which a command may still be on its way: ended before anything is called failed"
    )
    before = models.JSONField(default=list)
    after = models.JSONField(default=list)
    error = models.TextField(default="", blank=True)
    created = models.DateTimeField(auto_now_add=True)
    ended = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, help_text="when its runner was last seen, by the database's clock")
    lease = models.BigIntegerField(default=0, help_text="grows each time a process takes it")
    runner = models.CharField(max_length=64, default="", blank=True)
    span = models.UUIDField(null=True)
    key = models.CharField(max_length=128, null=True, blank=True, unique=True, help_text="who and Idempotency-Key")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["state", "created"], name="streamgauge_operation_state"),
            models.Index(fields=["-created"], name="streamgauge_operation_newest"),
        ]

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
