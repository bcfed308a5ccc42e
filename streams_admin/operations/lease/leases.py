"""Who runs an operation: a lease that is renewed while it runs, by the database's clock, and a number that grows with
each taker.

A save names the number it was taken with (`state.save`), so who was stopped for a while and taken over saves nothing
more, whatever any process's own clock says.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import F, Q
from django.db.models.functions import Now

from streams_admin.models import Operation
from streams_admin.operations.lease.here import Here

OLDEST = 5
"""Operations that are tried before somebody looks anew: another process may be faster each time."""


def here() -> Here:
    """Of this process."""
    config: Any = apps.get_app_config("streamgauge_admin")
    found: Here = config.here
    return found


def take(runner: str, orphaned: timedelta, but: Collection[UUID]) -> Operation | None:
    """The oldest operation that waits, or whose runner was not seen for `orphaned`; taken by one process only.

    `but`: none of these.
    """
    free = Q(state="queued") | Q(state="running", heartbeat_at__lt=Now() - orphaned)
    waiting = Operation.objects.filter(free).exclude(pk__in=list(but)).order_by("created").values_list("pk", "lease")
    for pk, lease in waiting[:OLDEST]:
        mine = Operation.objects.filter(free, pk=pk, lease=lease)
        if mine.update(state="running", runner=runner, lease=F("lease") + 1, heartbeat_at=Now()):
            return Operation.objects.select_related("plan").get(pk=pk)
    return None
