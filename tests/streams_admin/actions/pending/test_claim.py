"""Claim and its options: what counts as a delivery, how idle an entry is then, and what was not pending at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import redis
from django.forms import Form
from django.http import QueryDict

from dashboard.accounts.principals import Principal
from dashboard.streams import links
from dashboard.streams.links import Server
from dashboard.streams.names import plain, to_path
from streams_admin.actions.context import ActionContext
from streams_admin.actions.pending.claim import Claim
from streams_admin.actions.reads.pending import PendingWork
from streams_admin.actions.reads.snapshots import EachSeen, PendingSeen
from streams_admin.errors import BadParameters, Changed
from streams_admin.models import Operation
from streams_admin.params.address import Address
from streams_admin.params.base import parse, serialise
from streams_admin.params.pending import ClaimParams
from tests.dashboard.streams.seeding import GROUP, KEY, WORKER, neglect
from tests.streams_admin.acting import act, before_sending, lost_replies, of_group, pending, planned, run
from tests.streams_admin.recipes import HELPER, IDLE_MS
from tests.streams_admin.recipes import Claim as Recipe

pytestmark = pytest.mark.django_db

NOTHING = PendingSeen(EachSeen((), ()))


@pytest.fixture
def stuck(server: Server, redis_client: redis.Redis) -> redis.Redis:
    """Entries 1-0 to 6-0, four of them pending with WORKER for ten minutes, delivered three times."""
    Recipe().seed(redis_client)
    return redis_client


def claim(*ids: str, **options: Any) -> Operation:
    return act("claim", of_group(*ids, to=to_path(HELPER), **options))


def delivered(client: redis.Redis, id_: bytes) -> tuple[bytes, int]:
    who, _, count = pending(client)[id_]
    return who, count


def test_neither_counts_nor_keeps_the_idle_time(stuck: redis.Redis) -> None:
    assert claim("1-0").results == {"done": 1}
    who, idle, count = pending(stuck)[b"1-0"]
    assert (who, count) == (HELPER, 3)
    assert idle < IDLE_MS / 2


def test_may_count_as_a_delivery(stuck: redis.Redis) -> None:
    neglect(stuck, "2-0", idle_ms=IDLE_MS, deliveries=9)
    claim("1-0", "2-0", bump=True)
    assert [delivered(stuck, id_) for id_ in (b"1-0", b"2-0", b"3-0")] == [(HELPER, 4), (HELPER, 10), (WORKER, 3)]


def test_may_keep_the_idle_time(stuck: redis.Redis) -> None:
    neglect(stuck, "2-0", idle_ms=3 * IDLE_MS)
    claim("1-0", "2-0", keep_idle=True)
    idle = {id_: idle for id_, (who, idle, _) in pending(stuck).items() if who == HELPER}
    assert IDLE_MS <= idle[b"1-0"] < 2 * IDLE_MS
    assert idle[b"2-0"] >= 3 * IDLE_MS


def test_what_is_not_idle_for_long_enough_is_no_part_of_the_plan(stuck: redis.Redis) -> None:
    neglect(stuck, "2-0", idle_ms=3 * IDLE_MS)
    plan = planned("claim", of_group("1-0", "2-0", to=to_path(HELPER), min_idle_ms=2 * IDLE_MS))
    assert plan.preview["total"] == 1
    assert "1 of the selected entries is left out" in [note["title"] for note in plan.preview["notes"]]
    assert run(plan).entries == [["2-0", "done"]]
    assert delivered(stuck, b"1-0")[0] == WORKER


def test_of_a_filter_and_the_claim_the_larger_idle_time_counts(stuck: redis.Redis) -> None:
    neglect(stuck, "2-0", idle_ms=3 * IDLE_MS)
    for idle_ms, filtered_ms in ((2 * IDLE_MS, 0), (1, 2 * IDLE_MS)):
        chosen = {"filter": {"min_idle_ms": filtered_ms}, "to": to_path(HELPER), "min_idle_ms": idle_ms}
        plan = planned("claim", {"group": to_path(GROUP), **chosen})
        assert plan.preview["total"] == 1
    assert run(plan).results == {"done": 1}


@pytest.mark.parametrize("ids", [(), ("1-0", "2-0")])
def test_nothing_is_idle_for_that_long(stuck: redis.Redis, ids: tuple[str, ...]) -> None:
    """Also of what the consumer holds already."""
    with pytest.raises(Changed):
        planned("claim", of_group(*ids, to=to_path(WORKER), min_idle_ms=100 * IDLE_MS))


def test_may_set_the_idle_time(stuck: redis.Redis) -> None:
    assert claim("1-0", idle_ms=5 * IDLE_MS).results == {"done": 1}
    who, idle, count = pending(stuck)[b"1-0"]
    assert (who, count) == (HELPER, 3)
    assert 5 * IDLE_MS <= idle < 6 * IDLE_MS


def test_may_set_when_it_was_delivered(stuck: redis.Redis) -> None:
    now_ms = int(stuck.time()[0]) * 1000
    claim("1-0", time_ms=now_ms - 7 * IDLE_MS)
    assert 7 * IDLE_MS <= pending(stuck)[b"1-0"][1] < 8 * IDLE_MS
    with pytest.raises(BadParameters, match="later than the server's clock"):
        planned("claim", of_group("2-0", to=to_path(HELPER), time_ms=now_ms + 10**7))


@pytest.mark.parametrize("count", [0, 9])
def test_may_set_the_delivery_count(stuck: redis.Redis, count: int) -> None:
    claim("1-0", retrycount=count)
    assert delivered(stuck, b"1-0") == (HELPER, count)


@pytest.mark.parametrize("options", [{"idle_ms": 3 * IDLE_MS}, {"retrycount": 8}, {"idle_ms": 0, "retrycount": 3}])
def test_what_was_to_be_set_is_found_out_after_a_lost_reply(stuck: redis.Redis, options: dict[str, int]) -> None:
    """Also of entries that the consumer held already."""
    neglect(stuck, "1-0", idle_ms=IDLE_MS, consumer=HELPER, deliveries=3)
    with lost_replies(lambda command: command[0] == "XCLAIM"):
        operation = claim("1-0", "2-0", **options)
    assert (operation.state, operation.results) == ("done", {"done": 2})


@pytest.mark.parametrize("options", [{"idle_ms": 3 * IDLE_MS}, {"retrycount": 8}, {"time_ms": 1}, {"bump": True}])
def test_what_does_not_show_what_was_to_be_set_was_not_claimed(stuck: redis.Redis, options: dict[str, Any]) -> None:
    ctx = ActionContext(
        Principal("anna"), links.get("default"), KEY, parse(ClaimParams, of_group(to=to_path(WORKER), **options))
    )
    assert Claim().reconcile(
        ctx, PendingSeen(EachSeen((), ())), [PendingWork("1-0 2-0", WORKER, 3, IDLE_MS)]
    ).named == {"failed": "1-0 2-0"}


def test_who_holds_all_of_them_already_gets_nothing(stuck: redis.Redis) -> None:
    plan = planned("claim", of_group(to=to_path(WORKER)))
    assert plan.preview["sentence"] == f"{plain(WORKER)} already holds all of them: no owner changes."
    assert f"{plain(WORKER)} already holds them" in [note["title"] for note in plan.preview["notes"]]
    assert plan.preview["redis_cli"] == []
    before = pending(stuck)
    assert run(plan).results == {"done": 4}
    assert all(pending(stuck)[id_][1] >= idle for id_, (_, idle, _) in before.items())


def test_who_holds_them_already_may_have_them_changed(stuck: redis.Redis) -> None:
    plan = planned("claim", of_group("1-0", to=to_path(WORKER), retrycount=7))
    assert any("resets to 0" in note["text"] for note in plan.preview["notes"])
    assert "RETRYCOUNT 7" in plan.preview["redis_cli"][0]
    run(plan)
    assert delivered(stuck, b"1-0") == (WORKER, 7)
    assert pending(stuck)[b"1-0"][1] < IDLE_MS


def _form(data: str, *ids: str) -> tuple[Form, Mapping[str, Any]]:
    ctx = ActionContext(Principal("anna"), links.get("default"), KEY, parse(Address, of_group(*ids)))
    form = Claim().form(ctx, QueryDict(data))
    return form, Claim().from_form(ctx, form) if form.is_valid() else {}


def test_the_form_takes_times_with_their_units(stuck: redis.Redis) -> None:
    form, params = _form("new=b&min_idle_ms=5+min&idle_ms=1+h&retrycount=0&force=on", "1-0")
    assert form.is_valid()
    wanted = of_group("1-0", to="b", min_idle_ms=300_000, idle_ms=3_600_000, retrycount=0, force=True)
    assert serialise(parse(ClaimParams, params)) == wanted
    assert "idle_ms" in _form("new=b&idle_ms=soon", "1-0")[0].errors


def test_the_form_offers_force_only_for_selected_entries(stuck: redis.Redis) -> None:
    assert "force" in _form("", "1-0")[0].fields
    assert "force" not in _form("")[0].fields


def test_what_it_holds_already_is_left_as_it_is(stuck: redis.Redis) -> None:
    neglect(stuck, "1-0", idle_ms=IDLE_MS, consumer=HELPER, deliveries=3)
    assert claim("1-0", "2-0").results == {"done": 2}
    assert pending(stuck)[b"1-0"][1] >= IDLE_MS


def test_an_entry_without_a_body_is_told_apart(stuck: redis.Redis) -> None:
    """From Redis 7.0 on it goes off the pending list when it is claimed; 6.2 moves it."""
    plan = planned("claim", of_group("1-0", "2-0", to=to_path(HELPER)))
    stuck.xdel(KEY, "1-0")
    operation = run(plan)
    gone = b"1-0" not in pending(stuck)
    assert operation.entries == [["1-0", "body_gone" if gone else "done"], ["2-0", "done"]]


def test_what_is_touched_between_look_and_act_stays(stuck: redis.Redis) -> None:
    plan = planned("claim", of_group("1-0", "2-0", to=to_path(HELPER)))
    with before_sending(lambda command: True, lambda: stuck.xclaim(KEY, GROUP, b"fast", 0, [b"1-0"], justid=True)):
        operation = run(plan)
    assert operation.entries == [["1-0", "owner_changed"], ["2-0", "done"]]
    assert delivered(stuck, b"1-0")[0] == b"fast"


def test_what_belonged_to_nobody_and_was_taken_since_it_was_read_stays(stuck: redis.Redis) -> None:
    """However short ago others were read: 1-0 half a second before 2-0."""
    stuck.xclaim(KEY, GROUP, b"fast", 0, [b"1-0"], justid=True)
    params = parse(ClaimParams, of_group(to=to_path(HELPER)))
    ctx = ActionContext(Principal("anna"), links.get("default"), KEY, params)
    done = Claim().act(
        ctx, PendingSeen(EachSeen((), ())), [PendingWork("1-0", b"", 3, 500), PendingWork("2-0", b"", 3, 0)]
    )
    assert done.named == {"done": "2-0", "owner_changed": "1-0"}
    assert delivered(stuck, b"1-0")[0] == b"fast"


# FORCE --------------------------------------------------------------------------------------------------------------


def test_without_force_what_is_not_pending_is_not_found(stuck: redis.Redis) -> None:
    assert claim("4-0", "5-0").entries == [["4-0", "done"], ["5-0", "not_found"]]


def test_force_makes_entries_pending_that_are_not(stuck: redis.Redis) -> None:
    stuck.xack(KEY, GROUP, "2-0")
    plan = planned("claim", of_group("1-0", "2-0", "6-0", "9-0", to=to_path(HELPER), force=True))
    assert plan.preview["total"] == 3
    assert any("FORCE" in note["title"] for note in plan.preview["notes"])
    operation = run(plan)
    assert operation.entries == [["1-0", "done"], ["2-0", "done"], ["6-0", "done"], ["9-0", "not_found"]]
    assert {id_ for id_, (who, _, _) in pending(stuck).items() if who == HELPER} == {b"1-0", b"2-0", b"6-0"}
    assert delivered(stuck, b"6-0") == (HELPER, 1)


def test_force_alone(stuck: redis.Redis) -> None:
    """Also where nothing is pending at all."""
    stuck.xack(KEY, GROUP, *pending(stuck))
    assert claim("5-0", force=True).results == {"done": 1}
    assert set(pending(stuck)) == {b"5-0"}


def test_force_takes_nothing_that_somebody_got_meanwhile(stuck: redis.Redis) -> None:
    plan = planned("claim", of_group("5-0", "6-0", to=to_path(HELPER), force=True))
    stuck.xreadgroup(GROUP, b"fast", {KEY: ">"}, count=1)
    assert run(plan).entries == [["5-0", "owner_changed"], ["6-0", "done"]]
    assert delivered(stuck, b"5-0") == (b"fast", 1)


def test_force_does_not_bring_back_what_is_deleted(stuck: redis.Redis) -> None:
    stuck.xdel(KEY, "5-0")
    with pytest.raises(Changed):
        planned("claim", of_group("5-0", "99-0", to=to_path(HELPER), force=True))


def test_a_lost_reply_to_force_is_found_out(stuck: redis.Redis) -> None:
    with lost_replies(lambda command: "FORCE" in command):
        operation = claim("1-0", "6-0", force=True)
    assert operation.state == "done"
    assert dict(map(tuple, operation.entries))["6-0"] == "done"
