"""The pages of the actions on groups, consumers and streams: from a menu to a form, a plan, and what came of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
import redis
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from dashboard.accounts.permissions import Grant
from dashboard.accounts.principals import Principal
from dashboard.menus import Item, Target, items_for
from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group
from tests.html_page import Page
from tests.people import id_of
from tests.streams_admin.acting import counts_reads

pytestmark = pytest.mark.django_db
G = to_path(GROUP)
ADMIN, OPERATOR = (Principal(role, id_of(role), (Grant(role),)) for role in ("admin", "operator"))


@pytest.fixture
def stream(server: Server, redis_client: redis.Redis) -> redis.Redis:
    fill(redis_client, 5)
    group(redis_client, read=3)
    redis_client.xgroup_create(KEY, b"model", id="1-0")
    redis_client.execute_command("XGROUP", "CREATECONSUMER", KEY, GROUP, b"idle")
    return redis_client


def slugs(items: list[Item]) -> list[str]:
    return [item.slug for item in items]


def test_menus_offer_them_to_an_admin(stream: redis.Redis) -> None:
    assert {"group_create", "stream_delete"} <= set(slugs(items_for(ADMIN, Target("default", KEY))))
    offered = items_for(ADMIN, Target("default", KEY, GROUP))
    assert {"group_set_position", "consumer_create", "group_destroy"} <= set(slugs(offered))
    assert {item.slug for item in offered if item.danger} == {"group_destroy"}
    gone = items_for(ADMIN, Target("default", KEY, GROUP, WORKER, kind="gone"))
    assert [(item.slug, item.primary, item.label) for item in gone] == [("consumer_delete", True, "Remove…")]


def test_an_operator_is_not_offered_them(stream: redis.Redis) -> None:
    targets = Target("default", KEY), Target("default", KEY, GROUP), Target("default", KEY, GROUP, WORKER, kind="gone")
    offered = {slug for target in targets for slug in slugs(items_for(OPERATOR, target))}
    assert not {slug for slug in offered if slug.startswith(("group_", "consumer_", "stream_"))}


def form(client: Client, slug: str, **query: str) -> tuple[str, str]:
    """Where the form is, and its page."""
    address = reverse("do", args=["default", KEY, slug]) + (f"?{urlencode(query)}" if query else "")
    page = client.get(address)
    assert page.status_code == 200
    return address, page.content.decode()


def run(client: Client, address: str, chosen: dict[str, Any], confirm: str = "") -> tuple[str, HttpResponse]:
    """The page of the plan, and that of its operation."""
    planned = client.post(address, chosen)
    assert planned.status_code == 302, planned.content.decode()
    plan = client.get(planned["Location"])
    done = client.post(planned["Location"], {"confirm": confirm, "reason": "a test"})
    assert done.status_code == 302, done.content.decode()
    return plan.content.decode(), client.get(done["Location"])


@pytest.mark.parametrize(
    ("slug", "query", "chosen", "confirm", "title"),
    [
        ("group_create", {}, {"name": "new", "to": "0"}, "", "Create group new"),
        ("group_create", {}, {"name": "new", "to": "at", "at": "1970-01-01 00:00Z"}, "", "Create group new"),
        ("group_set_position", {"group": G}, {"to": "0"}, "", "Deliver 3 entries again"),
        ("group_set_position", {"group": G}, {"to": "$"}, "", "Skip 2 entries"),
        ("group_set_position", {"group": G}, {"to": "at", "at": "4-0"}, "", "Skip 1 entry"),
        ("group_set_position", {"group": G}, {"to": "like", "like": "model"}, "", "Deliver 2 entries again"),
        ("group_destroy", {"group": G}, {}, G, "Destroy group"),
        ("consumer_create", {"group": G}, {"consumer": "new"}, "", "Create consumer new"),
        ("consumer_delete", {"group": G, "consumer": "idle", "all": "1"}, {"consumer": "idle"}, "", "Remove cons"),
        (
            "consumer_delete",
            {"group": G, "consumer": to_path(WORKER), "all": "1"},
            {"consumer": to_path(WORKER), "to": "idle"},
            "",
            "Claim 3 entries for idle, then remove",
        ),
        ("stream_delete", {}, {}, to_path(KEY), "Delete stream"),
    ],
)
def test_from_the_form_to_the_result(
    stream: redis.Redis,
    admin: Client,
    slug: str,
    query: dict[str, str],
    chosen: dict[str, Any],
    confirm: str,
    title: str,
) -> None:
    address, _ = form(admin, slug, **query)
    plan, done = run(admin, address, chosen, confirm)
    assert Page(plan).headings[0].startswith(title)
    assert "Nothing has happened yet" in plan
    assert done.status_code == 200
    assert "Done" in done.content.decode()
    lead = {"group_destroy": "Back to the stream", "stream_delete": "Back to the streams"}.get(slug)
    if lead:
        assert lead in dict(Page(done.content.decode()).targets)


def test_a_box_that_is_filled_in_is_what_is_meant(stream: redis.Redis, admin: Client) -> None:
    """Typed and nothing chosen: what was chosen beforehand delivered a whole stream again."""
    address, page = form(admin, "group_set_position", group=G)
    assert " checked" not in page
    assert "Skip 1 entry" in admin.get(admin.post(address, {"at": "4-0"})["Location"]).content.decode()
    assert "Deliver 2 entries again" in admin.get(admin.post(address, {"like": "model"})["Location"]).content.decode()
    address, page = form(admin, "group_create")
    assert " checked" not in page
    plan = admin.get(admin.post(address, {"name": "new", "at": "4-0"})["Location"]).content.decode()
    assert "It starts after 4-0" in plan


def test_the_button_says_what_setting_the_position_does(stream: redis.Redis, admin: Client) -> None:
    address, _ = form(admin, "group_set_position", group=G)
    for chosen, words in ({"to": "0"}, "Deliver 3 entries again"), ({"to": "$"}, "Skip 2 entries"):
        plan = Page(admin.get(admin.post(address, chosen)["Location"]).content.decode())
        assert words in plan.buttons


def test_strategies_say_what_they_would_do(server: Server, stream: redis.Redis, admin: Client) -> None:
    _, page = form(admin, "group_set_position", group=G)
    counted = counts_reads(server)
    assert ("the start: 3 delivered again" in page) == counted
    assert ("the end: 2 skipped" in page) == counted
    assert any(value == "model" and words.startswith("model") for value, words in Page(page).options)


def test_a_form_about_a_group_speaks_of_the_group(stream: redis.Redis, admin: Client) -> None:
    for slug in ("group_destroy", "group_set_position", "consumer_create", "consumer_delete"):
        _, page = form(admin, slug, group=G)
        assert "Group <b>bill" in page
        assert "pending entries" not in page.split("<form")[0]


def test_the_consumer_of_the_row_is_chosen(stream: redis.Redis, admin: Client) -> None:
    _, page = form(admin, "consumer_delete", group=G, consumer="idle", all="1")
    assert "idle" in dict(Page(page).chosen)


@pytest.mark.parametrize(
    ("slug", "chosen", "wrong"),
    [
        ("group_create", {"name": "", "to": "0"}, "required"),
        ("group_create", {"name": "new", "to": "at", "at": "soon"}, "neither an ID nor a time"),
        ("group_create", {"name": "new", "to": "elsewhere"}, "not one of the available choices"),
        ("group_create", {"name": "new"}, "Choose one of these."),
        ("group_create", {"name": "new", "to": "$", "at": "-1m"}, "contradict each other"),
        ("group_set_position", {}, "Choose one of these."),
        ("group_set_position", {"to": "at", "at": ""}, "Enter an ID or a time."),
        ("group_set_position", {"to": "0", "at": "-1m"}, "“the start” and “at an ID or a time” contradict each other"),
        ("group_set_position", {"to": "$", "like": "model"}, "contradict each other"),
        ("group_set_position", {"at": "-1m", "like": "model"}, "contradict each other"),
        ("group_set_position", {"to": "like"}, "Choose a group."),
        ("group_set_position", {"to": "like", "like": "nobody"}, "not one of the available choices"),
        ("consumer_create", {"consumer": ""}, "required"),
    ],
)
def test_a_form_says_what_is_wrong(
    stream: redis.Redis, admin: Client, slug: str, chosen: dict[str, str], wrong: str
) -> None:
    address, _ = form(admin, slug, group=G)
    answer = admin.post(address, chosen)
    assert answer.status_code == 400
    assert wrong in answer.content.decode()


@pytest.mark.parametrize(
    ("to", "words"),
    [("", "It holds 3 pending entries, which would be lost with it"), (to_path(WORKER), "That is the consumer itself")],
)
def test_who_gets_the_entries_of_a_consumer_is_asked_beside_the_field(
    stream: redis.Redis, admin: Client, to: str, words: str
) -> None:
    address, page = form(admin, "consumer_delete", group=G)
    assert ("", "choose a consumer") in Page(page).chosen
    answer = admin.post(address, {"consumer": to_path(WORKER), "to": to})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert words in page
    assert to_path(WORKER) in dict(Page(page).chosen)


def test_what_the_state_forbids_is_a_page_that_says_why(stream: redis.Redis, admin: Client) -> None:
    for slug in ("group_set_position", "consumer_delete"):
        assert admin.get(reverse("do", args=["default", KEY, slug]) + "?group=nobody").status_code == 409


def test_without_a_group_in_the_address_it_is_no_crash(stream: redis.Redis, admin: Client) -> None:
    for slug in ("group_set_position", "consumer_delete", "consumer_create", "group_destroy"):
        address = reverse("do", args=["default", KEY, slug])
        assert admin.get(address).status_code in (200, 400)
        assert admin.post(address, {"consumer": "a"}).status_code == 400


def test_a_group_on_a_stream_that_is_not_there_yet(server: Server, redis_client: redis.Redis, admin: Client) -> None:
    address, page = form(admin, "group_create")
    assert "Create the stream" in page
    assert admin.post(address, {"name": "new", "to": "0"}).status_code == 409
    plan, done = run(admin, address, {"name": "new", "to": "0", "mkstream": "on"})
    assert "MKSTREAM" in plan
    assert done.status_code == 200
    assert redis_client.xlen(KEY) == 0
    assert "Create the stream" not in form(admin, "group_create")[1]
