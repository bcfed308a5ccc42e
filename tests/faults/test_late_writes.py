"""Processes that end, or stand still, while their last command is held up on its way: it has no effect later.

Who takes over ends the connection that it was sent on. So it may do again what was not done, and so nothing is done
after an operation was cancelled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from dashboard.streams import links
from dashboard.streams.links import Server, ServerConfig
from dashboard.streams.names import to_path
from streams_admin.models import AuditEntry, Operation
from streams_admin.operations import start
from tests.dashboard.streams.seeding import GROUP, KEY, fill, group
from tests.faults.runners import Runners
from tests.streams_admin.acting import ADMIN, of_group, planned
from tests.streams_admin.actions.test_contract import world
from tests.streams_admin.dying import finish
from tests.streams_admin.operations.test_late_writes import USERS, is_write
from tests.streams_admin.proxy import Proxy, proxied
from tests.streams_admin.recipes import HELPER

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

COUNT, BATCH = 1_200, 500
COPY = b"copy"


@pytest.fixture
def seeded(server: Server, redis_client: redis.Redis) -> redis.Redis:
    fill(redis_client, COUNT)
    group(redis_client, read=COUNT)
    return redis_client


@pytest.fixture
def proxy(redis_url: str) -> Iterator[Proxy]:
    with proxied(redis_url) as between:
        yield between


@pytest.fixture
def runners(real_database: Path, redis_url: str, proxy: Proxy) -> Iterator[Runners]:
    with Runners(real_database, redis_url, admin_url=proxy.url) as found:
        yield found


def begun(slug: str, params: dict[str, Any], proxy: Proxy, runners: Runners) -> Operation:
    """Its first batch is done; a process of its own has sent the next command, which has not arrived."""
    plan = planned(slug, params)
    operation = start.begin(ADMIN, plan, confirm=plan.preview["confirm"])
    assert operation.state == "queued"
    proxy.hold(is_write)
    runners.start()
    assert proxy.held.wait(10)
    return operation


def pending(client: redis.Redis) -> int:
    return int(client.xpending(KEY, GROUP)["pending"])


def owners(client: redis.Redis) -> set[tuple[bytes, int]]:
    rows = client.xpending_range(KEY, GROUP, "-", "+", COUNT)
    assert len(rows) == COUNT
    return {(row["consumer"], row["times_delivered"]) for row in rows}


CASES: dict[str, tuple[dict[str, Any], Callable[[redis.Redis], bool]]] = {
    "ack": (of_group(), lambda client: pending(client) == 0),
    "claim": (of_group(to=to_path(HELPER), bump=True), lambda client: owners(client) == {(HELPER, 2)}),
    "dead_letter": (of_group(), lambda client: (pending(client), client.xlen(KEY + b":dlq")) == (0, COUNT)),
    "replay": ({"filter": {}, "to": to_path(COPY)}, lambda client: client.xlen(COPY) == COUNT),
    "delete": ({"filter": {}}, lambda client: client.xlen(KEY) == 0),
}


@pytest.mark.parametrize(
    ("slug", "ends"),
    [("claim", "killed"), ("dead_letter", "killed"), ("delete", "killed"), ("ack", "stopped"), ("replay", "stopped")],
)
def test_what_is_done_in_its_place_is_done_once(
    slug: str, ends: str, seeded: redis.Redis, proxy: Proxy, runners: Runners
) -> None:
    params, done = CASES[slug]
    operation = begun(slug, params, proxy, runners)
    runners.kill() if ends == "killed" else runners.stop()
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.error, operation.results) == ("done", "", {"done": COUNT})
    said = world(seeded)
    proxy.let_go()
    if ends == "stopped":
        runners.go_on()
        assert runners.ended() == 0
    assert world(seeded) == said
    assert done(seeded)
    operation.refresh_from_db()
    assert operation.results == {"done": COUNT}
    assert list(AuditEntry.objects.order_by("pk").values_list("outcome", flat=True)) == ["started", "done"]


def test_after_it_was_cancelled_nothing_more_is_done(seeded: redis.Redis, proxy: Proxy, runners: Runners) -> None:
    operation = begun("delete", CASES["delete"][0], proxy, runners)
    runners.kill()
    start.request_state(operation, "cancel")
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.results) == ("cancelled", {"done": BATCH})
    said = world(seeded)
    proxy.let_go()
    assert world(seeded) == said


def test_it_does_not_arrive_at_a_stream_that_nobody_has_looked_at(
    seeded: redis.Redis, proxy: Proxy, runners: Runners
) -> None:
    operation = begun("delete", CASES["delete"][0], proxy, runners)
    runners.kill()
    seeded.flushall()
    fill(seeded, COUNT, size=2)
    finish()
    operation.refresh_from_db()
    assert (operation.state, operation.error) == ("failed", "The stream was deleted and recreated.")
    assert operation.results == {"done": BATCH, "unknown": BATCH}
    proxy.let_go()
    assert seeded.xlen(KEY) == COUNT


@pytest.mark.parametrize(
    ("slug", "user", "duty"),
    [
        ("ack", "root", 25),
        ("claim", "root", 100),
        ("replay", "root", 100),
        ("delete", "root", 100),
        ("dead_letter", "no-kill", 100),
        ("delete", "no-kill", 25),
    ],
)
def test_stopped_right_before_it_sends_what_another_does_then(
    slug: str, user: str, duty: int, real_database: Path, seeded: redis.Redis, redis_url: str
) -> None:
    """Whatever is compared before a write, it may be stopped behind that. Where its connection cannot be ended, what it
    sends finds nothing left to do."""
    seeded.execute_command("ACL", "SETUSER", user, "reset", "on", ">secret", *USERS[user].split())
    scheme, _, rest = redis_url.partition("://")
    links.configure([ServerConfig("default", redis_url, admin_url=f"{scheme}://{user}:secret@{rest}")])
    params, done = CASES[slug]
    plan = planned(slug, params)
    operation = start.begin(ADMIN, plan, confirm=plan.preview["confirm"], duty=duty)
    writer = links.get("default").config.admin_url or ""
    with Runners(real_database, redis_url, admin_url=writer, still_before=2) as runners:
        runners.start()
        wait_until(runners.stands_still)
        finish()
        operation.refresh_from_db()
        said = (operation.state, operation.results, world(seeded))
        runners.go_on()
        assert runners.ended() == 0
    operation.refresh_from_db()
    assert said == (operation.state, operation.results, world(seeded))
    assert said[:2] == ("done", {"done": COUNT})
    assert done(seeded)
    links.configure([])


def test_stopped_while_it_rests_for_its_rate_and_taken_over_each_is_copied_once(
    real_database: Path, seeded: redis.Redis, redis_url: str
) -> None:
    """It goes on right in its rest, behind which it would have added the next ones."""
    seeded.xtrim(KEY, maxlen=300, approximate=False)
    operation = start.begin(ADMIN, planned("replay", {"filter": {}, "to": to_path(COPY), "per_second": 100}))
    with Runners(real_database, redis_url) as runners:
        runners.start()
        wait_until(lambda: int(seeded.xlen(COPY)) >= 50)
        runners.stop()
        finish()
        operation.refresh_from_db()
        assert (operation.state, operation.results) == ("done", {"done": 300})
        runners.go_on()
        assert runners.ended() == 0
    copies = [fields[b"n"] for _, fields in seeded.xrange(COPY)]
    assert copies == [fields[b"n"] for _, fields in seeded.xrange(KEY)]
    operation.refresh_from_db()
    assert operation.results == {"done": 300}


def wait_until(what: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not what():
        assert time.monotonic() < ends, "it took too long"
        time.sleep(0.01)
