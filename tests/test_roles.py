"""Deny by default: every address and every topic of the sockets, for everybody; and grants that are narrowed.

The table names every URL of the site. One that is not in it fails the first test: whoever adds a page says here who
may see it.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, get_args

import pytest
import redis
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from dashboard.accounts.directory import principal_for_user
from dashboard.accounts.permissions import ROLES
from dashboard.accounts.secrets import digest
from dashboard.accounts.sign_in import one_time_link
from dashboard.fleet.findings.model import Finding
from dashboard.fleet.incidents.ledger import Changes
from dashboard.fleet.incidents.rows import Rows
from dashboard.live import hub as hubs
from dashboard.live import topics
from dashboard.models import AccessGrant, ApiToken
from dashboard.routing import LIVE, websocket_urlpatterns
from dashboard.streams import links
from dashboard.streams.links import ServerConfig
from streams_admin import plans
from streams_admin.actions.registry import ALL
from streams_admin.audit.log import Caller
from streams_admin.models import AuditEntry, Operation, Plan
from streams_admin.operations import start
from tests.conftest import Configure
from tests.dashboard.live.sockets import browser, headers, opened
from tests.people import person, signed_in

pytestmark = pytest.mark.django_db

PEOPLE = {"anonymous": None, "stranger": None, "viewer": "viewer", "operator": "operator", "admin": "admin"}
MINE, SECRET = b"orders:new", b"secret:pay"
GROUPS = {MINE: b"workers", SECRET: b"hush"}
CLAIM = {"group": "workers", "filter": {}, "to": "walter"}


@dataclass(frozen=True)
class Row:
    """What each of PEOPLE gets, in their order. `query` belongs to the address, `body` to a POST of JSON."""

    get: str
    post: str
    query: str = ""
    body: dict[str, Any] | None = None


PAGE = Row("302 403 200 200 200", "302 405 405 405 405")
LOG = Row("302 403 403 200 200", "302 405 405 405 405")
READ = Row("401 403 200 200 200", "405 405 405 405 405")
NOTHING = Row("401 403 404 404 404", "401 403 404 404 404")
MUTE = {"until": (timezone.now() + timedelta(days=1)).isoformat(), "reason": "redeployed"}
ORDER = {"server": "default", "stream": "orders:new", "action": "claim", "params": CLAIM}

# fmt: off
TABLE = {
    "attention": PAGE,
    "search": PAGE,
    "mute": Row("302 403 403 200 200", "302 403 403 400 400"),  # without a reason
    "unmute": Row("302 405 405 405 405", "302 403 403 302 302"),
    "streams": PAGE,
    "about": PAGE,
    "tail": PAGE,
    "too-long": Row("302 403 414 414 414", "302 405 405 405 405"),
    "stream": PAGE,
    "entry": PAGE,
    "field": PAGE,
    "group": PAGE,
    # `do` wants to know for whom to claim, hence the 400; a plan is its maker's alone, and that is the operator
    "do": Row("302 403 403 200 200", "302 403 403 400 400", query="?group=workers&all=1"),
    "plan": Row("302 404 404 200 404", "302 404 404 302 404"),
    "plan_again": Row("302 405 405 405 405", "302 404 404 302 404"),
    "plan_entries": Row("302 404 404 404 404", "302 405 405 405 405"),  # a claim takes none away
    "operations": LOG,
    "operation": LOG,
    "operation_results": LOG,
    "steer": Row("302 405 405 405 405", "302 403 403 302 302"),
    "check_again": Row("302 405 405 405 405", "302 403 403 302 302"),
    "audit": LOG,
    "audit_jsonl": LOG,
    "audit_csv": LOG,
    "metrics": Row("200 200 200 200 200", "302 405 405 405 405"),  # on this machine; the rest is in dashboard/metrics
    "login": Row("200 302 302 302 302", "200 302 302 302 302"),
    "sign-in": Row("200 200 200 200 200", "302 302 302 302 302"),
    "logout": Row("302 405 405 405 405", "302 302 302 302 302"),
    "api:docs": Row("302 403 200 200 200", "405 405 405 405 405"),  # a page, with the API's way to ask for a sign-in
    "api:openapi": READ,
    "api:servers": READ,
    "api:about": READ,
    "api:streams": READ,
    "api:stream": READ,
    "api:entries": READ,
    "api:entry": READ,
    "api:groups": READ,
    "api:group": READ,
    "api:consumers": READ,
    "api:pending": READ,
    "api:findings": READ,
    "api:mute_finding": Row("405 405 405 405 405", "401 403 403 200 200", body=MUTE),
    "api:unmute_finding": Row("405 405 405 405 405", "401 403 403 200 200", body=MUTE),  # the same address
    "api:make_plan": Row("405 405 405 405 405", "401 403 403 201 201", body=ORDER),
    "api:run": Row("405 405 405 405 405", "401 403 404 202 404", body={}),
    "api:operation": Row("401 403 403 200 200", "405 405 405 405 405"),
    "api:plan_entries": Row("401 403 404 404 404", "405 405 405 405 405"),  # a claim takes none away
    "api:operation_results": Row("401 403 403 200 200", "405 405 405 405 405"),
    "api:audit_jsonl": Row("401 403 403 200 200", "405 405 405 405 405"),
    "api:audit_csv": Row("401 403 403 200 200", "405 405 405 405 405"),
    "api:steer": Row("405 405 405 405 405", "401 403 403 200 200"),
    "api:audit": Row("401 403 403 200 200", "405 405 405 405 405"),
    "api:root": NOTHING,
    "api:api-root": NOTHING,
    "api:nothing": NOTHING,
}
# fmt: on
CHANGE_THE_SERVER = {("plan", "operator"), ("api:run", "operator")}


class World:
    """One stream that everybody of a role may see, a secret one, and what there is about them; made when asked for."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.ids = {key: seed(client, key, group) for key, group in GROUPS.items()}

    def sample(self, parameter: str, key: bytes = MINE) -> Any:
        """What stands in an address for a parameter of this name."""
        fixed: dict[str, Any] = {"server": "default", "stream": key, "group": GROUPS[key], "entry": self.ids[key]}
        fixed |= {"position": 0, "action": "claim", "wish": "cancel", "rest": "what/ever"}
        if parameter in fixed:
            return fixed[parameter]
        made = {"token": "plan", "plan": "plan", "id": "operation", "secret": "secret"}
        return getattr(self, made.get(parameter, parameter))

    @cached_property
    def plan(self) -> str:
        """The operator's."""
        return plans.token(planned(person("operator", "operator"), MINE))

    @cached_property
    def operation(self) -> uuid.UUID:
        """The operator's."""
        return done(person("operator", "operator"), MINE).pk

    @cached_property
    def incident(self) -> uuid.UUID:
        """Of the stream that everybody of a role may see."""
        finding = Finding("stuck", "stuck", MINE, GROUPS[MINE], "wanda holds 2 entries")
        changes = Changes({finding.identity: finding})
        written = Rows().exchange("default", changes, look=False, version=None)
        return written.rows[finding.identity].id

    @cached_property
    def secret(self) -> str:
        return one_time_link(person("vera", "viewer")).rstrip("/").rpartition("/")[2]

    def digest(self) -> dict[bytes, bytes]:
        """All that is on the server."""
        return {key: self.client.dump(key) for key in sorted(self.client.keys())}


def seed(client: redis.Redis, key: bytes, group: bytes) -> str:
    """Three entries, of which a consumer holds two; the ID of the first. No ID is on two streams."""
    began = 1_700_000_000_000 + len(group)
    ids = [client.xadd(key, {b"of": key, b"n": n}, id=f"{began}-{n + 1}") for n in range(3)]
    client.xgroup_create(key, group, id="0")
    client.xreadgroup(group, b"mallory" if key == SECRET else b"wanda", {key: b">"}, count=2)
    found: bytes = ids[0]
    return found.decode()


def planned(user: User, key: bytes) -> Any:
    caller = Caller(principal_for_user(user), "page")
    params = {"group": GROUPS[key].decode(), "filter": {}, "to": "walter"}
    return plans.prepare(caller, links.get("default"), key, "claim", params)


def done(user: User, key: bytes) -> Operation:
    return start.begin(Caller(principal_for_user(user), "page"), planned(user, key))


@pytest.fixture
def world(redis_url: str, redis_client: redis.Redis) -> Iterator[World]:
    links.configure([ServerConfig("default", redis_url), ServerConfig("vault", redis_url)])
    yield World(redis_client)
    links.configure([])


def client_of(who: str) -> Client:
    return Client() if who == "anonymous" else signed_in(person(who, PEOPLE[who]))


def urls(resolver: URLResolver, above: tuple[str, ...] = ()) -> Iterator[tuple[str, list[str]]]:
    """Every URL of the site by its full name, with the names of its parameters."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            names = {**pattern.pattern.regex.groupindex, **pattern.pattern.converters}
            yield ":".join([*above, pattern.name or str(pattern.pattern)]), sorted(names)
        else:
            yield from urls(pattern, (*above, *([pattern.namespace] if pattern.namespace else [])))


PARAMETERS = dict(urls(get_resolver()))


def address(name: str, world: World, key: bytes = MINE, **instead: Any) -> str:
    parameters = {p: instead.get(p, world.sample(p, key)) for p in PARAMETERS[name]}
    return reverse(name, kwargs=parameters) + TABLE[name].query


def post(client: Client, path: str, body: dict[str, Any] | None) -> HttpResponse:
    """As a form of a page, or as JSON."""
    if body is None:
        return client.post(path)
    return client.post(path, json.dumps(body), content_type="application/json")


def test_the_table_names_every_url() -> None:
    assert PARAMETERS.keys() - TABLE.keys() == set(), "say in TABLE who may see these"
    assert TABLE.keys() - PARAMETERS.keys() == set(), "these are not there any more"


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("name", TABLE)
def test_everybody_gets_what_the_table_says(name: str, who: str, world: World) -> None:
    row, at = TABLE[name], list(PEOPLE).index(who)
    path, before = address(name, world), world.digest()
    got = client_of(who).get(path)
    assert (name, who, got.status_code) == (name, who, int(row.get.split()[at]))
    posted = post(client_of(who), path, row.body)
    assert (name, who, posted.status_code) == (name, who, int(row.post.split()[at]))
    assert (world.digest() != before) == ((name, who) in CHANGE_THE_SERVER)


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.get.startswith("302")])
def test_a_page_sends_who_is_not_signed_in_to_the_sign_in(name: str, world: World) -> None:
    answer = Client().get(address(name, world))
    assert answer["Location"].startswith("/sign-in/?next=/")
    assert answer.content == b""


@pytest.mark.parametrize("who", ["anonymous", "stranger"])
@pytest.mark.parametrize("name", TABLE)
def test_who_may_nothing_reads_no_name_of_anything(name: str, who: str, world: World) -> None:
    path, client = address(name, world), client_of(who)
    for answer in (client.get(path), post(client, path, TABLE[name].body)):
        assert not re.search(rb"wanda|workers|vault", answer.content.replace(path.encode(), b""))


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_answer_everybody_and_are_only_read(path: str) -> None:
    assert (Client().get(path).status_code, Client().post(path).status_code) == (200, 405)


def test_what_is_not_there_asks_for_nothing() -> None:
    assert Client().get("/nothing/").status_code == 404


# actions -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("slug", ALL)
def test_every_action_asks_for_its_permission(slug: str, who: str, world: World) -> None:
    """Form and API alike; who may goes on to the parameters, which make no sense here."""
    role, client = PEOPLE[who], client_of(who)
    allowed = role is not None and ALL[slug].permission in ROLES[role]
    page = client.post(reverse("do", args=["default", MINE, slug]) + "?group=nobody&all=1", {"to": "?"})
    order = {"server": "default", "stream": "orders:new", "action": slug, "params": {"nonsense": 1}}
    planned = post(client, reverse("api:make_plan"), order)
    refused = (302, 401) if who == "anonymous" else (403, 403)
    assert ((page.status_code, planned.status_code) == refused) == (not allowed)
    assert not allowed or planned.status_code in (400, 404)


def test_a_plan_is_not_run_by_who_has_lost_the_role(world: World) -> None:
    olga = person("operator", "operator")
    path, before = reverse("plan", args=[world.plan]), world.digest()
    olga.groups.clear()
    assert signed_in(olga).post(path).status_code == 403
    assert world.digest() == before
    assert AuditEntry.objects.get().outcome == "denied"


def test_a_read_only_server_is_for_nobody(world: World, redis_url: str) -> None:
    links.configure([ServerConfig("default", redis_url, read_only=True)])
    path, before = reverse("do", args=["default", MINE, "claim"]) + "?group=workers&all=1", world.digest()
    assert client_of("admin").post(path, {"to": "walter"}).status_code == 409
    assert post(client_of("admin"), reverse("api:make_plan"), ORDER).status_code == 409
    assert world.digest() == before


# grants that are narrowed --------------------------------------------------------------------------------------------

MARKS = re.compile(r"secret:pay|hush|mallory|vault")


@pytest.fixture
def narrowed(world: World, configure: Configure) -> Client:
    """An operator for `orders:*` of one server; on everything, something is wrong."""
    configure(poison_deliveries=1)
    nora = person("nora", None)
    AccessGrant.objects.create(user=nora, role="operator", server="default", keys=["orders:*"])
    return signed_in(nora)


def has(name: str, *parameters: str) -> bool:
    return set(parameters) <= set(PARAMETERS[name])


@pytest.mark.parametrize("name", [name for name in TABLE if has(name, "stream")])
def test_another_stream_is_refused(name: str, world: World, narrowed: Client) -> None:
    path, before = address(name, world, SECRET), world.digest()
    refused = narrowed.get(path), post(narrowed, path, TABLE[name].body)
    assert {answer.status_code for answer in refused} <= {403, 404, 405}
    assert narrowed.get(address(name, world)).status_code == 200
    assert world.digest() == before


def said(answer: Any, server: str) -> tuple[int, str]:
    """What somebody learns about a server whose name they typed."""
    text = re.sub(r"\b\w{64}\b", "CSRF", b"".join(answer).decode())
    return answer.status_code, text.replace(server, "…")


@pytest.mark.parametrize("name", [name for name in TABLE if has(name, "server")])
def test_another_server_is_as_unknown_as_one_that_is_not_there(name: str, world: World, narrowed: Client) -> None:
    for ask in (narrowed.get, lambda path: post(narrowed, path, TABLE[name].body)):
        there, nowhere = (said(ask(address(name, world, server=s)), s) for s in ("vault", "attic"))
        assert there == nowhere
        assert there[0] in (404, 405)


def test_an_operation_on_another_server_is_as_unknown_as_one_that_is_not_there(world: World, narrowed: Client) -> None:
    there = done(person("anna", "admin"), MINE)
    Plan.objects.update(server="vault")
    for name in ("operation", "operation_results", "steer", "check_again", "api:operation", "api:steer"):
        for ask in (narrowed.get, narrowed.post):
            paths = [address(name, world, id=number) for number in (there.pk, uuid.uuid4())]
            known, unknown = (said(ask(path), path.split("/")[-2]) for path in paths)
            assert (name, known[0]) == (name, unknown[0])
            assert known[0] in (404, 405)


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.get.endswith("200 200")])
def test_what_is_not_granted_stands_on_no_page_and_in_no_list(name: str, world: World, narrowed: Client) -> None:
    done(person("anna", "admin"), SECRET)
    AccessGrant.objects.filter(user__username="nora").update(role="admin")
    everything = b"".join(signed_in(person("anna", "admin")).get(address(name, world))).decode()
    mine = narrowed.get(address(name, world))
    assert mine.status_code == 200
    assert not MARKS.search(b"".join(mine).decode())
    shown_to_others = {
        "attention",
        "streams",
        "operations",
        "audit",
        "audit_jsonl",
        "audit_csv",
        "api:audit_jsonl",
        "api:audit_csv",
        "api:servers",
        "api:streams",
        "api:findings",
    }
    assert MARKS.search(everything) or name not in shown_to_others, "else this proves nothing"


def test_counts_are_of_what_is_granted(world: World, narrowed: Client) -> None:
    streams = narrowed.get(reverse("streams", args=["default"])).content.decode()
    assert "1 stream on" in streams
    home = narrowed.get(reverse("attention")).content.decode()
    everything = signed_in(person("anna", "admin")).get(reverse("attention")).content.decode()
    assert masthead_count(everything) > masthead_count(home) == home.count('id="finding-') == 1
    assert "1 stream, 1 group on 1 of 1 server" in " ".join(home.split())
    assert len(narrowed.get("/api/v1/findings").json()["items"]) == 1


def masthead_count(page: str) -> int:
    found = re.search(r"Attention <b>(\d+)</b>", page)
    return int(found[1]) if found else 0


@pytest.mark.parametrize("text", ["secret", "hush", "mallory", "*"])
def test_search_finds_what_is_granted(text: str, world: World, narrowed: Client) -> None:
    found = narrowed.get(reverse("search"), {"q": text})
    assert not re.search(r'href="[^"]*(secret|hush|mallory)', found.content.decode())


def test_an_entry_is_not_found_by_its_id_elsewhere(world: World, narrowed: Client) -> None:
    assert narrowed.get(reverse("search"), {"q": world.ids[SECRET]}).status_code == 200, "a page that says: not found"
    mine = narrowed.get(reverse("search"), {"q": world.ids[MINE]})
    assert (mine.status_code, mine["Location"]) == (302, reverse("entry", args=["default", MINE, world.ids[MINE]]))


@pytest.mark.parametrize("path", ["/?server=vault", "/audit/?server=vault"])
def test_naming_a_server_in_the_query_opens_nothing(path: str, world: World, narrowed: Client) -> None:
    assert 'href="/s/vault' not in narrowed.get(path).content.decode()


@pytest.mark.parametrize("name", ["findings", "audit"])
def test_naming_a_server_in_the_query_of_the_api_opens_nothing(name: str, world: World, narrowed: Client) -> None:
    answer = narrowed.get(reverse(f"api:{name}"), {"server": "vault"})
    assert answer.status_code == 404 or answer.json()["items"] == []


def test_operations_elsewhere_are_refused(world: World, narrowed: Client) -> None:
    elsewhere = done(person("anna", "admin"), SECRET).pk
    for name in ("operation", "steer", "api:operation", "api:operation_results", "api:steer"):
        path = reverse(name, kwargs={"id": elsewhere, **({"wish": "cancel"} if "steer" in name else {})})
        assert {narrowed.get(path).status_code, narrowed.post(path).status_code} <= {403, 405}


@pytest.mark.parametrize("name", ["audit", "operations"])
def test_what_was_done_elsewhere_fills_no_pages(name: str, world: World, narrowed: Client) -> None:
    """Neither does it push the own lines to a later page, nor does a button tell of it."""
    done(person("olga", "operator"), MINE)
    for _ in range(60):
        done(person("anna", "admin"), SECRET)
    page = narrowed.get(reverse(name)).content.decode()
    assert page.count("olga") == 1
    assert "page=2" not in page
    assert "page=2" in signed_in(person("anna", "admin")).get(reverse(name)).content.decode()


def test_a_token_that_is_narrowed_plans_nothing_elsewhere(world: World) -> None:
    keys = {"keys": ["orders:*"], "server": "default"}
    ApiToken.objects.create(name="t", digest=digest("s"), role="operator", **keys)
    client = Client(headers={"Authorization": "Bearer s"})
    assert post(client, reverse("api:make_plan"), ORDER).status_code == 201
    elsewhere = {**ORDER, "stream": "secret:pay", "params": {**CLAIM, "group": "hush"}}
    assert post(client, reverse("api:make_plan"), elsewhere).status_code == 403
    there, nowhere = (post(client, reverse("api:make_plan"), {**ORDER, "server": s}) for s in ("vault", "attic"))
    assert said(there, "vault") == said(nowhere, "attic")
    assert there.status_code == 404


# sockets -------------------------------------------------------------------------------------------------------------

WATCHES: dict[str, dict[str, str]] = {
    "entries": {"server": "default", "stream": "orders:new"},
    "group": {"server": "default", "stream": "orders:new", "group": "workers"},
    "fleet": {},
    "operation": {"operation": "7"},
}
ELSEWHERE = (
    {"topic": "entries", "server": "default", "stream": "secret:pay"},
    {"topic": "entries", "server": "vault", "stream": "orders:new"},
    {"topic": "group", "server": "default", "stream": "secret:pay", "group": "hush"},
    {"topic": "group", "server": "vault", "stream": "orders:new", "group": "workers"},
    {"topic": "entries", "server": "attic", "stream": "orders:new"},
    {"topic": "group", "server": "attic", "stream": "orders:new", "group": "workers"},
)


def test_the_table_names_every_socket_and_topic() -> None:
    assert {str(route.pattern) for route in websocket_urlpatterns} == {LIVE}
    assert set(get_args(topics.Kind)) == WATCHES.keys()


async def answers(name: str, role: str | None, watches: list[dict[str, str]]) -> list[str]:
    """The code, or "watching", for each watch of a person who is signed in."""
    _, client = await browser(name, role)
    async with opened(headers(client)) as socket:
        return [await _answer(socket, {"type": "watch", "id": str(n), **watch}) for n, watch in enumerate(watches)]


async def _answer(socket: Any, frame: dict[str, str]) -> str:
    await socket.send_json_to(frame)
    got = await socket.next()
    return str(got.get("code", got["type"]))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("who", "expected"),
    [("stranger", "forbidden"), ("viewer", "watching"), ("operator", "watching"), ("admin", "watching")],
)
async def test_every_topic_asks_who_watches(who: str, expected: str, world: World) -> None:
    watches = [{"topic": kind, **fields} for kind, fields in WATCHES.items()]
    got = await answers(who, PEOPLE[who], watches)
    await hubs.current().stop()
    assert got == [expected] * len(watches)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", WATCHES)
async def test_no_topic_is_for_who_is_not_signed_in(kind: str, world: World) -> None:
    for head in (headers(None), headers(None, origin=None)):
        async with opened(head) as socket:
            assert (
                await _answer(socket, {"type": "watch", "id": "1", "topic": kind, **WATCHES[kind]}) == "auth_required"
            )
            assert await socket.closed() == 4401
    await hubs.current().stop()


@pytest.mark.django_db(transaction=True)
async def test_a_narrowed_grant_watches_nothing_elsewhere(world: World, narrowed: Client) -> None:
    mine = [{"topic": kind, **fields} for kind, fields in WATCHES.items()]
    got = await answers("nora", None, [*mine, *ELSEWHERE])
    await hubs.current().stop()
    assert got == ["watching"] * len(mine) + ["forbidden"] * len(ELSEWHERE)
