"""An operation goes on only for as long as who began it may do it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
import redis
from django.contrib.auth.models import Group, User
from django.urls import reverse
from django.utils import timezone

from dashboard.accounts.directory import principal_again, principal_for_user
from dashboard.accounts.principals import Principal
from dashboard.models import AccessGrant, ApiToken
from dashboard.streams import links
from dashboard.streams.links import ServerConfig
from streams_admin.audit.log import Caller
from streams_admin.models import AuditEntry, Operation
from streams_admin.operations import loop, rights, start
from tests.people import person, signed_in
from tests.streams_admin.acting import of_group, pending, planned
from tests.streams_admin.dying import Killed, dies_at, finish

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def asked_at_once(many: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "ASK_EVERY", 0.0)


def begun(principal: Principal, slug: str = "ack", **params: Any) -> Operation:
    caller = Caller(principal, "page")
    operation = start.begin(caller, planned(slug, of_group(**params), caller=caller))
    assert (operation.state, operation.done) == ("queued", 500)
    return operation


def ended(operation: Operation) -> tuple[str, int, str]:
    finish()
    operation.refresh_from_db()
    return operation.state, operation.done, operation.error


def lower(user: User) -> None:
    user.groups.set([Group.objects.get(name="viewer")])


def disable(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def narrow(user: User) -> None:
    user.groups.clear()
    AccessGrant.objects.create(user=user, role="operator", keys=["other:*"])


@pytest.mark.parametrize("change", [lower, disable, narrow, User.delete])
def test_who_may_no_more_does_no_more(many: redis.Redis, change: Callable[[User], object]) -> None:
    olga = person("olga", "operator")
    operation = begun(principal_for_user(olga))
    change(olga)
    assert ended(operation) == ("cancelled", 500, "olga no longer has the permission for this.")
    assert len(pending(many)) == 700
    last = AuditEntry.objects.latest("pk")
    assert (last.outcome, last.detail, last.counts) == ("partly_done", operation.error, {"done": 500})


@pytest.mark.parametrize("change", ["revoked", "expires", None])
def test_a_token_that_is_no_more_does_no_more(many: redis.Redis, change: str | None) -> None:
    tokens = ApiToken.objects.filter(pk=ApiToken.objects.create(name="t", digest="d", role="operator").pk)
    operation = begun(principal_again(f"token:{tokens.get().pk}", "token t"))
    if change:
        tokens.update(**{change: timezone.now() - timedelta(seconds=1)})
    else:
        tokens.delete()
    assert ended(operation)[:2] == ("cancelled", 500)


def test_who_still_may_is_not_disturbed() -> None:
    token = ApiToken.objects.create(name="t", digest="d", role="operator")
    assert ended(begun(principal_again(f"token:{token.pk}", "token t"))) == ("done", 1200, "")


def test_the_target_counts_too(many: redis.Redis) -> None:
    olga = person("olga", None)
    for keys in ("or*", "dead"):
        AccessGrant.objects.create(user=olga, role="operator", keys=[keys])
    operation = begun(principal_for_user(olga), "dead_letter", to="dead")
    AccessGrant.objects.filter(keys=["dead"]).delete()
    assert ended(operation)[:2] == ("cancelled", 500)
    assert many.xlen("dead") == 500


def test_a_server_that_became_read_only_is_left_alone(many: redis.Redis, redis_url: str) -> None:
    operation = begun(principal_for_user(person("olga", "operator")))
    links.configure([ServerConfig("default", redis_url, read_only=True)])
    assert ended(operation) == ("cancelled", 500, "default is configured as read-only.")


def test_the_page_and_the_api_say_why() -> None:
    olga = person("olga", "operator")
    operation = begun(principal_for_user(olga))
    lower(olga)
    finish()
    anna = signed_in(person("anna", "admin"))
    assert "olga no longer has the permission for this." in anna.get(reverse("operation", args=[operation.pk])).text
    told = anna.get(reverse("api:operation", args=[operation.pk])).json()
    assert (told["state"], told["error"]) == ("cancelled", "olga no longer has the permission for this.")


def test_what_was_being_done_when_a_process_died_is_told_first(
    many: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "HEARTBEAT_EVERY", 60.0)
    olga = person("olga", "operator")
    operation = begun(principal_for_user(olga))
    with dies_at(6) as reached, pytest.raises(Killed):
        start.work_once()
    assert reached[-1] == "after write"
    lower(olga)
    state, done, _ = ended(operation)
    assert (state, done) == ("cancelled", 1200 - len(pending(many)))
    assert 500 < done < 1200


def test_it_is_not_asked_for_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "ASK_EVERY", 60.0)
    operation = begun(principal_for_user(person("olga", "operator")))
    with patch.object(rights, "_why", return_value="") as asked:
        while start.work_once():
            pass
        assert asked.call_count == 1
        rights._asked[operation.pk] -= rights.ASK_EVERY
        rights.lost(operation, None)  # type: ignore[arg-type]
        assert asked.call_count == 2
