"""Who may see and do what: deny by default, by role, server and key; and masks that close on doubt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from dashboard.accounts.access import Forbidden, may, may_all, require, visible_servers
from dashboard.accounts.addresses import client_address
from dashboard.accounts.authenticators import principal_of
from dashboard.accounts.masking import Mask, mask
from dashboard.accounts.permissions import ROLES, Grant, Permission
from dashboard.accounts.principals import ANONYMOUS, Principal
from dashboard.config.masking import MaskRule
from dashboard.streams import links
from dashboard.streams.links import ServerConfig
from tests.conftest import Configure
from tests.people import id_of, person

READS = {Permission.SEE, Permission.READ_PAYLOAD}
ADMINS_ONLY = {"delete", "trim", "groups", "consumers", "policies", "tokens"}


@pytest.fixture(autouse=True)
def two_servers() -> Iterator[None]:
    """Nothing listens there: access is decided without asking a server."""
    links.configure(
        [
            ServerConfig("orders-eu", "redis://127.0.0.1:1", keys=("orders:*", "user:*")),
            ServerConfig("iot", "redis://127.0.0.1:1"),
        ]
    )
    yield
    links.configure([])


def principal(*grants: Grant) -> Principal:
    return Principal("somebody", id_of("somebody"), grants)


# roles ---------------------------------------------------------------------------------------------------------------


def test_every_role_may_what_the_contract_says() -> None:
    assert ROLES["viewer"] == READS
    assert ROLES["admin"] == set(Permission)
    assert ROLES["admin"] - ROLES["operator"] == ADMINS_ONLY
    assert ROLES["viewer"] < ROLES["operator"] < ROLES["admin"]


@pytest.mark.parametrize("permission", Permission)
def test_who_has_no_grant_may_nothing(permission: Permission) -> None:
    for nobody in (ANONYMOUS, principal()):
        assert not may(nobody, permission)
        assert not may(nobody, permission, "iot")
        assert not may(nobody, permission, "iot", b"k")


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_allows_its_permissions_everywhere_and_no_other(role: str, permission: Permission) -> None:
    somebody = principal(Grant(role))
    allowed = permission in ROLES[role]
    assert {
        may(somebody, permission),
        may(somebody, permission, "iot"),
        may(somebody, permission, "iot", b"\xff"),
        may(somebody, permission, "orders-eu", b"orders:1"),
    } == {allowed}


def test_the_role_that_is_displayed_is_the_highest() -> None:
    assert ANONYMOUS.role == "none"
    assert principal(Grant("operator", "iot"), Grant("viewer")).role == "operator"
    assert principal(Grant("viewer"), Grant("admin", "iot", ("x",))).role == "admin"


# servers and keys ----------------------------------------------------------------------------------------------------


def test_a_grant_holds_on_its_servers() -> None:
    eu = principal(Grant("viewer", "*-eu"))
    assert may(eu, Permission.SEE, "orders-eu")
    assert not may(eu, Permission.SEE, "iot")
    assert may(eu, Permission.SEE)
    assert [server.name for server in visible_servers(eu)] == ["orders-eu"]
    assert visible_servers(ANONYMOUS) == []


def test_a_grant_holds_for_its_keys() -> None:
    somebody = principal(Grant("operator", "iot", ("orders:*", "user:?\xe4".encode().decode())))
    asked = {
        key: may(somebody, Permission.ACK, "iot", key) for key in (b"orders:1", b"orders:", b"orders", b"Orders:1")
    }
    assert asked == {b"orders:1": True, b"orders:": True, b"orders": False, b"Orders:1": False}
    assert may(somebody, Permission.ACK, "iot", "user:1\xe4".encode())
    assert may(somebody, Permission.ACK, "iot"), "somewhere there"


def test_a_key_with_line_breaks_does_not_slip_past_a_pattern() -> None:
    somebody = principal(Grant("viewer", "iot", ("orders:*",)))
    assert may(somebody, Permission.SEE, "iot", b"orders:\n\x00\xff")
    assert not may(somebody, Permission.SEE, "iot", b"secret\norders:1")


def test_two_grants_do_not_lend_each_other() -> None:
    """An operator of one stream who may look at another may not act on the other."""
    somebody = principal(Grant("operator", "iot", ("a",)), Grant("viewer", "iot", ("b",)))
    assert may(somebody, Permission.ACK, "iot", b"a")
    assert may(somebody, Permission.SEE, "iot", b"b")
    assert not may(somebody, Permission.ACK, "iot", b"b")
    assert not may(principal(Grant("admin", "iot"), Grant("viewer")), Permission.TRIM, "orders-eu")


def test_nobody_looks_at_a_key_that_the_server_keeps_out() -> None:
    admin = principal(Grant("admin"))
    assert may(admin, Permission.SEE, "orders-eu", b"orders:1")
    assert not may(admin, Permission.SEE, "orders-eu", b"sessions")


def test_a_server_that_is_not_configured_has_no_keys_to_see() -> None:
    assert not may(principal(Grant("admin")), Permission.SEE, "nowhere", b"k")


@given(st.binary(max_size=20), st.sampled_from(list(Permission)))
def test_a_narrow_grant_never_allows_more_than_a_broad_one(key: bytes, permission: Permission) -> None:
    narrow, broad = Grant("operator", "iot", ("a*",)), Grant("operator")
    assert not narrow.covers(permission, "iot", key) or broad.covers(permission, "iot", key)
    assert narrow.covers(permission, "iot", key) == (permission in ROLES["operator"] and key.startswith(b"a"))


def test_a_refusal_names_what_is_missing_and_where() -> None:
    viewer = principal(Grant("viewer"))
    require(viewer, Permission.SEE, "iot", b"k")
    with pytest.raises(Forbidden) as refusal:
        require(viewer, Permission.TRIM, "iot", b"k")
    assert isinstance(refusal.value, PermissionDenied)
    assert refusal.value.permission == "trim"
    assert refusal.value.message == "This needs the permission “trim” on iot. Ask an admin for it."


# masks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "hidden"),
    [
        (b"email", True),
        (b"card.number", True),
        (b"card.", True),
        (b"card", True),
        (b"car", False),
        (b"cards", False),
        (b"Email", False),
        (b"email2", False),
        (b"", False),
        (b"phone\xff", True),
        ("straße".encode(), True),
    ],
)
def test_a_mask_hides_its_fields_and_what_contains_them(field: bytes, hidden: bool) -> None:
    assert Mask(("email", "card.*", "phone?", "stra*e")).hides(field) == hidden


def test_a_mask_of_nothing_hides_nothing() -> None:
    assert not Mask().hides(b"email")


def test_all_rules_that_match_a_stream_apply(configure: Configure) -> None:
    configure(
        mask_rules=(
            MaskRule("user:*", ("email", "card.*")),
            MaskRule("*:eu", ("phone",)),
            MaskRule("iot", ("place",)),
        )
    )
    assert mask(b"user:eu").fields == ("email", "card.*", "phone")
    assert mask(b"user:\xff").fields == ("email", "card.*")
    assert mask(b"orders").fields == ()


# who asks ------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_request_is_asked_once_who_it_is(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.user = person("olga", "operator")
    found = principal_of(request)
    assert (found.name, found.role) == ("olga", "operator")
    request.user = person("anna", "admin")
    assert principal_of(request) is found


@pytest.mark.django_db
def test_strangers_and_the_anonymous_may_nothing(rf: RequestFactory) -> None:
    for user in (person("sam", None), AnonymousUser()):
        request = rf.get("/")
        request.user = user
        assert [p for p in Permission if may(principal_of(request), p)] == []


def test_the_address_is_the_peers_unless_a_proxy_stands_before(rf: RequestFactory, configure: Configure) -> None:
    request = rf.get("/", REMOTE_ADDR="10.0.0.9", HTTP_X_REAL_IP="192.0.2.7")
    configure(behind_proxy=False)
    assert client_address(request) == "10.0.0.9"
    configure(behind_proxy=True)
    assert client_address(request) == "192.0.2.7"
    assert len(client_address(rf.get("/", HTTP_X_REAL_IP="x" * 5000))) == 64


@pytest.mark.parametrize(
    ("grants", "server", "every"),
    [
        ((Grant("viewer"),), "iot", True),
        ((Grant("viewer", keys=("orders:*",)), Grant("viewer", keys=("a*", "*"))), "iot", True),
        ((Grant("viewer", keys=("orders:*",)),), "iot", False),
        ((Grant("viewer", "orders-eu"),), "iot", False),
        ((), "iot", False),
        ((Grant("viewer"),), "orders-eu", False),
        ((Grant("viewer"),), "nowhere", False),
    ],
)
def test_who_surely_sees_every_stream(grants: tuple[Grant, ...], server: str, *, every: bool) -> None:
    """Then none has to be asked about one by one."""
    assert may_all(principal(*grants), Permission.SEE, server) is every
