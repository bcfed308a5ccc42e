"""Guessing is braked, however the name is spelt, and keeps nobody out who comes from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import aauthenticate, authenticate
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client, RequestFactory
from django.utils import timezone

from dashboard.accounts import sign_in, throttling
from dashboard.accounts.backends import must_wait
from dashboard.models import FailedSignIn
from tests.conftest import Configure
from tests.people import person

SPELLINGS = ["anna", " anna", "anna\t", "ANNA", "\uff41nna", "an\uff4ea", "\u1d43nna", "\U0001d41anna", "\u00a0anna"]


RIGHT = {"username": "anna", "password": "not-to-be-guessed"}


def guess(client: Client, name: str, address: str = "192.0.2.1") -> int:
    return client.post("/sign-in/", {"username": name, "password": "guessed"}, REMOTE_ADDR=address).status_code


@pytest.fixture
def anna(anonymous: Client) -> None:
    user = person("anna", "admin")
    user.set_password("not-to-be-guessed")
    user.save()


@pytest.mark.usefixtures("anna")
def test_every_spelling_that_means_the_same_name_counts(anonymous: Client) -> None:
    for at in range(throttling.FAILURES):
        assert guess(anonymous, SPELLINGS[at % len(SPELLINGS)]) == 200
    assert [guess(anonymous, name) for name in SPELLINGS] == [429] * len(SPELLINGS)
    assert guess(anonymous, "someone else") == 200


@pytest.mark.parametrize("name", ["\uff41nna", " anna "])
@pytest.mark.usefixtures("anna")
def test_these_spellings_do_mean_the_same_name(anonymous: Client, name: str) -> None:
    assert anonymous.post("/sign-in/", {**RIGHT, "username": name}).status_code == 302


@pytest.mark.usefixtures("anna")
def test_a_stranger_elsewhere_keeps_nobody_out(anonymous: Client) -> None:
    assert [guess(anonymous, "anna") for _ in range(throttling.FAILURES + 1)][-1] == 429
    assert anonymous.post("/sign-in/", RIGHT, REMOTE_ADDR="192.0.2.1").status_code == 429
    assert anonymous.post("/sign-in/", RIGHT, REMOTE_ADDR="192.0.2.2").status_code == 302


@pytest.mark.usefixtures("anna")
def test_it_says_how_long_to_wait_and_that_is_enough(anonymous: Client) -> None:
    FailedSignIn.objects.all().delete()
    for _ in range(throttling.FAILURES):
        guess(anonymous, "anna")
    FailedSignIn.objects.update(at=timezone.now() - throttling.WINDOW + timedelta(seconds=72))
    answer = anonymous.post("/sign-in/", RIGHT, REMOTE_ADDR="192.0.2.1")
    assert (answer.status_code, answer["Retry-After"]) == (429, "72")
    assert "Wait 1 min 12 s, then try again." in answer.text
    FailedSignIn.objects.update(at=timezone.now() - throttling.WINDOW)
    assert anonymous.post("/sign-in/", RIGHT, REMOTE_ADDR="192.0.2.1").status_code == 302


def test_an_address_waits_whatever_names_it_tries(anonymous: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "FROM_ADDRESS", 5)
    assert [guess(anonymous, f"name {n}") for n in range(7)] == [200] * 5 + [429] * 2
    assert guess(anonymous, "name 0", "192.0.2.2") == 200


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("", "192.0.2.1", False),
    ],
)
def test_what_counts_as_one_address(
    anonymous: Client, monkeypatch: pytest.MonkeyPatch, first: str, second: str, same: bool
) -> None:
    monkeypatch.setattr(throttling, "FROM_ADDRESS", 1)
    assert guess(anonymous, "anna", first) == 200
    assert (guess(anonymous, "anna", second) == 429) == same


@pytest.mark.parametrize("trusted", [False, True])
def test_an_address_that_is_only_claimed_counts_where_a_proxy_says_it(
    anonymous: Client, monkeypatch: pytest.MonkeyPatch, configure: Configure, trusted: bool
) -> None:
    monkeypatch.setattr(throttling, "FROM_ADDRESS", 1)
    configure(behind_proxy=trusted)
    said = [
        anonymous.post("/sign-in/", {"username": "anna", "password": "x"}, headers={"X-Real-IP": f"192.0.2.{n}"})
        for n in range(2)
    ]
    assert said[1].status_code == (200 if trusted else 429)


@pytest.mark.usefixtures("anna")
def test_who_signs_in_has_not_failed(anonymous: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "FROM_ADDRESS", 1)
    assert [Client().post("/sign-in/", RIGHT).status_code for _ in range(3)] == [302] * 3
    assert not FailedSignIn.objects.exists()


def test_links_are_not_to_be_guessed_either(anonymous: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "FROM_ADDRESS", 2)
    links = [sign_in.one_time_link(person("anna", "admin")) for _ in range(4)]
    assert [anonymous.get(link).status_code for link in links] == [200] * 4
    assert [anonymous.get(f"/sign-in/guess{n}/").status_code for n in range(2)] == [410] * 2
    answer = anonymous.post(links[0])
    assert (answer.status_code, answer["Retry-After"]) == (429, "300")
    assert 'action="/sign-in/"' in answer.text


@pytest.mark.django_db
def test_tries_that_are_under_way_count() -> None:
    """Else many at the same moment were a way around."""
    for _ in range(throttling.FAILURES):
        throttling.attempt("192.0.2.1", "anna")
    with pytest.raises(throttling.MustWait):
        throttling.attempt("192.0.2.1", "anna")
    assert FailedSignIn.objects.count() == 2 * throttling.FAILURES


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize("door", [authenticate, async_to_sync(aauthenticate)])
def test_every_door_that_asks_django_has_the_brake(rf: RequestFactory, door: Callable[..., User | None]) -> None:
    request = rf.post("/elsewhere/", REMOTE_ADDR="192.0.2.1")
    assert door(request, **RIGHT).username == "anna"
    for _ in range(throttling.FAILURES):
        assert door(request, username="anna", password="guessed") is None
    assert must_wait(request) is None
    assert door(request, **RIGHT) is None, "not even looked at"
    wait = must_wait(request)
    assert wait is not None
    assert 0 < wait.seconds <= 300
    assert door(rf.post("/elsewhere/", REMOTE_ADDR="192.0.2.2"), **RIGHT).username == "anna"


@pytest.mark.usefixtures("anna")
def test_a_login_view_of_the_host_has_the_brake(rf: RequestFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "FAILURES", 1)
    view = LoginView.as_view(template_name="streamgauge/account/login.html", success_url="/in/")

    def enter(password: str) -> int:
        request = rf.post("/host/", {"username": "anna", "password": password}, REMOTE_ADDR="192.0.2.1")
        request.session = SessionStore()
        request.csrf_processing_done = True  # as when the middleware has looked at it
        return view(request).status_code

    assert [enter("guessed"), enter("not-to-be-guessed")] == [200, 200]
    FailedSignIn.objects.all().delete()
    assert enter("not-to-be-guessed") == 302


@pytest.mark.django_db
def test_without_a_name_or_a_password_nothing_is_counted() -> None:
    assert authenticate(None, token="x") is None
    assert authenticate(None, username="anna") is None
    assert not FailedSignIn.objects.exists()
