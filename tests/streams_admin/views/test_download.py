"""What a plan takes away, as a file: complete and in full, or with the reason why not, and only for who may read it."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone

from dashboard.accounts.masking import Mask
from dashboard.accounts.principals import Principal
from dashboard.config.masking import MaskRule
from dashboard.display.rows import Sight
from dashboard.models import AccessGrant
from dashboard.streams import links
from dashboard.streams.errors import Unreachable
from dashboard.streams.ids import MAX, MIN, StreamId
from dashboard.streams.links import Server
from dashboard.streams.names import to_path
from dashboard.streams.payloads.show import MASK
from dashboard.streams.snapshots import Entry
from streams_admin import plans
from streams_admin.actions.context import Scope
from streams_admin.actions.reads import affected
from streams_admin.actions.registry import ALL
from streams_admin.errors import Conflict
from streams_admin.models import AuditEntry, Plan
from streams_admin.views import downloads
from tests.conftest import Configure
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, fill, group, neglect
from tests.people import id_of, person, signed_in
from tests.streams_admin.acting import act, planned, run
from tests.streams_admin.recipes import HELPER, IDLE_MS, collect

pytestmark = pytest.mark.django_db
RECIPES = collect()
G, W = to_path(GROUP), to_path(WORKER)
LONG = b"\xff" * 100_000
OPEN = Sight(Mask(()), may_read=True)


@pytest.fixture
def world(server: Server, redis_client: redis.Redis) -> redis.Redis:
    """Entries 1-0 to 6-0, the first four pending with WORKER, idle for IDLE_MS, delivered for the third time."""
    RECIPES["claim"].seed(redis_client)
    return redis_client


def address(plan: Plan) -> str:
    return reverse("plan_entries", args=[plans.token(plan)])


def read(client: Client, plan: Plan) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The entries in the file, and its last line."""
    answer = client.get(address(plan))
    assert answer.status_code == 200
    *found, last = [json.loads(line) for line in b"".join(answer).decode().splitlines()]
    return found, last


def ids(found: list[dict[str, Any]]) -> list[int]:
    return [int(line["id"].split("-")[0]) for line in found]


# What is in it -------------------------------------------------------------------------------------------------------

ALL_SIX, HELD = [1, 2, 3, 4, 5, 6], [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("slug", "params", "expected"),
    [
        ("delete", {"ids": ["2-0", "5-0", "9-0"]}, [2, 5]),
        ("delete", {"filter": {"start": "3-0", "end": "5-0"}}, [3, 4, 5]),
        ("delete", {"filter": {"limit": 4}}, HELD),
        ("trim", {"maxlen": 2, "approximate": False}, HELD),
        ("trim", {"minid": "4-0", "approximate": False}, [1, 2, 3]),
        ("trim", {"maxlen": 0}, ALL_SIX),
        ("stream_delete", {}, ALL_SIX),
        ("group_destroy", {"group": G}, HELD),
        ("consumer_delete", {"group": G, "consumer": W, "to": to_path(HELPER)}, HELD),
    ],
)
def test_all_that_would_go_is_in_it(
    slug: str, params: dict[str, Any], expected: list[int], world: redis.Redis, admin: Client
) -> None:
    found, last = read(admin, planned(slug, params))
    assert ids(found) == expected
    assert last == {"complete": True, "entries": len(expected)}


def test_an_entry_is_as_the_api_has_it_and_never_cut(world: redis.Redis, admin: Client) -> None:
    world.execute_command("XADD", KEY, "7-0", "a", "1", "a", LONG)
    (found,), _ = read(admin, planned("delete", {"ids": ["7-0"]}))
    api = admin.get(reverse("api:entries", args=["default", KEY]), {"start": "7-0"}).json()["items"][0]
    assert found.keys() == api.keys()
    assert found | {"fields": None} == api | {"fields": None}
    assert [name for name, _ in found["fields"]] == ["a", "a"]
    assert len(found["fields"][1][1]["base64"]) > 133_000
    assert "bytes" not in found["fields"][1][1]


def test_a_pending_entry_has_its_holder_and_its_body_if_it_is_there(world: redis.Redis, admin: Client) -> None:
    world.xdel(KEY, "2-0")
    found, _ = read(admin, planned("group_destroy", {"group": G}))
    assert found[0]["consumer"] == {"base64": "dwBya2Vy/S0xICQ="}
    assert (found[0]["deliveries"], found[0]["body"], found[0]["fields"]) == (3, "present", [["n", "1"]])
    assert found[0]["idle_ms"] >= IDLE_MS
    assert (found[1]["body"], found[1]["fields"]) == ("gone", None)


def test_masked_values_are_masked(world: redis.Redis, admin: Client, configure: Configure) -> None:
    configure(mask_rules=(MaskRule("*", ("n",)),))
    for slug, params in (("stream_delete", {}), ("group_destroy", {"group": G})):
        found, _ = read(admin, planned(slug, params))
        assert {line["fields"][0][1] for line in found} == {MASK}
        assert {line.get("size", 1) for line in found} == {1}, "the name alone"


def test_what_came_after_the_plan_is_not_in_it(world: redis.Redis, admin: Client) -> None:
    plan = planned("delete", {"filter": {}})
    world.xadd(KEY, {"n": "7"}, id="7-0")
    assert ids(read(admin, plan)[0]) == ALL_SIX


def test_many_pages_make_one_file(server: Server, redis_client: redis.Redis, admin: Client) -> None:
    fill(redis_client, 1203)
    group(redis_client, read=1203)
    neglect(redis_client, "1-0", idle_ms=IDLE_MS)
    for slug, params in (("stream_delete", {}), ("group_destroy", {"group": G}), ("trim", {"maxlen": 0})):
        found, last = read(admin, planned(slug, params))
        assert ids(found) == list(range(1, 1204))
        assert last["complete"]


# Bounded -------------------------------------------------------------------------------------------------------------


def pages(count: int, size: int = 1) -> Iterator[list[Entry]]:
    for number in range(count):
        yield [Entry(StreamId(number + 1, 0), ((b"n", b"x" * size),))]


def last_of(chunks: Iterator[bytes]) -> tuple[int, dict[str, Any]]:
    *entries, last = b"".join(chunks).decode().splitlines()
    return len(entries), json.loads(last)


@pytest.mark.parametrize(("there", "told", "complete"), [(2, 2, True), (3, 3, True), (4, 3, False)])
def test_a_file_says_when_there_are_more_entries(
    monkeypatch: pytest.MonkeyPatch, there: int, told: int, complete: bool
) -> None:
    monkeypatch.setattr(downloads, "LINES_MOST", 3)
    count, last = last_of(downloads.lines_of(pages(there), OPEN))
    assert (count, last["entries"], last["complete"]) == (told, told, complete)
    assert last.get("stopped", "") == ("" if complete else "A file holds at most 3 entries.")


def test_a_file_says_when_it_would_be_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "BYTES_MOST", 2**20)
    count, last = last_of(downloads.lines_of(pages(100, size=2**18), OPEN))
    assert (count, last["complete"], last["stopped"]) == (5, False, "A file holds at most about 1 MiB.")


def test_a_file_says_when_it_took_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "SECONDS_MOST", -1)
    count, last = last_of(downloads.lines_of(pages(100), OPEN))
    assert (count, last["complete"], last["stopped"]) == (1, False, "Reading took longer than -1 s.")


def test_a_file_says_when_the_server_did_not_answer_any_more() -> None:
    def broken() -> Iterator[list[Entry]]:
        yield from pages(2)
        raise Unreachable("The server does not answer.")

    assert last_of(downloads.lines_of(broken(), OPEN)) == (
        2,
        {"complete": False, "entries": 2, "stopped": "The server does not answer."},
    )


def test_memory_stays_flat(server: Server, redis_client: redis.Redis) -> None:
    with redis_client.pipeline(transaction=False) as pipe:
        for number in range(1, 6001):
            pipe.xadd(KEY, {"n": b"x" * 8192}, id=f"{number}-0")
        pipe.execute()
    ctx = Scope(Principal("anna", id_of("anna")), links.get("default"), KEY)
    tracemalloc.start()
    size = sum(map(len, downloads.lines_of(affected.ranged(ctx, MIN, MAX), OPEN)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 48_000_000
    assert peak < 24_000_000, "some pages of 4 MiB, not all of it"


@pytest.mark.django_db(transaction=True)
async def test_it_is_sent_while_it_is_read(server: Server, redis_client: redis.Redis) -> None:
    await sync_to_async(fill)(redis_client, 1203)
    client = AsyncClient()
    anna = await sync_to_async(person)("anna", "admin")
    await client.aforce_login(anna)
    answer = await client.get(address(await sync_to_async(planned)("stream_delete", {})))
    assert isinstance(answer, StreamingHttpResponse)
    assert answer.is_async
    parts = [part async for part in answer]
    assert len(parts) >= 4, "three pages and the last line"
    assert len(b"".join(parts).splitlines()) == 1204


# Who gets it ---------------------------------------------------------------------------------------------------------


def test_the_plan_page_leads_to_it(world: redis.Redis, admin: Client) -> None:
    for slug in ("delete", "trim", "stream_delete", "group_destroy", "consumer_delete"):
        plan = planned(slug, RECIPES[slug].params)
        assert f'href="{address(plan)}"' in admin.get(reverse("plan", args=[plans.token(plan)])).content.decode()
        answer = admin.get(address(plan))
        assert answer["Content-Disposition"].startswith(f'attachment; filename="{slug}-')
        assert answer["Content-Type"] == "application/jsonl"


def test_every_irreversible_action_offers_it() -> None:
    unsafe = [slug for slug, action in ALL.items() if action.irreversible]
    assert sorted(unsafe) == ["delete", "group_destroy", "stream_delete", "trim"]


@pytest.mark.parametrize(
    ("slug", "params"),
    [
        ("claim", RECIPES["claim"].params),
        ("group_create", RECIPES["group_create"].params),
        ("consumer_delete", {"group": G, "consumer": to_path(HELPER)}),
    ],
)
def test_where_nothing_goes_there_is_no_file(
    slug: str, params: dict[str, Any], world: redis.Redis, admin: Client
) -> None:
    plan = planned(slug, params)
    assert admin.get(address(plan)).status_code == 404
    assert "entries.jsonl" not in admin.get(reverse("plan", args=[plans.token(plan)])).content.decode()


def test_a_plan_of_somebody_else_gives_nothing(world: redis.Redis, operator: Client) -> None:
    plan = planned("stream_delete", {})
    assert operator.get(address(plan)).status_code == 404
    altered = address(plan).replace("/entries", "0/entries")
    assert signed_in(person("anna", "admin")).get(altered).status_code == 404


def test_who_lost_the_right_to_read_gets_no_file(world: redis.Redis) -> None:
    anna, plan = person("anna", "admin"), planned("stream_delete", {})
    assert signed_in(anna).get(address(plan)).status_code == 200
    anna.groups.clear()
    AccessGrant.objects.create(user=anna, role="admin", keys=["other:*"])
    answer = signed_in(anna).get(address(plan))
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda plan: Plan.objects.filter(pk=plan.pk).update(used=timezone.now()), 409),
        (lambda plan: links.configure([]), 404),
    ],
    ids=["run", "no server"],
)
def test_a_plan_that_does_not_hold_any_more_gives_nothing(
    change: Callable[[Plan], object], status: int, world: redis.Redis, admin: Client
) -> None:
    plan = planned("stream_delete", {})
    change(plan)
    assert admin.get(address(plan)).status_code == status


def test_an_expired_plan_gives_nothing(world: redis.Redis, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "LIVES", -plans.LIVES)
    assert admin.get(address(planned("stream_delete", {}))).status_code == 410


def test_what_was_kept_is_what_goes(world: redis.Redis, admin: Client) -> None:
    plan = planned("delete", {"filter": {"end": "3-0"}})
    kept, _ = read(admin, plan)
    operation = act("delete", {"filter": {"end": "3-0"}})
    assert [line["id"] for line in kept] == [id_ for id_, _ in operation.entries]


# Complete before it runs ---------------------------------------------------------------------------------------------


STILL = "The file of its entries is still being downloaded. Nothing was done: run it once that is complete."


@pytest.mark.django_db(transaction=True)
async def test_a_plan_does_not_run_while_its_file_is_made(server: Server, redis_client: redis.Redis) -> None:
    """With the first page sent, somebody clicks Run."""
    await sync_to_async(fill)(redis_client, 1203)
    client = AsyncClient()
    await client.aforce_login(await sync_to_async(person)("anna", "admin"))
    plan = await sync_to_async(planned)("delete", {"filter": {}})
    answer = await client.get(address(plan))
    assert isinstance(answer, StreamingHttpResponse)
    content = aiter(answer)
    parts = [await anext(content)]
    with pytest.raises(Conflict) as refused:
        await sync_to_async(run)(plan)
    assert refused.value.message == STILL
    assert redis_client.xlen(KEY) == 1203
    parts += [part async for part in content]
    assert json.loads(b"".join(parts).splitlines()[-1]) == {"complete": True, "entries": 1203}
    operation = await sync_to_async(run)(plan)
    assert operation.results == {"done": 1203}


def test_the_api_says_so_too(world: redis.Redis, admin: Client) -> None:
    plan = planned("delete", {"filter": {}})
    plans.begin_file(plan)
    body = {"confirm": plan.preview["confirm"]}
    answer = admin.post(f"/api/v1/plans/{plans.token(plan)}/run", body, content_type="application/json")
    assert (answer.status_code, answer.json()["detail"]) == (409, STILL)
    assert world.xlen(KEY) == 6
    assert AuditEntry.objects.count() == 0


def test_a_download_that_was_abandoned_holds_a_plan_for_so_long_at_most(
    world: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "FILE_TAKES", timedelta(seconds=-1))
    plan = planned("delete", {"filter": {}})
    plans.begin_file(plan)
    assert run(plan).results == {"done": 6}


def test_a_file_is_not_called_complete_where_the_plan_ran_all_the_same(
    world: redis.Redis, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took longer than a file may."""
    monkeypatch.setattr(plans, "FILE_TAKES", timedelta(seconds=-1))
    plan = planned("delete", {"filter": {}})
    answer = admin.get(address(plan))
    run(plan)
    last = json.loads(b"".join(answer).splitlines()[-1])
    assert last["complete"] is False
    assert last["stopped"] == "The plan was run, or deleted, before the file was complete: entries may be missing."
