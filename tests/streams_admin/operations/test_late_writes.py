"""A command that arrives after its outcome was said: what was called failed is not done then, and nothing is twice.

A proxy holds the write of an action until its operation is over, and lets it go then. What it did is counted by
another client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from dashboard.streams import links
from dashboard.streams.links import ServerConfig, deadlines
from streams_admin.actions.registry import ALL
from streams_admin.models import AuditEntry, Operation
from streams_admin.operations import connections, pieces, recheck
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER
from tests.streams_admin.acting import ADMIN, planned, run
from tests.streams_admin.actions.test_contract import RECIPES, world
from tests.streams_admin.proxy import Proxy, proxied

pytestmark = [pytest.mark.django_db, pytest.mark.faults]

SENT_AGAIN = {"add", "replay"}
"""With an ID that was reserved: it is taken once."""
WRITES = {b"EVAL", b"MULTI", b"XACK", b"XADD", b"XCLAIM", b"XDEL", b"XGROUP", b"XTRIM", b"UNLINK"}
USERS = {
    "root": "~* &* +@all",
    "no-kill": "~* &* +@all -client +client|setname +client|id",
    "no-id": "~* &* +@all -client +client|setname +client|kill",
    "no-scripts": "~* &* +@all -@scripting",
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "WRITE_TIMEOUT", 0.15)
    monkeypatch.setattr(pieces, "LOOK_AFTER", (0, 0.1))
    monkeypatch.setattr(pieces, "BACKOFF", (0, 0.1))


@pytest.fixture
def proxy(redis_client: redis.Redis, redis_url: str) -> Iterator[Proxy]:
    with proxied(redis_url) as between:
        yield between
    links.configure([])


def as_user(name: str, proxy: Proxy, client: redis.Redis, redis_url: str) -> None:
    """The writer behind the proxy, as a user of that name; the reader beside it."""
    client.execute_command("ACL", "SETUSER", name, "reset", "on", ">secret", *USERS[name].split())
    behind = proxy.url.replace("redis://", f"redis://{name}:secret@")
    links.configure([ServerConfig("default", redis_url, admin_url=behind)])


def is_write(request: bytes) -> bool:
    """By its first command; a script that tries whether any runs is none."""
    words = request.split(b"\r\n", 5)
    return len(words) > 4 and words[2] in WRITES and words[4] != b"return 1"


def nth_write(number: int) -> Callable[[bytes], bool]:
    left = [number]

    def picks(request: bytes) -> bool:
        left[0] -= is_write(request)
        return left[0] == 0

    return picks


def held(slug: str, proxy: Proxy, client: redis.Redis, number: int = 1) -> tuple[Operation, Any]:
    """The operation, over, with its n-th write on its way still; and the world before."""
    recipe = RECIPES[slug]
    client.flushall()
    recipe.seed(client)
    plan, before = planned(slug, recipe.params, key=recipe.key), world(client)
    proxy.hold(nth_write(number))
    return run(plan), before


def late(proxy: Proxy, client: redis.Redis) -> tuple[Any, Any]:
    """The world when the outcome was said, and after what was held has arrived."""
    said = world(client)
    proxy.let_go()
    return said, world(client)


@pytest.mark.parametrize("slug", sorted(ALL))
def test_what_was_called_failed_is_not_done_when_it_arrives(
    slug: str, proxy: Proxy, redis_client: redis.Redis, redis_url: str
) -> None:
    as_user("root", proxy, redis_client, redis_url)
    operation, before = held(slug, proxy, redis_client)
    said, then = late(proxy, redis_client)
    assert said == then, "it had no effect"
    assert "unknown" not in operation.results
    if slug in SENT_AGAIN or slug == "trim":
        assert set(operation.results) == {"done"}
        RECIPES[slug].check(redis_client)
    else:
        assert set(operation.results) == {"failed"}
        assert then == before
        assert AuditEntry.objects.latest("pk").outcome == "failed"
    assert operation.connections == []


@pytest.mark.parametrize("slug", sorted(ALL))
def test_whichever_write_is_late_without_scripts_nothing_is_done_twice(
    slug: str, proxy: Proxy, redis_client: redis.Redis, redis_url: str
) -> None:
    as_user("no-scripts", proxy, redis_client, redis_url)
    for number in range(1, 20):
        operation, before = held(slug, proxy, redis_client, number)
        if not proxy.held.is_set():
            break
        said, then = late(proxy, redis_client)
        assert said == then, f"the {number}. write had an effect"
        assert set(operation.results) <= {"done", "failed"}
        if "failed" not in operation.results:
            RECIPES[slug].check(redis_client)
        elif "done" not in operation.results:
            assert stripped(then) == stripped(before)
    assert number > 1


def stripped(found: dict[bytes, Any]) -> dict[bytes, Any]:
    """Without who reads in a group: a claim for its own consumer creates none, but one for another does."""
    return {key: (*parts[:3], *parts[4:]) for key, parts in found.items()}


@pytest.mark.parametrize(
    ("slug", "user"), [*((slug, "no-kill") for slug in sorted(set(ALL) - SENT_AGAIN)), ("ack", "no-id")]
)
def test_where_the_connection_cannot_be_ended_it_is_unknown_and_says_why(
    slug: str, user: str, proxy: Proxy, redis_client: redis.Redis, redis_url: str
) -> None:
    as_user(user, proxy, redis_client, redis_url)
    operation, _ = held(slug, proxy, redis_client)
    assert "unknown" in operation.results
    assert set(operation.results) <= {"done", "unknown"}
    assert connections.NOT_ENDED in operation.error
    assert AuditEntry.objects.latest("pk").outcome == "unknown"
    late(proxy, redis_client)
    if slug == "trim":  # whole nodes go first, and here is but one
        assert redis_client.xlen(RECIPES[slug].key) == 6
    elif slug == "consumer_delete":  # the claim is through, and it was not removed
        assert redis_client.xpending_range(KEY, GROUP, "-", "+", 9, consumername=WORKER) == []
    else:
        RECIPES[slug].check(redis_client)


@pytest.mark.parametrize("slug", sorted(SENT_AGAIN))
def test_what_is_taken_once_is_sent_again_all_the_same(
    slug: str, proxy: Proxy, redis_client: redis.Redis, redis_url: str
) -> None:
    as_user("no-kill", proxy, redis_client, redis_url)
    operation, _ = held(slug, proxy, redis_client)
    said, then = late(proxy, redis_client)
    assert said == then
    assert set(operation.results) == {"done"}
    RECIPES[slug].check(redis_client)


# Check again ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["ack", "claim", "delete", "group_create"])
def test_checked_again_it_is_not_called_failed_while_it_may_arrive(
    slug: str, proxy: Proxy, redis_client: redis.Redis, redis_url: str
) -> None:
    as_user("no-kill", proxy, redis_client, redis_url)
    operation, _ = held(slug, proxy, redis_client)
    before = dict(operation.results)
    recheck.check_again(operation, ADMIN.principal)
    operation.refresh_from_db()
    assert operation.results == before, "it has not arrived, and may"
    assert connections.NOT_ENDED in AuditEntry.objects.latest("pk").detail
    late(proxy, redis_client)
    recheck.check_again(operation, ADMIN.principal)
    operation.refresh_from_db()
    assert set(operation.results) == {"done"}


def test_checked_again_by_a_user_who_may_end_it_it_is_failed_for_good(
    proxy: Proxy, redis_client: redis.Redis, redis_url: str
) -> None:
    as_user("no-kill", proxy, redis_client, redis_url)
    operation, before = held("ack", proxy, redis_client)
    assert operation.results == {"unknown": 4}
    as_user("root", proxy, redis_client, redis_url)
    recheck.check_again(operation, ADMIN.principal)
    operation.refresh_from_db()
    assert (operation.results, operation.connections) == ({"failed": 4}, [])
    proxy.let_go()
    assert world(redis_client) == before
