"""A watched server that answers, but not everything: what is known is shown, and why the rest is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import redis
from django.test import Client

from dashboard.streams import links
from dashboard.streams.links import ServerConfig
from streams_admin.demo import embedded
from tests.faults.conftest import look
from tests.faults.reads import BY_ID, EVERY, FROM_THE_FLEET, KEY, READ_NOW, ask, seed, statuses
from tests.servers import chosen

pytestmark = [pytest.mark.faults, pytest.mark.django_db]

ACL = "does not allow this user"
FOR_GROUPS = {"group", "filtered group", "form", "api group", "api consumers", "api pending"}


@pytest.fixture(autouse=True)
def nobody_else() -> Iterator[None]:
    yield
    links.configure([])


def as_user(client: redis.Redis, url: str, *rights: str, password: str = "secret") -> str:
    """The reader is a user who may only that; what a look at the fleet then says."""
    seed(client)
    client.execute_command("ACL", "SETUSER", "reader", "reset", "on", ">secret", "~*", *rights)
    scheme, _, rest = url.partition("://")
    links.configure([ServerConfig("default", f"{scheme}://reader:{password}@{rest}")])
    return look()


def fails(client: Client, words: str) -> set[str]:
    """The reads that are a 503 and say `words`; all others are there."""
    answers = {name: ask(client, path) for name, path in EVERY.items()}
    assert {answer.status for answer in answers.values()} <= {200, 302, 503}
    failed = {name for name, answer in answers.items() if answer.status == 503}
    assert all(words in answers[name].text for name in failed)
    return failed


def test_a_user_who_may_nothing(redis_client: redis.Redis, redis_url: str, operator: Client) -> None:
    assert ACL in as_user(redis_client, redis_url, "-@all")
    assert fails(operator, ACL) == EVERY.keys() - FROM_THE_FLEET.keys() - BY_ID.keys()
    for name in ("attention", "streams", "search", "search by ID", "api servers", "api streams", "api findings"):
        assert ACL in ask(operator, EVERY[name]).text
    assert "Nothing needs attention" not in ask(operator, EVERY["attention"]).text


def test_a_wrong_password(redis_client: redis.Redis, redis_url: str, operator: Client) -> None:
    words = "rejected the configured user or password"
    assert words in as_user(redis_client, redis_url, "+@all", password="wrong")
    assert fails(operator, words) == EVERY.keys() - FROM_THE_FLEET.keys() - BY_ID.keys()
    assert words in ask(operator, EVERY["attention"]).text


def test_without_xinfo(redis_client: redis.Redis, redis_url: str, operator: Client) -> None:
    assert not as_user(redis_client, redis_url, "+@all", "-xinfo"), "the server answers"
    assert fails(operator, ACL) == EVERY.keys() - FROM_THE_FLEET.keys() - BY_ID.keys() - {"api pending"}
    home, streams = ask(operator, EVERY["attention"]).text, ask(operator, EVERY["streams"]).text
    for text in (home, streams, ask(operator, EVERY["search"]).text, ask(operator, EVERY["api streams"]).text):
        assert "may not read some streams" in text
    assert "Nothing needs attention" not in home
    assert "No streams here yet" not in streams


def test_without_xpending(redis_client: redis.Redis, redis_url: str, operator: Client) -> None:
    assert not as_user(redis_client, redis_url, "+@all", "-xpending")
    assert fails(operator, ACL) == FOR_GROUPS
    home = ask(operator, EVERY["attention"]).text
    assert "what is stuck is unknown" in home
    assert "Nothing needs attention" not in home
    (item,) = operator.get(EVERY["api streams"]).json()["items"]
    assert item["health"] == "unknown"
    for name in ("stream", "groups of a stream"):
        page = operator.get(EVERY[name]).content.decode()
        assert ("status-unknown" in page, "status-ok" in page) == (True, False)


def test_without_memory(redis_client: redis.Redis, redis_url: str, operator: Client) -> None:
    assert not as_user(redis_client, redis_url, "+@all", "-memory")
    assert fails(operator, "") == set()
    found = operator.get(EVERY["api stream"]).json()
    assert found["memory_bytes"] is None
    assert "MEMORY USAGE" in found["memory_bytes_reason"]
    assert found["memory_bytes_reason"] in ask(operator, EVERY["stream"]).text


def test_without_reading_entries(redis_client: redis.Redis, redis_url: str, operator: Client) -> None:
    assert not as_user(redis_client, redis_url, "+@all", "-xrange", "-xrevrange")
    assert fails(operator, ACL) == {"stream", "filtered stream", "entry", "field", "api entries", "api entry"}
    pending = operator.get(EVERY["api pending"]).json()["items"]
    assert [item["body"] for item in pending] == ["unread", "unread"]
    assert "could not be searched completely" in ask(operator, EVERY["search by ID"]).text


# a server that reads and does not write ------------------------------------------------------------------------------


@pytest.fixture
def own() -> Iterator[embedded.Embedded]:
    """A server of this test's own that may be brought into any state. Saving fails: /proc is no place for files."""
    with embedded.start(chosen(), options=("--dir", "/proc")) as running:
        links.configure([ServerConfig("default", running.url)])
        yield running


def loses_its_primary(client: redis.Redis) -> None:
    client.replicaof("127.0.0.1", "1")


def is_full(client: redis.Redis) -> None:
    client.config_set("maxmemory", 1)


def cannot_save(client: redis.Redis) -> None:
    client.config_set("save", "3600 1")
    client.bgsave()
    while client.info("persistence")["rdb_last_bgsave_status"] != "err":
        pass


@pytest.mark.parametrize(
    ("trouble", "words", "pending"),
    [
        (cannot_save, "cannot save its data", {b"wanda": 2}),
        (is_full, "Done", {b"walter": 2}),  # claiming needs no memory
    ],
)
def test_what_cannot_be_written_can_be_read(
    trouble: Callable[[redis.Redis], None],
    words: str,
    pending: dict[bytes, int],
    own: embedded.Embedded,
    operator: Client,
) -> None:
    with redis.Redis.from_url(own.url) as client:
        seed(client)
        trouble(client)
        assert not look()
        assert set(statuses(operator, EVERY).values()) == {200, 302}
        plan = operator.post(EVERY["form"], {"new": "walter"})
        operation = operator.post(plan["Location"])
        assert words in ask(operator, operation["Location"]).text
        found = client.xpending(KEY, "workers")["consumers"]
        assert {consumer["name"]: consumer["pending"] for consumer in found} == pending
        client.config_set("save", "")  # else it does not end before it has saved


def test_a_replica_can_be_read_and_refuses_the_plan(own: embedded.Embedded, operator: Client) -> None:
    with redis.Redis.from_url(own.url) as client:
        seed(client)
        loses_its_primary(client)
        assert not look()
        assert set(statuses(operator, EVERY.keys() - {"form"}).values()) == {200, 302}
        form = ask(operator, EVERY["form"])
        assert (form.status, "is a replica: only its primary takes writes" in form.text) == (409, True)
        assert operator.post(EVERY["form"], {"new": "walter"}).status_code == 409
        found = client.xpending(KEY, "workers")["consumers"]
        assert {consumer["name"]: consumer["pending"] for consumer in found} == {b"wanda": 2}


def test_a_replica_without_its_primary_that_serves_nothing_old(own: embedded.Embedded, operator: Client) -> None:
    with redis.Redis.from_url(own.url) as client:
        seed(client)
        assert not look()
        client.config_set("replica-serve-stale-data", "no")
        loses_its_primary(client)
    assert "lost its primary" in look()
    assert fails(operator, "lost its primary") == READ_NOW.keys()
