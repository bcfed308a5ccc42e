"""The audit log: one chain in which every change shows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from dashboard.access import Actor, Grant
from streams_admin import audit
from streams_admin.audit import Caller, Line
from streams_admin.models import AuditEntry
from tests.streams_admin.acting import ADMIN
from tests.streams_admin.threads import together

pytestmark = pytest.mark.django_db

LINE = Line("default", "orders:new", "ack", "Acknowledge 3 entries", {"group": "workers", "ids": ["1-0"]}, reason="…")


def written(count: int) -> list[int]:
    """That many actions, two lines each; the numbers of the lines."""
    for _ in range(count):
        span = audit.write(ADMIN, LINE)
        audit.end(span, LINE, "done", {"done": 3})
    return list(AuditEntry.objects.order_by("pk").values_list("pk", flat=True))


def broken() -> list[tuple[int, str]]:
    return list(audit.broken())


def test_an_untouched_log_holds() -> None:
    assert broken() == []
    written(3)
    assert broken() == []
    first, *others = AuditEntry.objects.order_by("pk")
    assert first.previous == audit.START
    assert [line.previous for line in others] == [line.hash for line in (first, *others)][:-1]
    assert audit.last_hash() == others[-1].hash


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


def test_every_field_is_covered() -> None:
    """A field that is added later cannot be left out of the chain unseen."""
    written(1)
    line = AuditEntry.objects.latest("pk")
    covered = set(audit._fields(ADMIN, LINE, line.span))
    assert covered == {f.name for f in AuditEntry._meta.concrete_fields} - {"id", "previous", "hash"}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_removed_line_is_found(place: int) -> None:
    lines = written(2)
    AuditEntry.objects.filter(pk=lines[place]).delete()
    assert broken() == [(lines[place + 1], "the line before it is missing or was changed")]


def test_a_line_that_was_changed_with_its_hash_is_found_by_the_next() -> None:
    first, second, *_ = written(1)
    line = AuditEntry.objects.get(pk=first)
    line.who = "somebody else"
    fields = {f.name: getattr(line, f.name) for f in AuditEntry._meta.concrete_fields}
    for name in ("id", "previous", "hash"):
        fields.pop(name)
    line.hash = audit.digest(fields, line.previous)
    line.save()
    assert broken() == [(second, "the line before it is missing or was changed")]


def test_lines_that_changed_places_are_found() -> None:
    first, second, *_ = written(1)
    AuditEntry.objects.filter(pk=first).update(id=second + 10)
    assert {number for number, _ in broken()} == {second, second + 10}


def test_writers_at_the_same_moment_make_one_chain(real_database: Path) -> None:
    def write() -> None:
        written(5)
        connections.close_all()

    together(write, 10)
    assert AuditEntry.objects.count() == 100
    assert broken() == []
    assert set(Counter(AuditEntry.objects.values_list("span", flat=True)).values()) == {2}


def test_who_writes_at_the_end_need_not_be_who_began() -> None:
    caller = Caller(Actor("token ci", "token", (Grant("operator"),)), "api", "10.0.0.1", "192.0.2.7, evil")
    span = audit.write(caller, LINE)
    audit.end(span, LINE, "partly_done", {"done": 2, "owner_changed": 1}, "why")
    began, ended = AuditEntry.objects.order_by("pk")
    for name in ("span", "who", "who_kind", "role", "via", "peer", "claimed", "server", "stream", "action", "params"):
        assert getattr(began, name) == getattr(ended, name)
    assert (began.role, ended.outcome, ended.detail) == ("operator", "partly_done", "why")
    assert ended.counts == {"done": 2, "owner_changed": 1}


def test_addresses_of_any_length_are_cut_and_hold() -> None:
    audit.write(Caller(ADMIN.actor, "page", "x" * 500, "y" * 5000), LINE)
    line = AuditEntry.objects.get()
    assert (len(line.peer), len(line.claimed)) == (64, 200)
    assert broken() == []


def test_nothing_of_the_past_is_written_again() -> None:
    """Lines are only ever appended: a new one changes none of those before."""
    numbers = written(2)
    before = list(AuditEntry.objects.order_by("pk").values())
    written(1)
    assert list(AuditEntry.objects.filter(pk__in=numbers).order_by("pk").values()) == before
