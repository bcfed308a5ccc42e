"""Authenticators: one order for all doors, and what is wrong is never made good by what stands beside it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard.accounts import authenticators
from dashboard.accounts.authenticators import BadCredentials, Credentials, authenticate, authenticate_again
from dashboard.accounts.principals import ANONYMOUS, Principal
from dashboard.accounts.secrets import digest
from dashboard.models import ApiToken
from tests.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(client: Client) -> Credentials:
    """Somebody's session, by its key."""
    user: User = person("ana", "viewer")
    client.force_login(user)
    return Credentials(session=client.session.session_key)


def test_without_credentials_nobody_is_asked_for(django_assert_num_queries: pytest.FixtureRequest) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert authenticate(Credentials()) is ANONYMOUS


def test_a_token_comes_before_a_session(signed_in: Credentials) -> None:
    ApiToken.objects.create(name="ci", role="viewer", digest=digest("secret"))
    assert authenticate(signed_in).name == "ana"
    assert authenticate(Credentials(token="secret", session=signed_in.session)).name == "token ci"


@pytest.mark.parametrize("wrong", ["", "nothing", "x" * 300])
def test_a_wrong_token_is_not_made_good_by_a_session(signed_in: Credentials, wrong: str) -> None:
    with pytest.raises(BadCredentials, match="does not exist, was revoked, or has expired"):
        authenticate(Credentials(token=wrong, session=signed_in.session))


def test_a_session_that_has_ended_is_nobody(signed_in: Credentials, client: Client) -> None:
    client.logout()
    assert authenticate(signed_in) is ANONYMOUS


def test_one_more_way_in_is_one_more_authenticator(signed_in: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands in the order where it is put, and every door has it."""
    proxied = Principal("from the proxy", "user:7")
    ways = (lambda credentials: proxied, *authenticators.AUTHENTICATORS)
    monkeypatch.setattr(authenticators, "AUTHENTICATORS", ways)
    assert authenticate(signed_in) == proxied


@pytest.mark.django_db(transaction=True)
async def test_what_has_become_wrong_is_nobody_on_a_socket() -> None:
    assert await authenticate_again(Credentials(token="revoked")) is ANONYMOUS
    assert await authenticate_again(Credentials()) is ANONYMOUS
