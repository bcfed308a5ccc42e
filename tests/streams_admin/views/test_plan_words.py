"""What plans and operations say of many consumers, of long lists, and of what they amount to."""

from __future__ import annotations

import re
from typing import Any

import pytest
import redis
from django.test import Client

from dashboard.streams.links import Server
from dashboard.streams.names import plain, to_path
from streams_admin import plans
from streams_admin.actions.pending.base import FIGURES, held_figures
from streams_admin.models import Operation
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group, neglect
from tests.html_page import Page
from tests.people import person, signed_in
from tests.streams_admin.acting import act, of_group, planned, run
from tests.streams_admin.recipes import HELPER

pytestmark = pytest.mark.django_db
CONSUMERS, EACH = 12, 100


@pytest.fixture
def crowd(server: Server, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> redis.Redis:
    """1,200 entries, 100 of them with each of twelve consumers, of which a plan looks at 500."""
    monkeypatch.setattr("streams_admin.actions.pending.look.COUNT_UP_TO", 500)
    fill(redis_client, CONSUMERS * EACH)
    redis_client.xgroup_create(KEY, GROUP, id="0")
    for number in range(CONSUMERS):
        redis_client.xreadgroup(GROUP, f"worker-{number:02}", {KEY: ">"}, count=EACH)
    return redis_client


def changes(preview: dict[str, Any]) -> dict[str, tuple[int | None, int | None]]:
    return {change["label"]: (change["now"], change["after"]) for change in preview["changes"]}


# More entries than a plan looks at ----------------------------------------------------------------------------------


def test_all_entries_of_all_consumers_are_summed_up_from_what_the_server_counts(crowd: redis.Redis) -> None:
    """Only the first 10,000 were taken for all there are."""
    preview = planned("claim", of_group(to="heir")).preview
    assert preview["title"] == "Claim 1,200 entries for heir"
    assert "of 12 consumers" in preview["sentence"]
    found = changes(preview)
    assert found["heir"] == (0, 1200)
    assert found["worker-00"] == found["worker-06"] == (EACH, 0)
    assert found["5 more consumers"] == (5 * EACH, 0)


def test_all_entries_of_one_consumer(crowd: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams_admin.actions.pending.look.COUNT_UP_TO", 50)
    monkeypatch.setattr("streams_admin.actions.pending.look.BATCH", 50)
    preview = planned("ack", {"group": to_path(GROUP), "filter": {"consumer": "worker-03"}}).preview
    found = changes(preview)
    assert found["worker-03"] == (EACH, 0)
    assert found["all"] == (1200, 1100)


def test_what_is_not_known_is_not_said(crowd: redis.Redis) -> None:
    which = {"group": to_path(GROUP), "filter": {"min_deliveries": 1}}
    preview = planned("claim", {**which, "to": "heir"}).preview
    assert preview["least"] is True
    assert "of at least 5 consumers" in preview["sentence"]
    found = changes(preview)
    assert found["heir"] == (0, None)
    assert found["worker-00"] == (EACH, None)
    assert found["5 more consumers"] == (5 * EACH, None)


def test_all_consumers_have_a_line_where_there_is_room(crowd: redis.Redis) -> None:
    crowd.xack(KEY, GROUP, *[f"{n}-0" for n in range(901, 1201)])
    found = changes(planned("ack", of_group()).preview)
    assert [label for label in found if "worker" in label] == [f"worker-{n:02}" for n in range(9)]
    assert not [label for label in found if "more" in label]


def test_figures_of_very_many_consumers_end_with_one_for_the_others() -> None:
    many = [(b"w%03d" % number, 2) for number in range(FIGURES + 5)]
    found = held_figures(many)
    assert (len(found), found[-1]) == (FIGURES + 1, ["pending with others", 10])
    assert held_figures(many[:FIGURES])[-1] == [f"pending with w{FIGURES - 1:03}", 2]


def test_a_consumer_that_was_among_the_others_is_not_said_to_have_held_nothing() -> None:
    found = Operation(
        before=[["pending", 9], ["pending with a", 4], ["pending with others", 5]],
        after=[["pending", 5], ["pending with b", 2], ["pending with others", 3]],
    )
    assert found.figures[1] == ("pending with a", 4, None)
    assert found.figures[3] == ("pending with b", None, 2)
    found.before, found.after = [["pending with a", 4]], [["pending with b", 4]]
    assert found.figures == [("pending with a", 4, 0), ("pending with b", 0, 4)]


# What Redis is told -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slug", "more"),
    [("claim", {"to": "heir"}), ("ack", {}), ("release", {}), ("dead_letter", {}), ("delete", {})],
)
@pytest.mark.parametrize("count", [12, 100, 150])
def test_the_commands_name_a_hundred_entries(crowd: redis.Redis, slug: str, more: dict[str, Any], count: int) -> None:
    ids = [f"{n}-0" for n in range(1, count + 1)]
    params = {"ids": ids, **more} if slug == "delete" else of_group(*ids, **more)
    lines = planned(slug, params).preview["redis_cli"]
    told = set(re.findall(r"\b\d+-0\b", " ".join(lines)))
    assert told == set(ids[:100])
    assert ("# and 50 more IDs" in lines) == (count == 150)


def test_a_claim_with_options_is_told_as_it_is_sent(crowd: redis.Redis) -> None:
    neglect(crowd, "2-0", idle_ms=900_000, deliveries=7)
    params = of_group("1-0", "2-0", "9999-0", to="heir", bump=True)
    lines = planned("claim", params).preview["redis_cli"]
    assert [line.split()[-4:] for line in lines] == [
        ["1-0", "RETRYCOUNT", "2", "JUSTID"],
        ["2-0", "RETRYCOUNT", "8", "JUSTID"],
    ]
    crowd.xack(KEY, GROUP, "1-0")
    forced = planned("claim", of_group("1-0", "2-0", to="heir", force=True)).preview["redis_cli"]
    assert [line.split()[-4:] for line in forced[1:]] == [["0", "1-0", "FORCE", "JUSTID"]]


@pytest.mark.parametrize(
    ("slug", "params", "heading"),
    [
        ("claim", of_group(to="heir"), "Commands"),
        ("delete", {"ids": ["1-0"]}, "Commands"),
        ("ack", of_group(), "Equivalent redis-cli commands"),
        ("dead_letter", of_group(), "Equivalent redis-cli commands"),
    ],
)
def test_lines_that_stand_for_a_script_are_not_told_to_be_sent(
    crowd: redis.Redis, slug: str, params: dict[str, Any], heading: str
) -> None:
    plan = planned(slug, params)
    page = Page(signed_in(person("anna", "admin")).get(f"/plans/{plans.token(plan)}/").content.decode())
    assert heading in page.headings


# Notes, and figures before and after --------------------------------------------------------------------------------


def test_who_gets_entries_is_not_told_and_release_is_offered(crowd: redis.Redis, operator: Client) -> None:
    url = f"/s/default/{to_path(KEY)}/do/claim/?group={to_path(GROUP)}&all=1&consumer=worker-01"
    page = Page(operator.get(operator.post(url, {"new": "worker-01b"})["Location"]).content.decode())
    assert [note.severity for note in page.notes if "won't be notified" in note.title] == ["late"]
    assert "All pending entries with worker-01" in operator.get(page.target("Release instead")).content.decode()


def test_several_that_may_still_be_working_are_they(crowd: redis.Redis) -> None:
    def note(params: dict[str, Any]) -> str:
        notes = planned("ack", params).preview["notes"]
        return next(f"{n['title']}: {n['text']}" for n in notes if "may still be working" in n["title"])

    assert note(of_group("1-0", "101-0")).startswith("2 consumers may still be working on them: The last of them read")
    assert note(of_group("1-0", "2-0")).startswith("worker-00 may still be working on it: It read")


def test_a_release_says_what_it_changes(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 2)
    group(redis_client, read=2)
    for id_ in ("1-0", "2-0"):
        neglect(redis_client, id_, idle_ms=600_000)
    preview = planned("release", of_group()).preview
    idle = next(change for change in preview["changes"] if change["label"] == "shortest idle time")
    assert 600_000 <= idle["now"] < 660_000
    if server.capabilities().has("xnack"):
        assert (idle["after"], idle["note"]) == (None, "released")
    else:
        assert idle["after"] == 24 * 3_600_000
        assert "late" in [n["severity"] for n in preview["notes"] if "as if they had just read" in n["title"]]


@pytest.mark.parametrize(
    ("slug", "params"),
    [("replay", {"filter": {}, "to": "elsewhere"}), ("dead_letter", of_group(to="elsewhere"))],
)
def test_the_length_of_the_target_is_read_before_and_after(
    server: Server, redis_client: redis.Redis, slug: str, params: dict[str, Any]
) -> None:
    fill(redis_client, 3)
    group(redis_client, read=3)
    redis_client.xadd("elsewhere", {"n": 0})
    assert ("in the target", 1, 4) in act(slug, params).figures


def test_heirs_are_told_by_name_in_figures(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 3)
    group(redis_client, read=3)
    figures = run(planned("claim", of_group(to=to_path(HELPER)))).figures
    names = [label for label, _, _ in figures if label.startswith("pending with")]
    assert len(names) == 2, names
    assert (f"pending with {plain(WORKER)}", 3, 0) in figures
