"""`create_token --expires`, `list_tokens` and `revoke_token`."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from channels.db import database_sync_to_async
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.utils import timezone

from dashboard.live.connections import connection
from dashboard.models import ApiToken
from tests.dashboard.live.sockets import by_token


def run(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out, stderr=StringIO())
    return out.getvalue()


def made(name: str, *more: str) -> str:
    return run("create_token", "--name", name, "--role", "viewer", *more).strip()


def status(secret: str) -> int:
    return Client().get("/api/v1/servers", headers={"Authorization": f"Bearer {secret}"}).status_code


@pytest.mark.django_db
def test_a_token_expires_after_its_days() -> None:
    secret = made("ci", "--expires", "7")
    expires = ApiToken.objects.get(name="ci").expires
    assert expires is not None
    assert abs(expires - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)
    assert status(secret) == 200
    ApiToken.objects.update(expires=timezone.now())
    assert status(secret) == 401


@pytest.mark.django_db
@pytest.mark.parametrize("days", ["0", "-1", "3651"])
def test_days_that_cannot_be(days: str) -> None:
    with pytest.raises(CommandError, match=rf"^--expires is {days}; allowed: days from 1 to 3650\.$"):
        made("ci", f"--expires={days}")
    assert not ApiToken.objects.exists()


@pytest.mark.django_db
def test_the_list_says_how_each_is() -> None:
    assert run("list_tokens") == ""
    for name in ("a", "b", "c", "d"):
        made(name, "--keys", "orders:*", *(["--expires", "1"] if name in "bc" else []))
    ApiToken.objects.filter(name="c").update(expires=timezone.now())
    run("revoke_token", "d")
    states = {line.split("\t")[0]: line.split("\t")[1:] for line in run("list_tokens").splitlines()}
    assert states["a"] == ["viewer", "*", "orders:*", "last used never"]
    assert states["b"][-1].startswith("last used never, expires 20")
    assert (states["c"][-1], states["d"][-1]) == ("expired", "revoked")
    assert run("list_tokens") == run("create_token", "--list")


@pytest.mark.django_db
def test_a_revoked_token_is_out_at_once_and_only_it() -> None:
    one, other = made("one"), made("other")
    run("revoke_token", "one")
    assert [status(one), status(other)] == [401, 200]
    for command in (["revoke_token", "one"], ["create_token", "--revoke", "one"]):
        with pytest.raises(CommandError, match=r"^There is no active token named 'one'\.$"):
            run(*command)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("server")
async def test_its_sockets_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "RECHECK_EVERY", 0.2)
    async with by_token(await database_sync_to_async(made)("ci")) as socket:
        await socket.send_json_to({"type": "watch", "id": "f", "topic": "fleet"})
        await socket.next("watching")
        await database_sync_to_async(run)("revoke_token", "ci")
        assert await socket.closed() == connection.NOT_SIGNED_IN
