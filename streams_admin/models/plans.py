"""Plans of actions."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

from dashboard.accounts.principals import Principal


class Plan(models.Model):
    """A look at what an action would do, bound to who asked and to what was seen. Runs once, within two minutes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    who = models.CharField(max_length=200)
    who_id = models.CharField(max_length=100, help_text="the principal's id; `who` is the name it was shown by")
    server = models.CharField(max_length=64)
    stream = models.TextField(help_text="path name")
    action = models.CharField(max_length=32)
    params = models.JSONField()
    seen = models.JSONField(help_text="the state the plan was made on")
    identity = models.JSONField(default=dict, help_text="which server and which stream it was made on")
    preview = models.JSONField(help_text="what was shown: words and counts, no payloads")
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True, blank=True)
    file_until = models.DateTimeField(
        null=True, help_text="a file of its entries is being made, until then at most: it does not run before"
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["created"], condition=models.Q(used=None), name="streamgauge_plan_unused"),
        ]

    def __str__(self) -> str:
        return f"{self.action} on {self.stream}"

    def is_of(self, principal: Principal) -> bool:
        """Whether the principal made it. Nobody inherits by name: a principal without an id owns nothing."""
        return bool(principal.id) and self.who_id == principal.id
