"""What a demo asks of a server before it lets the systems play on it."""

from __future__ import annotations

from collections.abc import Iterable

from redis import Redis
from redis.exceptions import RedisError

from streams_admin.demo.scenarios import catalogue
from streams_admin.demo.scenarios.crew import ForeignKeys, claim_keys, mark
from streams_admin.demo.scenarios.options import Options

LOOK_AT = 2000
"""Keys that are looked at for strangers."""


def prepare(url: str, names: Iterable[str], *, into_existing: bool) -> None:
    """Leave the marks of the systems that will play. Raises ForeignKeys, and then nothing was written."""
    client = Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
    try:
        if not into_existing and _has_strangers(client):
            raise ForeignKeys(
                "The server in REDIS_URL holds other keys, so no example data was written. "
                "Unset REDIS_URL to use an embedded server, or pass --into-existing."
            )
        for name in names:
            claim_keys(client, name, Options())
    except RedisError as error:
        raise ForeignKeys(f"The server in REDIS_URL cannot be used ({type(error).__name__}).") from error
    finally:
        client.close()


def _has_strangers(client: Redis) -> bool:
    """Whether there is a key that belongs to none of the systems."""
    ours = tuple(prefix for scenario in catalogue.SCENARIOS.values() for prefix in scenario.KEYS)
    marks = {mark(name, Options()) for name in catalogue.SCENARIOS}
    for count, key in enumerate(client.scan_iter(count=500)):
        name = key.decode("utf-8", "replace")
        if name not in marks and not name.startswith(ours):
            return True
        if count >= LOOK_AT:
            break
    return False
