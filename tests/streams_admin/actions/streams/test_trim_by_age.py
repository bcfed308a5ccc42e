"""An age only where IDs are times in milliseconds; elsewhere it is refused, and the form offers what fits."""

from __future__ import annotations

import pytest
import redis
from django.test import Client

from dashboard.streams.links import Server
from streams_admin.errors import BadParameters
from streams_admin.models import Plan
from tests.dashboard.streams.seeding import KEY, fill
from tests.streams_admin.acting import act, entries, planned

pytestmark = pytest.mark.django_db
WEEK_MS, DAY_S, HOUR_MS = 604_800_000, 86_400, 3_600_000
ADDRESS = "/s/default/q/do/trim/"


def add_each(client: redis.Redis, count: int, per_second: int, key: bytes = KEY) -> int:
    """An entry a day for `count` days up to now, with IDs in this unit; the server's second."""
    now = int(client.time()[0])
    for number in range(count):
        client.xadd(key, {"n": number}, id=f"{(now - (count - 1 - number) * DAY_S) * per_second}-0")
    return now


def test_an_age_is_compared_with_milliseconds(server: Server, redis_client: redis.Redis) -> None:
    add_each(redis_client, 60, 1000)
    assert act("trim", {"older_than_ms": WEEK_MS - HOUR_MS, "approximate": False}).results == {"done": 53}
    assert redis_client.xlen(KEY) == 7


@pytest.mark.parametrize(("per_second", "unit"), [(1, "seconds"), (10**6, "microseconds"), (10**9, "nanoseconds")])
def test_other_units_are_refused_with_the_id_of_that_age(
    server: Server, redis_client: redis.Redis, per_second: int, unit: str
) -> None:
    now = add_each(redis_client, 60, per_second)
    with pytest.raises(BadParameters, match=f"count {unit}, not milliseconds") as refused:
        planned("trim", {"older_than_ms": WEEK_MS - HOUR_MS, "approximate": False})
    minid = refused.value.message.partition("minid ")[2].split(" ")[0]
    assert abs(int(minid.partition("-")[0]) / per_second - (now - 7 * DAY_S + 3600)) < 30
    assert act("trim", {"minid": minid, "approximate": False}).results == {"done": 53}


def test_counters_are_refused(server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 10)
    with pytest.raises(BadParameters, match=r"are not times \(1-0\).*Give minid"):
        planned("trim", {"older_than_ms": 1, "safe": True})
    assert redis_client.xlen(KEY) == 10


@pytest.mark.parametrize("slug", ["group_create", "group_set_position"])
def test_a_time_is_no_position_where_ids_are_seconds(server: Server, redis_client: redis.Redis, slug: str) -> None:
    add_each(redis_client, 3, 1, b"q")
    if slug == "group_set_position":
        redis_client.xgroup_create("q", "g", id="0")
    with pytest.raises(BadParameters, match=r"IDs of q count seconds.*Give an ID"):
        planned(slug, {"group": "g", "position": "-2h"}, key=b"q")
    middle = entries(redis_client, b"q")[1][0].decode()
    assert planned(slug, {"group": "g", "position": middle}, key=b"q").preview["total"] == 1


def test_a_time_is_a_position_where_ids_are_milliseconds(server: Server, redis_client: redis.Redis) -> None:
    add_each(redis_client, 3, 1000, b"q")
    preview = planned("group_create", {"group": "g", "position": "-2h"}, key=b"q").preview
    assert preview["counts"] == {"to_deliver": 1}


# The forms -----------------------------------------------------------------------------------------------------------


def test_the_form_turns_days_into_an_id_of_the_unit(admin: Client, server: Server, redis_client: redis.Redis) -> None:
    now = add_each(redis_client, 60, 1, b"q")
    assert "days; IDs here count seconds" in admin.get(ADDRESS).content.decode()
    assert admin.post(ADDRESS, {"days": "6.99", "exact": "on"}).status_code == 302
    plan = Plan.objects.get()
    assert abs(int(plan.params["minid"].partition("-")[0]) - (now - 6.99 * DAY_S)) < 30
    assert plan.preview["total"] == 53


def test_the_form_offers_no_age_for_counters(admin: Client, server: Server, redis_client: redis.Redis) -> None:
    fill(redis_client, 10, key=b"q")
    page = admin.get(ADDRESS).content.decode()
    assert "IDs here are not times (1-0)" in page
    assert 'name="days"' not in page
    assert admin.post(ADDRESS, {"days": "7"}).status_code == 400
    assert not Plan.objects.exists()


def test_the_form_still_takes_days_of_milliseconds(admin: Client, server: Server, redis_client: redis.Redis) -> None:
    add_each(redis_client, 60, 1000, b"q")
    admin.post(ADDRESS, {"days": "6.99", "exact": "on"})
    plan = Plan.objects.get()
    assert (plan.params["older_than_ms"], plan.preview["total"]) == (int(6.99 * 86_400_000), 53)


def test_a_range_of_entries_takes_no_time_there(admin: Client, server: Server, redis_client: redis.Redis) -> None:
    add_each(redis_client, 3, 1, b"q")
    answer = admin.post("/s/default/q/do/delete/", {"start": "-30d"})
    assert answer.status_code == 400
    assert "IDs of q count seconds, not milliseconds" in answer.content.decode()
    middle = entries(redis_client, b"q")[1][0].decode()
    assert admin.post("/s/default/q/do/delete/", {"start": middle, "references": "keep"}).status_code == 302
