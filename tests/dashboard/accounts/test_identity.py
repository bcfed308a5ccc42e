"""Who somebody is: an id that nobody else ever gets. A name may come back, and nothing comes with it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection

from dashboard.accounts.directory import principal_again, principal_for_token, principal_for_user
from dashboard.accounts.principals import ANONYMOUS, Principal
from dashboard.accounts.secrets import digest
from dashboard.models import ApiToken

pytestmark = pytest.mark.django_db


def user(name: str) -> User:
    made = User.objects.create(username=name)
    made.groups.add(Group.objects.get(name="operator"))
    return made


def token(secret: str) -> ApiToken:
    return ApiToken.objects.create(name="ci", role="operator", digest=digest(secret))


def known(secret: str) -> Principal:
    found = principal_for_token(secret)
    assert found is not None
    return found


def test_ids_say_what_they_are_and_are_not_names() -> None:
    olga, ci = user("olga"), token("secret")
    assert (principal_for_user(olga).id, principal_for_user(olga).kind) == (f"user:{olga.pk}", "user")
    assert (known("secret").id, known("secret").kind, known("secret").name) == (f"token:{ci.pk}", "token", "token ci")
    assert (ANONYMOUS.id, ANONYMOUS.kind) == ("", "anonymous")


def test_a_user_made_anew_under_the_same_name_is_somebody_else() -> None:
    """Also when the last one was deleted, whose number the database might give out again."""
    gone = user("olga")
    before = principal_for_user(gone)
    gone.delete()
    after = principal_for_user(user("olga"))
    assert (after.name, after.id != before.id) == ("olga", True)
    assert principal_again(before.id, "olga") == Principal("olga", before.id), "without any grant"
    assert principal_again(after.id, "olga") == after


def test_a_token_made_anew_under_the_same_name_is_another() -> None:
    old = token("one")
    before = known("one")
    old.delete()
    token("two")
    after = known("two")
    assert (after.name, after.id != before.id) == ("token ci", True)
    assert principal_again(before.id, before.name).grants == ()
    assert principal_again(after.id, after.name) == after


@pytest.mark.parametrize("id_", ["", "user", "nobody:1"])
def test_what_is_no_id_is_nobodys(id_: str) -> None:
    assert principal_again(id_, "anna") == Principal("anna", id_)


@pytest.mark.parametrize("model", [User, ApiToken])
def test_no_number_is_given_out_twice(model: type[User | ApiToken]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = %s", [model._meta.db_table])
        assert "AUTOINCREMENT" in cursor.fetchone()[0]


def test_nothing_is_missing_in_the_migrations() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_tables_carry_the_names_of_the_apps() -> None:
    ours = {name for name in connection.introspection.table_names() if name.startswith(("streamgauge", "dashboard"))}
    assert ours == {
        "streamgauge_accessgrant",
        "streamgauge_apitoken",
        "streamgauge_failedsignin",
        "streamgauge_incident",
        "streamgauge_signinlink",
        "streamgauge_admin_auditentry",
        "streamgauge_admin_operation",
        "streamgauge_admin_plan",
    }
