"""Planning and running in tests, as pages and API do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import redis
from django.contrib.auth.models import User

from dashboard.accounts.permissions import Grant
from dashboard.accounts.principals import Principal
from dashboard.models import AccessGrant
from dashboard.streams import links
from dashboard.streams.errors import OutcomeUnknown
from dashboard.streams.links import Server, ServerConfig, Writer
from dashboard.streams.names import to_path
from streams_admin import plans
from streams_admin.audit.log import Caller
from streams_admin.models import Operation, Plan
from streams_admin.operations import start
from tests.dashboard.streams.seeding import GROUP, KEY
from tests.people import id_of, number_of

ADMIN = Caller(Principal("anna", id_of("anna"), (Grant("admin"),)), "page")
OPERATOR = Caller(Principal("olga", id_of("olga"), (Grant("operator"),)), "page")


def known(principal: Principal) -> None:
    """The principal as a user of the site: what goes on in the background asks for their rights again."""
    user, new = User.objects.get_or_create(username=principal.name, defaults={"pk": number_of(principal.name)})
    if new:
        AccessGrant.objects.bulk_create(AccessGrant(user=user, **_row(grant)) for grant in principal.grants)


def _row(grant: Grant) -> dict[str, Any]:
    return {"role": grant.role, "server": grant.server, "keys": list(grant.keys)}


def planned(slug: str, params: dict[str, Any], *, key: bytes = KEY, caller: Caller = ADMIN) -> Plan:
    known(caller.principal)
    return plans.prepare(caller, links.get("default"), key, slug, params)


def run(plan: Plan, *, caller: Caller = ADMIN, reason: str = "", duty: int = 0, turn: float = 0.0) -> Operation:
    """To its end, in this process; typing what has to be typed. `turn`: as `operations.work_once` takes it."""
    operation = start.begin(caller, plan, confirm=plan.preview["confirm"], reason=reason, duty=duty)
    while not operation.over:
        assert start.work_once(turn)
        operation.refresh_from_db()
    return operation


def act(slug: str, params: dict[str, Any], *, key: bytes = KEY, caller: Caller = ADMIN, reason: str = "") -> Operation:
    return run(planned(slug, params, key=key, caller=caller), caller=caller, reason=reason)


def of_group(*ids: str, **more: Any) -> dict[str, Any]:
    """Parameters that mean these pending entries of GROUP, or all of them."""
    which: dict[str, Any] = {"ids": list(ids)} if ids else {"filter": {}}
    return {"group": to_path(GROUP), **which, **more}


def pending(client: redis.Redis, *, key: bytes = KEY, group: bytes = GROUP) -> dict[bytes, tuple[bytes, int, int]]:
    """ID: (consumer, idle in ms, deliveries)."""
    rows = client.xpending_range(key, group, "-", "+", 10_000)
    return {r["message_id"]: (r["consumer"], r["time_since_delivered"], r["times_delivered"]) for r in rows}


def entries(client: redis.Redis, key: bytes = KEY) -> list[tuple[bytes, list[tuple[bytes, bytes]]]]:
    """ID and fields in their order, repeats kept."""
    pipe = client.pipeline(transaction=False)
    pipe.response_callbacks = {}  # type: ignore[assignment]
    pipe.execute_command("XRANGE", key, "-", "+")
    return [(id_, list(zip(flat[::2], flat[1::2], strict=True))) for id_, flat in pipe.execute()[0]]


def without_scripts(client: redis.Redis, url: str) -> Server:
    """The server with a writer that its ACL refuses scripts."""
    client.execute_command("ACL", "SETUSER", "plain", "on", ">secret", "~*", "&*", "+@all", "-@scripting")
    scheme, _, rest = url.partition("://")
    links.configure([ServerConfig("default", url, admin_url=f"{scheme}://plain:secret@{rest}")])
    return links.get("default")


@contextmanager
def lost_replies(lose: Callable[[tuple[Any, ...]], bool]) -> Iterator[None]:
    """The next round trip with a command that `lose` picks is carried out, and its replies never come."""
    told = Writer._trip
    left = [True]

    def each(writer: Writer, connection: Any, commands: Any) -> Any:
        replies = told(writer, connection, commands)
        if left[0] and any(lose(command) for command in commands):
            left[0] = False
            raise OutcomeUnknown("The reply was lost: the command may or may not have run.")
        return replies

    with patch.object(Writer, "_trip", each):
        yield


@contextmanager
def never_sent(lose: Callable[[tuple[Any, ...]], bool]) -> Iterator[None]:
    """The next round trip with a command that `lose` picks does not reach the server, and nobody says so."""
    told = Writer._trip
    left = [True]

    def each(writer: Writer, connection: Any, commands: Any) -> Any:
        if left[0] and any(lose(command) for command in commands):
            left[0] = False
            raise OutcomeUnknown("The reply was lost: the command may or may not have run.")
        return told(writer, connection, commands)

    with patch.object(Writer, "_trip", each):
        yield


@contextmanager
def every_trip(note: Callable[[Any], object]) -> Iterator[None]:
    """`note` is called with the commands of each round trip, before they are sent."""
    told = Writer._trip

    def each(writer: Writer, connection: Any, commands: Any) -> Any:
        note(commands)
        return told(writer, connection, commands)

    with patch.object(Writer, "_trip", each):
        yield


@contextmanager
def before_sending(lose: Callable[[tuple[Any, ...]], bool], meanwhile: Callable[[], object]) -> Iterator[None]:
    """`meanwhile` happens between the last look and the first command that `lose` picks."""
    told = Writer._trip
    left = [True]

    def each(writer: Writer, connection: Any, commands: Any) -> Any:
        if left[0] and any(lose(command) for command in commands):
            left[0] = False
            meanwhile()
        return told(writer, connection, commands)

    with patch.object(Writer, "_trip", each):
        yield


def counts_reads(server: Server) -> bool:
    """Whether this server counts what a group has read (7.0 and later)."""
    info = server.capabilities().info
    return info.flavour == "Valkey" or info.version >= (7, 0)
