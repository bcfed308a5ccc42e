"""`disable_user`, `end_sessions` and a second `create_user`: who is out is out of pages, API and sockets."""

from __future__ import annotations

from io import StringIO

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from dashboard.accounts import sign_in
from dashboard.live.connections import connection
from tests.dashboard.live.sockets import browser, headers, opened
from tests.people import person, signed_in


def said(*command: str) -> str:
    err = StringIO()
    call_command(*command, stderr=err)
    return err.getvalue()


def new_link(name: str) -> str:
    out = StringIO()
    call_command("create_user", name, "--role", "viewer", "--base-url", "http://h", stdout=out, stderr=StringIO())
    return out.getvalue().strip().removeprefix("http://h")


@pytest.mark.django_db
def test_a_new_link_revokes_the_one_before_and_nobody_elses() -> None:
    first, other, second = new_link("ana"), new_link("bob"), new_link("ana")
    assert [Client().get(link).status_code for link in (first, other, second)] == [410, 200, 200]
    assert Client().post(first).status_code == 410
    assert Client().post(second).status_code == 302


@pytest.mark.django_db
def test_a_disabled_person_is_out_of_pages_and_api_and_nobody_else_is() -> None:
    ana, again, bob = (signed_in(person(name, "viewer")) for name in ("ana", "ana", "bob"))
    link = sign_in.one_time_link(person("ana", None))
    assert ana.get("/api/v1/servers").status_code == 200
    assert said("disable_user", "ana") == "ana is disabled. Sessions ended: 2.\n"
    assert [client.get("/").status_code for client in (ana, again, bob)] == [302, 302, 200]
    assert [client.get("/api/v1/servers").status_code for client in (ana, again, bob)] == [401, 401, 200]
    assert Client().get(link).status_code == 410
    assert Session.objects.count() == 1


@pytest.mark.django_db
def test_a_disabled_person_gets_in_neither_by_password_nor_by_link() -> None:
    user = person("ana", "viewer")
    user.set_password("not-to-be-guessed")
    user.save()
    said("disable_user", "ana")
    link = sign_in.one_time_link(user)
    assert Client().post("/sign-in/", {"username": "ana", "password": "not-to-be-guessed"}).status_code == 200
    assert Client().post(link).status_code == 410
    assert Client().post(new_link("ana")).status_code == 302, "create_user enables them again"
    assert User.objects.get(username="ana").check_password("not-to-be-guessed")


@pytest.mark.django_db
def test_who_is_signed_out_may_sign_in_again() -> None:
    ana, bob = signed_in(person("ana", "viewer")), signed_in(person("bob", "viewer"))
    link = sign_in.one_time_link(person("ana", None))
    assert said("end_sessions", "ana") == "ana is signed out. Sessions ended: 1.\n"
    assert [client.get("/").status_code for client in (ana, bob)] == [302, 200]
    assert Client().get(link).status_code == 410
    assert Client().post(new_link("ana")).status_code == 302
    assert said("end_sessions", "bob") == "bob is signed out. Sessions ended: 1.\n"


@pytest.mark.django_db
@pytest.mark.parametrize("command", ["disable_user", "end_sessions"])
def test_nobody_of_that_name(command: str) -> None:
    with pytest.raises(CommandError, match=r"^There is no user named 'ana'\.$"):
        said(command, "ana")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("command", ["disable_user", "end_sessions"])
async def test_open_sockets_end(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "RECHECK_EVERY", 0.2)
    _, client = await browser("ana")
    async with opened(headers(client)) as socket:
        await socket.send_json_to({"type": "watch", "id": "f", "topic": "fleet"})
        await socket.next("watching")
        await database_sync_to_async(said)(command, "ana")
        assert await socket.closed() == connection.NOT_SIGNED_IN
