"""A server with everything the API tells about, and clients that come with a token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from django.test import Client

from dashboard.accounts.secrets import digest
from dashboard.models import ApiToken
from dashboard.streams.links import Server

ANY_BYTES = b"bin/\xff\x00~ .<b>"
"""A name that is no UTF-8 and wants escaping everywhere."""
ANY_PATH = "bin~2F~FF~00~7E~20.~3Cb~3E"
ORDERS = "/api/v1/servers/default/streams/orders:new"


@dataclass(frozen=True)
class Seeded:
    """IDs of five orders: alice holds the first, bob the second, the third is acknowledged, two are not delivered."""

    ids: tuple[str, ...]


@pytest.fixture
def seeded(db: None, server: Server, redis_client: redis.Redis) -> Seeded:
    ids = [_add(redis_client, b"orders:new", {b"order": str(n).encode(), b"state": b"new"}) for n in range(5)]
    redis_client.xgroup_create(b"orders:new", b"workers", id="0")
    for consumer in (b"alice", b"bob", b"carol"):
        redis_client.xreadgroup(b"workers", consumer, {b"orders:new": b">"}, count=1)
    redis_client.xack(b"orders:new", b"workers", ids[2])
    _add(redis_client, ANY_BYTES, {b"plain": b"text", b"\xff\xfe": b"\x00\x80"})
    redis_client.xgroup_create(ANY_BYTES, ANY_BYTES, id="0")
    redis_client.xreadgroup(ANY_BYTES, ANY_BYTES, {ANY_BYTES: b">"})
    redis_client.set(b"orders:text", b"no stream")
    return Seeded(tuple(ids))


def _add(client: redis.Redis, key: bytes, fields: dict[Any, Any]) -> str:
    added: bytes = client.xadd(key, fields)
    return added.decode()


def with_token(*, role: str = "viewer", keys: tuple[str, ...] = ("*",), server: str = "*") -> Client:
    secret = f"secret of {role} {server} {keys}"
    made = {"name": secret[:64], "role": role, "keys": list(keys), "server": server}
    ApiToken.objects.create(digest=digest(secret), **made)
    return Client(headers={"Authorization": f"Bearer {secret}"})


@pytest.fixture
def orders_only(db: None) -> Client:
    """A token that may see `orders:*` and nothing else."""
    return with_token(keys=("orders:*",))


@pytest.fixture
def get(viewer: Client) -> Callable[..., Any]:
    """The body of a GET of a viewer that must succeed."""

    def body(path: str, **query: Any) -> Any:
        answer = viewer.get(path, query)
        assert answer.status_code == 200, answer.content
        return answer.json()

    return body
