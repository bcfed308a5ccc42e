"""What is offered where: by the state of what is looked at, and only to who may do it; and each form opens a plan."""

from __future__ import annotations

import pytest
import redis
from django.test import Client

from dashboard.accounts.permissions import Grant
from dashboard.accounts.principals import Principal
from dashboard.menus import Target
from dashboard.streams import links
from dashboard.streams.ids import StreamId
from dashboard.streams.links import Server, ServerConfig
from dashboard.streams.names import to_path
from streams_admin.actions.registry import ALL
from streams_admin.models import Plan
from streams_admin.offers import offers
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group
from tests.people import id_of

pytestmark = pytest.mark.django_db
ADMIN, OPERATOR, VIEWER = (Principal("a", id_of("a"), (Grant(role),)) for role in ("admin", "operator", "viewer"))


def target(kind: str = "", *, consumer: bytes | None = None) -> Target:
    return Target("default", KEY, GROUP, consumer, kind=kind)


def slugs(principal: Principal, where: Target) -> list[str]:
    return [item.slug for item in offers(principal, where)]


@pytest.mark.parametrize(
    ("kind", "consumer", "slug", "query"),
    [
        ("stuck", None, "claim", ""),
        ("silent_consumer", WORKER, "claim", "&consumer="),
        ("silent", WORKER, "claim", "&consumer="),
        ("poison", None, "dead_letter", "&min_deliveries=5"),
        ("ghosts", None, "ghosts", ""),
        ("gone", WORKER, "consumer_delete", "&consumer="),
    ],
)
def test_a_finding_has_one_next_step(server: Server, kind: str, consumer: bytes | None, slug: str, query: str) -> None:
    (step,) = offers(ADMIN, target(kind, consumer=consumer))
    assert (step.slug, step.primary) == (slug, True)
    assert query in step.url
    assert step.url.startswith(f"/s/default/{to_path(KEY)}/do/{slug}/?group=")


@pytest.mark.parametrize("kind", ["falling_behind", "lag_unknown", "ok", "working"])
def test_other_states_ask_for_nothing(server: Server, kind: str) -> None:
    assert slugs(ADMIN, target(kind)) == []


def test_selected_entries_have_a_bar(server: Server) -> None:
    assert slugs(OPERATOR, target("selection")) == ["ack", "release", "dead_letter", "claim"]


def test_an_entry_can_be_replayed_by_operators_and_deleted_by_admins(server: Server) -> None:
    where = Target("default", KEY, entry=StreamId(1, 0))
    assert slugs(OPERATOR, where) == ["replay"]
    assert slugs(ADMIN, where) == ["replay", "delete"]
    assert all(item.url.endswith("?id=1-0") for item in offers(ADMIN, where))


def test_a_viewer_is_offered_nothing(server: Server) -> None:
    places = [target(), target("selection"), target("poison"), Target("default", KEY)]
    assert [slugs(VIEWER, where) for where in places] == [[], [], [], []]


def test_a_read_only_server_offers_nothing_and_says_why(
    server: Server, redis_client: redis.Redis, redis_url: str, admin: Client
) -> None:
    fill(redis_client, 6)
    group(redis_client, read=3)
    name = to_path(KEY)
    addresses = ("/s/default/", *(f"/s/default/{name}/{rest}" for rest in ("", f"g/{to_path(GROUP)}/", "e/1-0/")))
    open_, shut = ([ServerConfig("default", redis_url, read_only=given)] for given in (False, True))
    for config, says in ((open_, False), (shut, True)):
        links.configure(config)
        pages = [admin.get(address).content.decode() for address in addresses]
        assert all(("Read-only" in page) == says for page in pages)
        assert ["/do/" in page for page in pages[1:]] == [not says] * 3
        places = [target(), target("selection"), target("poison"), Target("default", KEY), target("stuck")]
        assert all((slugs(ADMIN, where) == []) == says for where in places)


@pytest.mark.parametrize(
    ("slug", "query", "form"),
    [
        ("release", f"?group={to_path(GROUP)}&id=1-0&id=2-0", {}),
        ("dead_letter", f"?group={to_path(GROUP)}&all=1", {"to": "", "delete": "on"}),
        ("ghosts", f"?group={to_path(GROUP)}&all=1", {}),
        ("delete", "", {"start": "2-0", "end": "", "references": "keep"}),
        ("delete", "?id=1-0", {"references": "keep"}),
        ("replay", "", {"start": "", "end": "3-0", "to": "elsewhere", "per_second": "5"}),
        ("replay", "?id=1-0", {"to": "elsewhere", "fields_text": "n: changed", "per_second": ""}),
        ("add", "", {"fields": "n: 1\nn: 2", "id": "", "maxlen": ""}),
        ("trim", "", {"keep": "2", "safe": "on"}),
    ],
)
def test_each_form_opens_a_plan_that_can_be_looked_at(
    server: Server, redis_client: redis.Redis, admin: Client, slug: str, query: str, form: dict[str, str]
) -> None:
    fill(redis_client, 6)
    group(redis_client, read=3)
    redis_client.xack(KEY, GROUP, "3-0")
    redis_client.xdel(KEY, "2-0")
    url = f"/s/default/{to_path(KEY)}/do/{slug}/{query}"
    assert admin.get(url).status_code == 200
    if slug == "trim":
        redis_client.xack(KEY, GROUP, "1-0", "2-0")
    posted = admin.post(url, form)
    assert posted.status_code == 302, posted.content.decode()[:3000]
    shown = admin.get(posted["Location"]).content.decode()
    assert "Nothing has happened yet" in shown
    plan = Plan.objects.get()
    assert plan.action == slug
    done = admin.post(posted["Location"], {"confirm": plan.preview["confirm"], "reason": "because"}, follow=True)
    assert done.status_code == 200
    assert plan.preview["title"] in done.content.decode()


def test_nonsense_in_a_form_is_shown_beside_its_field(server: Server, redis_client: redis.Redis, admin: Client) -> None:
    fill(redis_client, 3)
    for slug, form, words in (
        ("delete", {"start": "soon", "references": "keep"}, "neither an ID nor a time"),
        ("replay", {"to": ""}, "This field is required"),
        ("add", {"fields": "nonsense"}, "Line 1 is not"),
    ):
        answer = admin.post(f"/s/default/{to_path(KEY)}/do/{slug}/", form)
        assert (answer.status_code, words in answer.content.decode()) == (400, True), slug


def test_every_offered_action_is_in_the_registry(server: Server) -> None:
    places = [target(), target("selection"), Target("default", KEY), Target("default", KEY, entry=StreamId(1, 0))]
    assert {slug for where in places for slug in slugs(ADMIN, where)} <= set(ALL)
