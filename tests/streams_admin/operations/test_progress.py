"""How an operation is told while it runs, when it is paused and when it is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import redis
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from streams_admin.models import Operation, Plan
from streams_admin.operations.progress import FIGURES, Progress, rows
from tests.dashboard.streams.seeding import GROUP, KEY, fill, group
from tests.html_page import Page

NOW = timezone.now()


def operation(**more: Any) -> Operation:
    """One that began ten seconds ago."""
    found = Operation(plan=Plan(), total=3000, state="running", **more)
    found.created = NOW - timedelta(seconds=10)
    return found


def test_while_it_runs() -> None:
    told = Progress.of(operation(done=1000, results={"done": 990, "owner_changed": 10}), NOW)
    assert (told.per_second, told.left, told.took) == ("100/s", "about 20 s", "")
    assert told.results == [("done", 990), ("owner_changed", 10), ("failed", 0), ("unknown", 0)]


def test_between_two_turns_of_its_runner_it_is_told_alike() -> None:
    waiting = operation(done=1000)
    waiting.state = "queued"
    assert Progress.of(waiting, NOW).per_second == "100/s"


def test_before_anything_is_done() -> None:
    told = Progress.of(operation(done=0), NOW)
    assert (told.per_second, told.left, told.results) == ("", "", [("failed", 0), ("unknown", 0)])


def test_of_one_that_waits_nothing_is_foretold() -> None:
    paused = operation(done=1000)
    paused.state = "paused"
    assert (Progress.of(paused, NOW).per_second, Progress.of(paused, NOW).left) == ("", "")


def test_more_than_was_counted_has_no_time_left() -> None:
    assert Progress.of(operation(done=3500), NOW).left == ""


def test_when_it_is_over() -> None:
    ended = operation(done=3000, results={"done": 3000}, ended=NOW - timedelta(seconds=4))
    ended.state = "done"
    told = Progress.of(ended, NOW)
    assert (told.per_second, told.left, told.took, told.results) == ("", "", "6 s", [("done", 3000)])


def test_a_time_is_told_as_one() -> None:
    (row,) = rows([("oldest idle, s", 1008, 2)])
    assert (row.label, row.before, row.after) == ("oldest idle", "16 min", "2 s")


def test_consumers_give_way_to_what_changed_more() -> None:
    many = [(f"pending with w{n:02}", 5, 5) for n in range(40)]
    found = rows([("pending", 200, 150), *many, ("pending with heir", 0, 50), ("oldest idle, s", 5, None)])
    labels = [row.label for row in found]
    assert len(found) == FIGURES
    assert (labels[0], labels[-2:]) == ("pending", ["oldest idle", "and 30 more"])
    assert "pending with heir" in labels


@pytest.mark.django_db
def test_a_page_of_a_running_operation_shows_no_empty_table(
    server: Server, redis_client: redis.Redis, operator: Client
) -> None:
    fill(redis_client, 1100)
    group(redis_client, read=1100)
    url = reverse("do", args=["default", KEY, "ack"]) + f"?group={to_path(GROUP)}&all=1"
    page = operator.post(operator.post(url)["Location"])["Location"]
    Operation.objects.update(state="running", created=timezone.now() - timedelta(seconds=5))
    shown = Page(operator.get(page).content.decode())
    assert {"Rate", "Unknown"} <= {name for name, _ in shown.facts}
    assert shown.fact("Time left").text.startswith("about ")
    assert shown.fact("Failed").text == "0"
    assert "Will be read again at the end." in shown.text
    assert "Before and after" not in shown.tables
