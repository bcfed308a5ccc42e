"""Killed between saving what is about to be done and doing it: who resumes it obeys first.

What was cancelled, paused or forbidden meanwhile is not done, though it was about to be.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from django.contrib.auth.models import User

from dashboard.streams import links
from dashboard.streams.links import Server, ServerConfig
from streams_admin.models import AuditEntry, Operation
from streams_admin.operations import start
from tests.dashboard.streams.seeding import KEY, fill
from tests.streams_admin.acting import planned
from tests.streams_admin.dying import finish, run_until_killed

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

COUNT, BATCH = 1_600, 500


@pytest.fixture
def killed(real_database: Path, server: Server, redis_client: redis.Redis, redis_url: str) -> Operation:
    """A deletion of COUNT entries, killed when its second batch was saved, not sent. The first took five commands."""
    fill(redis_client, COUNT)
    run_until_killed(planned("delete", {"filter": {}}), real_database, redis_url, writes=6, before=True)
    operation = Operation.objects.get()
    assert (operation.state, operation.done, redis_client.xlen(KEY)) == ("running", BATCH, COUNT - BATCH)
    assert operation.inflight is not None
    return operation


def cancel(operation: Operation) -> None:
    start.request_state(operation, "cancel")


def disable(operation: Operation) -> None:
    User.objects.filter(username=operation.plan.who).update(is_active=False)


def make_read_only(operation: Operation) -> None:
    config = links.get("default").config
    links.configure([ServerConfig("default", config.url, read_only=True)])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (cancel, ""),
        (disable, "anna no longer has the permission for this."),
        (make_read_only, "default is configured as read-only."),
    ],
)
def test_what_was_forbidden_meanwhile_is_not_done(
    killed: Operation, redis_client: redis.Redis, change: Callable[[Operation], None], why: str
) -> None:
    change(killed)
    finish()
    killed.refresh_from_db()
    assert (killed.state, killed.error, killed.results) == ("cancelled", why, {"done": BATCH})
    assert redis_client.xlen(KEY) == COUNT - BATCH, "nothing more was deleted"
    assert list(AuditEntry.objects.order_by("pk").values_list("outcome", flat=True)) == ["started", "partly_done"]


def test_paused_meanwhile_it_waits_and_goes_on_when_it_is_resumed(killed: Operation, redis_client: redis.Redis) -> None:
    start.request_state(killed, "pause")
    finish()
    killed.refresh_from_db()
    assert (killed.state, redis_client.xlen(KEY)) == ("paused", COUNT - BATCH)
    start.request_state(killed, "resume")
    finish()
    killed.refresh_from_db()
    assert (killed.state, killed.results, redis_client.xlen(KEY)) == ("done", {"done": COUNT}, 0)


def test_what_a_killed_batch_had_done_is_counted_though_it_was_cancelled(
    killed: Operation, redis_client: redis.Redis
) -> None:
    """Somebody, or the dead process's last bytes, deleted 30 of them."""
    work = (killed.inflight or {})["work"]
    redis_client.xdel(KEY, *[item[0] for item in work[:30]])
    cancel(killed)
    finish()
    killed.refresh_from_db()
    assert (killed.state, killed.results) == ("cancelled", {"done": BATCH + 30})
    assert redis_client.xlen(KEY) == COUNT - BATCH - 30
