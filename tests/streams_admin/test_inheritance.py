"""Who gets a name that somebody had before inherits nothing of theirs: no plan, operation, steering, or key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import redis
from django.contrib.auth.models import User
from django.utils import timezone

from dashboard.accounts.access import Forbidden, may
from dashboard.accounts.directory import principal_again, principal_for_user
from dashboard.accounts.permissions import Grant, Permission
from dashboard.accounts.principals import ANONYMOUS, Principal
from dashboard.models import AccessGrant, ApiToken
from dashboard.streams import links
from dashboard.streams.names import to_path
from streams_admin import permissions, plans
from streams_admin.audit import log
from streams_admin.audit.log import Caller, Line
from streams_admin.errors import Conflict, NoSuchPlan
from streams_admin.models import AuditEntry, Operation
from streams_admin.operations import start
from tests.dashboard.streams.seeding import KEY
from tests.streams_admin.acting import of_group, pending
from tests.streams_admin.dying import finish

pytestmark = pytest.mark.django_db


def a_user() -> Principal:
    """An operator named olga, the earlier one being deleted."""
    User.objects.filter(username="olga").delete()
    made = User.objects.create(username="olga")
    AccessGrant.objects.create(user=made, role="operator")
    return principal_for_user(made)


def a_token() -> Principal:
    """An operator's token named ci, the earlier one being deleted."""
    ApiToken.objects.filter(name="ci").delete()
    made = ApiToken.objects.create(name="ci", role="operator", digest=str(timezone.now()))
    return principal_again(f"token:{made.pk}", "token ci")


Make = Callable[[], Principal]
both = pytest.mark.parametrize("make", [a_user, a_token])


def begun(principal: Principal, *ids: str, key: str = "") -> Operation:
    caller = Caller(principal, "api")
    return start.begin(caller, plans.prepare(caller, links.get("default"), KEY, "ack", of_group(*ids)), key=key)


@both
def test_a_plan_stays_with_who_made_it(many: redis.Redis, make: Make) -> None:
    first = make()
    plan = plans.prepare(Caller(first, "api"), links.get("default"), KEY, "ack", of_group("1-0"))
    heir = make()
    assert (plan.is_of(first), plan.is_of(heir), plan.is_of(ANONYMOUS)) == (True, False, False)
    with pytest.raises(NoSuchPlan, match="someone else"):
        plans.find(plans.token(plan), heir)


@both
def test_an_operation_goes_on_for_nobody_of_the_same_name(many: redis.Redis, make: Make) -> None:
    """The one who began it is gone, and the one who has the name now may do it too; they never wanted it."""
    operation = begun(make())
    assert may(make(), Permission.ACK, "default", KEY)
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.done) == ("cancelled", 500)
    assert len(pending(many)) == 700


@both
def test_what_somebody_else_ran_is_seen_and_steered_only_by_right(many: redis.Redis, make: Make) -> None:
    operation = begun(make())
    heir = replace(make(), grants=(Grant("viewer"),))
    with pytest.raises(Forbidden):
        permissions.operation_for(heir, operation.pk)
    with pytest.raises(Forbidden):
        permissions.steered_by(heir, operation.pk)
    first = replace(heir, id=operation.plan.who_id)
    assert permissions.operation_for(first, operation.pk) == operation, "one's own is seen without more"


@both
def test_a_key_that_was_used_under_this_name_answers_nobody_else(many: redis.Redis, make: Make) -> None:
    first = make()
    operation = begun(first, "1-0", key="nightly")
    with pytest.raises(Conflict, match="used for another plan"):
        begun(first, "2-0", key="nightly")
    assert begun(make(), "3-0", key="nightly") != operation


@both
def test_the_log_tells_two_of_the_same_name_apart(many: redis.Redis, make: Make) -> None:
    before, after = make(), make()
    for principal in (before, after):
        log.write(Caller(principal, "api"), Line("default", to_path(KEY), "ack"))
    assert list(AuditEntry.objects.order_by("pk").values_list("who", "who_id")) == [
        (before.name, before.id),
        (before.name, after.id),
    ]
    assert list(log.broken()) == []


@both
def test_what_another_was_denied_counts_for_nobody_else(many: redis.Redis, make: Make) -> None:
    before = make()
    log.refuse(Caller(before, "api"), Line("default", to_path(KEY), "trim"), "denied", "needs trim")
    since = timezone.now() - timedelta(minutes=1)
    assert (log.denied_since(before, since), log.denied_since(make(), since)) == (1, 0)
