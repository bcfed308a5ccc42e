"""The audit log: one chain in which every change shows."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections import Counter
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections
from django.http import QueryDict
from django.test import Client

from dashboard.accounts.access import Forbidden
from dashboard.accounts.permissions import Grant
from dashboard.accounts.principals import Principal
from dashboard.models import AccessGrant
from dashboard.streams import links
from dashboard.streams.links import Server, ServerConfig
from dashboard.streams.names import to_path
from streams_admin.actions import gate
from streams_admin.audit import attempts, log
from streams_admin.audit.filters import conditions, of_stream
from streams_admin.audit.log import Caller, Line
from streams_admin.models import AuditEntry
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill
from tests.people import id_of, person, signed_in
from tests.streams_admin.acting import ADMIN
from tests.streams_admin.threads import together

pytestmark = pytest.mark.django_db

LINE = Line("default", "orders:new", "ack", "Acknowledge 3 entries", {"group": "workers", "ids": ["1-0"]}, reason="…")


def written(count: int) -> list[int]:
    """That many actions, two lines each; the numbers of the lines."""
    for _ in range(count):
        span = log.write(ADMIN, LINE)
        log.end(span, LINE, "done", {"done": 3})
    return list(AuditEntry.objects.order_by("pk").values_list("pk", flat=True))


def broken() -> list[tuple[int, str]]:
    return list(log.broken())


def test_an_untouched_log_holds() -> None:
    assert broken() == []
    written(3)
    assert broken() == []
    first, *others = AuditEntry.objects.order_by("pk")
    assert first.previous == log.START
    assert [line.previous for line in others] == [line.hash for line in (first, *others)][:-1]
    assert log.last_hash() == others[-1].hash


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("who", "somebody else"),
        ("role", "viewer"),
        ("via", "api"),
        ("peer", "10.0.0.1"),
        ("stream", "orders:old"),
        ("action", "trim"),
        ("params", {"group": "workers", "ids": ["1-1"]}),
        ("reason", ""),
        ("outcome", "refused"),
        ("detail", "."),
        ("counts", {"done": 2}),
        ("operation", "4cba9a4f-eab6-4c1c-aa56-6bf854c2d063"),
        ("at", "2026-11-21T00:00:00Z"),
    ],
)
def test_a_changed_line_is_found(field: str, value: Any) -> None:
    _, changed, *_ = written(2)
    AuditEntry.objects.filter(pk=changed).update(**{field: value})
    assert broken() == [(changed, "its content was changed")]


@pytest.mark.parametrize("name", ["who", "action", "outcome", "server", "via", "stream"])
def test_each_filter_of_the_page_has_an_index(name: str) -> None:
    written(2)
    meant = conditions(QueryDict(f"{name}=orders%3Anew"))
    plan = AuditEntry.objects.filter(**meant).order_by("-pk").explain()
    assert f"USING INDEX streamgauge_audit_{name}" in plan


def test_streams_with_the_same_long_beginning_are_told_apart() -> None:
    paths = ["a" * 5000 + end for end in "bc"]
    for path in paths:
        log.write(ADMIN, replace(LINE, stream=path))
    [found] = AuditEntry.objects.filter(**of_stream(paths[1]))
    assert found.stream == paths[1]
    assert broken() == []


def test_every_field_is_covered() -> None:
    """A field that is added later cannot be left out of the chain unseen."""
    written(1)
    line = AuditEntry.objects.latest("pk")
    covered = set(log._fields(ADMIN, LINE, line.span))
    kept = {f.name for f in AuditEntry._meta.concrete_fields if not f.generated}
    assert covered == kept - {"id", "previous", "hash"}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_removed_line_is_found(place: int) -> None:
    lines = written(2)
    AuditEntry.objects.filter(pk=lines[place]).delete()
    assert broken() == [(lines[place + 1], "the record before it is missing or was changed")]


def test_a_line_that_was_changed_with_its_hash_is_found_by_the_next() -> None:
    first, second, *_ = written(1)
    line = AuditEntry.objects.get(pk=first)
    line.who = "somebody else"
    fields = {f.name: getattr(line, f.name) for f in AuditEntry._meta.concrete_fields if not f.generated}
    for name in ("id", "previous", "hash"):
        fields.pop(name)
    line.hash = log.digest(first, fields, line.previous)
    line.save()
    assert broken() == [(second, "the record before it is missing or was changed")]


def test_lines_that_changed_places_are_found() -> None:
    first, second, *_ = written(1)
    AuditEntry.objects.filter(pk=first).update(id=second + 10)
    assert {number for number, _ in broken()} == {second, second + 10}


def test_a_renumbered_log_is_found() -> None:
    lines = written(2)
    for number in reversed(lines):
        AuditEntry.objects.filter(pk=number).update(id=number + 10)
    assert broken() == [(number + 10, "its content was changed") for number in lines]


def verified(*arguments: str) -> str:
    """What the command prints, or what it ends with."""
    out = StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out)
    except CommandError as error:
        return str(error)
    return out.getvalue()


def test_the_hash_that_was_noted_holds_while_the_log_grows() -> None:
    count = len(written(2))
    noted = log.last_hash()
    for _ in range(2):
        assert "unchanged" in verified("--expect", noted, "--count", str(count))
        written(1)


def test_a_log_that_was_wiped_and_written_anew_is_found() -> None:
    count = len(written(2))
    noted = log.last_hash()
    AuditEntry.objects.all().delete()
    written(2)
    assert "unchanged" in verified()
    assert "No record has the expected hash" in verified("--expect", noted, "--count", str(count))
    assert f"{count + 5} records were expected, and there are {count}." in verified("--count", str(count + 5))


def test_an_empty_log_is_not_the_one_that_was_noted() -> None:
    written(1)
    noted = log.last_hash()
    AuditEntry.objects.all().delete()
    assert "No record has the expected hash" in verified("--expect", noted)
    assert "there are 0" in verified("--count", "2")


def test_the_noted_hash_at_another_place_is_found() -> None:
    count = len(written(2))
    assert f"{count - 1} records were expected" in verified("--expect", log.last_hash(), "--count", str(count - 1))


def test_writers_at_the_same_moment_make_one_chain(real_database: Path) -> None:
    def write() -> None:
        written(5)
        connections.close_all()

    together(write, 10)
    assert AuditEntry.objects.count() == 100
    assert broken() == []
    assert set(Counter(AuditEntry.objects.values_list("span", flat=True)).values()) == {2}


def test_who_writes_at_the_end_need_not_be_who_began() -> None:
    caller = Caller(Principal("token ci", "token:1", (Grant("operator"),)), "api", "10.0.0.1", "192.0.2.7, evil")
    span = log.write(caller, LINE)
    log.end(span, LINE, "partly_done", {"done": 2, "owner_changed": 1}, "why")
    began, ended = AuditEntry.objects.order_by("pk")
    for name in ("span", "who", "who_kind", "role", "via", "peer", "claimed", "server", "stream", "action", "params"):
        assert getattr(began, name) == getattr(ended, name)
    assert (began.role, ended.outcome, ended.detail) == ("operator", "partly_done", "why")
    assert ended.counts == {"done": 2, "owner_changed": 1}


def test_addresses_of_any_length_are_cut_and_hold() -> None:
    log.write(Caller(ADMIN.principal, "page", "x" * 500, "y" * 5000), LINE)
    line = AuditEntry.objects.get()
    assert (len(line.peer), len(line.claimed)) == (64, 200)
    assert broken() == []


# What was tried -----------------------------------------------------------------------------------------------------

G, W = to_path(GROUP), to_path(WORKER)
VIEWER = Caller(Principal("vera", id_of("vera"), (Grant("viewer"),)), "page")
IDS = {"group": G, "ids": ["1-0", "2-0"]}


def asked(slug: str, raw: dict[str, Any]) -> AuditEntry:
    """The line of what a viewer may not do."""
    with pytest.raises(Forbidden):
        gate.admit(VIEWER, links.get("default"), KEY, slug, raw)
    return AuditEntry.objects.get(outcome="denied")


@pytest.mark.parametrize(
    ("slug", "raw", "kept"),
    [
        ("ack", IDS, IDS),
        ("claim", {"group": G, "filter": {"consumer": W}, "to": "x"}, None),
        ("delete", {"filter": {"start": "1-0"}}, None),
        ("add", {"fields": [["card", "4111"]]}, {"fields": [["card", "4 bytes"]], "mkstream": False}),
        ("stream_delete", {}, {}),
        ("ack", {"group": G, "ids": ["nonsense"]}, {}),
        ("group_destroy", {"group": "a" * 5000}, {"group_left_out": 1}),
    ],
)
def test_a_denied_attempt_says_what_it_was_about(
    server: Server, slug: str, raw: dict[str, Any], kept: dict[str, Any] | None
) -> None:
    params = asked(slug, raw).params
    assert {**params, **raw} == params if kept is None else params == kept


def test_a_denied_attempt_is_kept_bounded(server: Server) -> None:
    ids = [f"{number}-0" for number in range(1000, 2000)]
    line = asked("ack", {"group": G, "ids": ids})
    assert line.params["ids"] == ids[: len(line.params["ids"])]
    assert len(line.params["ids"]) + line.params["ids_left_out"] == 1000
    assert len(json.dumps(line.params)) < 3 * attempts.KEPT_MOST
    AuditEntry.objects.all().delete()
    names = asked("add", {"fields": [["x" * 100_000, "1"], ["y", "2"]]}).params
    assert names == {"fields": [], "fields_left_out": 2, "mkstream": False}


def test_every_way_in_says_it(server: Server, viewer: Client) -> None:
    viewer.get(f"/s/default/{to_path(KEY)}/do/ack/?group={G}&id=1-0&id=2-0")
    viewer.get(f"/s/default/{to_path(KEY)}/do/ack/?group={G}&id=nonsense")
    params = {"group": {"base64": b64encode(GROUP).decode()}, "ids": ["1-0", "2-0"]}
    order = {"server": "default", "stream": {"base64": b64encode(KEY).decode()}, "action": "ack", "params": params}
    assert viewer.post("/api/v1/plans", json.dumps(order), content_type="application/json").status_code == 403
    given = [f"group={os.fsdecode(GROUP)}", "ids=1-0,2-0"]
    with pytest.raises(CommandError, match="permission"):
        call_command("act", "ack", stream=os.fsdecode(KEY), who="vera", param=given)
    found = AuditEntry.objects.order_by("pk").values_list("via", "params")
    assert list(found) == [("page", IDS), ("page", {}), ("api", IDS), ("command", IDS)]


def test_the_page_shows_what_was_tried(server: Server, redis_url: str, admin: Client) -> None:
    asked("claim", {"group": G, "filter": {"consumer": to_path(b"<b>\xff")}, "to": "heir"})
    page = admin.get("/audit/").content.decode()
    assert "filter.consumer=&lt;b&gt;" in page
    assert "to=heir" in page
    AuditEntry.objects.all().delete()
    asked("ack", {"group": G, "ids": [f"{number}-0" for number in range(1000, 2000)]})
    assert "ids=1000-0,1001-0" in (page := admin.get("/audit/").content.decode())
    assert "1070-0" not in page, "bounded"
    links.configure([ServerConfig("default", redis_url, read_only=True)])
    admin.get(f"/s/default/{to_path(KEY)}/do/ack/?group={G}&id=77-0")
    assert "ids=77-0" in admin.get("/audit/").content.decode()


def test_a_target_that_is_hidden_is_not_shown(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 1)
    asked("replay", {"filter": {}, "to": "secret"})
    nora = person("nora", None)
    AccessGrant.objects.create(user=nora, role="operator", keys=["or*"])
    page = signed_in(nora).get("/audit/").content.decode()
    assert "vera" in page
    assert "secret" not in page


def test_nothing_of_the_past_is_written_again() -> None:
    """Lines are only ever appended: a new one changes none of those before."""
    numbers = written(2)
    before = list(AuditEntry.objects.order_by("pk").values())
    written(1)
    assert list(AuditEntry.objects.filter(pk__in=numbers).order_by("pk").values()) == before
