"""What was done on a stream just before something cleared there: a hint, for time alone proves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q
from django.urls import reverse

from dashboard.accounts.principals import Principal
from dashboard.menus import LastAction, Moment
from dashboard.streams.names import to_path
from streams_admin.models import Operation
from streams_admin.permissions import NOT_TOLD, hidden_target, said, visible

WITHIN = timedelta(minutes=2)
"""Of the moment: findings are looked for every few seconds, and on a large server more rarely."""
MOST = 500
"""Operations that are looked at."""


def last_actions(principal: Principal, moments: Sequence[Moment]) -> list[LastAction | None]:
    """For each moment the last operation that did something there, for who may know of it."""
    if not moments:
        return []
    there = Q()
    for target, at in moments:
        there |= Q(plan__server=target.server, plan__stream=to_path(target.stream), ended__range=(at - WITHIN, at))
    rows = Operation.objects.filter(there, done__gt=0).select_related("plan").defer("plan__seen").order_by("-ended")
    known = [row for row in rows[:MOST] if row.plan.is_of(principal) or visible(principal, row.plan)]
    return [next((_told(principal, row) for row in known if _is_of(row, moment)), None) for moment in moments]


def _is_of(row: Operation, moment: Moment) -> bool:
    """An operation on the stream as a whole is on each of its groups."""
    target, at = moment
    group = row.plan.params.get("group")
    here = row.plan.server == target.server and row.plan.stream == to_path(target.stream)
    same = group is None or target.group is None or group == to_path(target.group)
    return here and same and _ended(row, at)


def _ended(row: Operation, at: datetime) -> bool:
    return row.ended is not None and at - WITHIN <= row.ended <= at


def _told(principal: Principal, row: Operation) -> LastAction:
    title = said(row.plan.preview["title"], hidden_target(principal, row.plan), NOT_TOLD)
    return LastAction(row.plan.who, title, reverse("operation", args=[row.pk]))
